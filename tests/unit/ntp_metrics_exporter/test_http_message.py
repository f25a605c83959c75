from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_metrics_exporter.http_message import HttpError, Request, Response, parse_head, text_response


def _status(head: bytes) -> int:
    with pytest.raises(HttpError) as caught:
        parse_head(head)
    return caught.value.status


@pytest.mark.parametrize(
    ("head", "request_"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x", Request("GET", "/metrics")),
        (b"GET /metrics HTTP/1.0", Request("GET", "/metrics")),
        (b"HEAD /metrics?name[]=x HTTP/1.1\r\nhost:x", Request("HEAD", "/metrics")),
        (b"GET http://x:9975/metrics?a=b HTTP/1.1\r\nHost: x:9975", Request("GET", "/metrics")),
        (b"GET HTTP://x HTTP/1.1\r\nHost: x", Request("GET", "/")),
        (b"GET / HTTP/1.1\r\nHost: x\r\nACCEPT:\t a \r\nAccept: b", Request("GET", "/", "a, b")),
        (b"get / HTTP/1.0", Request("get", "/")),
    ],
)
def test_requests_that_are_understood(head: bytes, request_: Request) -> None:
    assert parse_head(head) == request_


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1\r\nHost: x",
        b"GET / HTTP/1.1 \r\nHost: x",
        b"GET / http/1.1\r\nHost: x",
        b"GET / HTTP/11\r\nHost: x",
        b"G(T / HTTP/1.1\r\nHost: x",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"GET * HTTP/1.1\r\nHost: x",
        b"GET metrics HTTP/1.1\r\nHost: x",
        b"GET / HTTP/1.1",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y",
        b"GET / HTTP/1.1\r\nHost: x\r\nno colon",
        b"GET / HTTP/1.1\r\nHost : x",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded",
        b"GET / HTTP/1.1\r\nHost: x\r\n: nameless",
    ],
)
def test_requests_that_break_the_rules(head: bytes) -> None:
    assert _status(head) == 400


def test_another_major_version() -> None:
    assert _status(b"GET / HTTP/2.0\r\nHost: x") == 505


@given(st.one_of(st.binary(max_size=200), st.from_regex(rb"(GET|HEAD) [ -~]{0,20} HTTP/1\.[01](\r\n[ -~]{0,30}){0,4}", fullmatch=True)))
def test_whatever_arrives_is_a_request_or_refused(head: bytes) -> None:
    try:
        path, status = parse_head(head).path, 200
    except HttpError as error:
        path, status = "/", error.status
    assert path.startswith("/")
    assert status in (200, 400, 505)


def test_a_response_as_it_is_sent() -> None:
    response = Response(302, b"there\n", fields=(("Location", "/metrics"),))
    head = (
        b"HTTP/1.1 302 Found\r\nDate: today\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 6\r\n"
        b"Connection: close\r\nLocation: /metrics\r\n\r\n"
    )
    assert response.encode(date="today", head_only=False) == head + b"there\n"
    assert response.encode(date="today", head_only=True) == head


def test_a_text_is_one_line_of_utf8() -> None:
    assert text_response(404, "nö").body == "nö\n".encode()
