"""The demonstration page is that of a real run, needs nothing from elsewhere, and can be made again."""

from __future__ import annotations

import re
import socket
from html.parser import HTMLParser
from pathlib import Path

import make_demo
import msgspec
import pytest
from demo.network import SERVERS, ReferenceClock, serving
from demo.page import render
from demo.record import Point, Result

from ntp_proto.packet import Header, client_request
from ntp_proto.time_types import NtpTimestamp, PollInterval

DOCS = Path(__file__).parents[2] / "docs"
RESULT = make_demo.load(DOCS / "demo-result.json")
PAGE = (DOCS / "index.html").read_text(encoding="utf-8")
_VOID = {"meta", "link", "br", "line"}


class _Elements(HTMLParser):
    """What the page has, and whether every element that begins ends."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action", "srcset")]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def elements(page: str) -> _Elements:
    found = _Elements()
    found.feed(page)
    found.close()
    return found


def test_the_page_is_made_from_the_recorded_run() -> None:
    assert make_demo.main(["--check"]) == 0, "run: ./dev python scripts/make_demo.py --page"


def test_the_run_is_one_that_went_well() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", RESULT.runAt)
    assert RESULT.ntp["stratum"] == 2
    assert msgspec.to_builtins(RESULT.status["system"])["state"] == "synchronized"
    sources = msgspec.convert(RESULT.status["sources"], list[dict[str, object]])
    assert sorted(str(source["status"]) for source in sources) == ["falseticker", "selected", "selected", "selected"]
    settled = [point for point in RESULT.series if point.at_s > RESULT.series[-1].at_s / 2 and point.error_s is not None]
    assert len(settled) > 50
    for point in settled:
        assert point.error_s is not None
        assert point.statistical_error_s is not None
        assert abs(point.error_s) < point.statistical_error_s


def test_nothing_comes_from_elsewhere() -> None:
    found = elements(PAGE)
    assert found.open == []
    assert [address for address in found.addresses if not address.startswith("data:")] == ["demo-result.json"]
    assert "default-src 'none'" in PAGE
    assert not re.search(r"(fetch|import|XMLHttpRequest|@import|url)\(", PAGE.replace("url(data:", ""))


def test_both_colour_schemes_have_every_colour() -> None:
    light, dark = (set(re.findall(r"(--[\w-]+):", block)) for block in re.findall(r":root \{(.*?)\}", PAGE, re.DOTALL))
    assert light - dark == {"--mono"}
    assert set(re.findall(r"var\((--[\w-]+)\)", PAGE)) <= light


def test_what_others_say_is_shown_and_not_carried_out() -> None:
    """Names and reasons come from the network and from configurations."""
    status = msgspec.json.decode(msgspec.json.encode(RESULT.status))
    status["sources"][0]["name"] = "<script>alert(1)</script>"
    status["system"]["reason"] = '"><img src=x>'
    page = render(msgspec.structs.replace(RESULT, status=status))
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert elements(page).open == []


def test_what_is_not_known_is_a_dash() -> None:
    """Before the first answer, and against servers whose truth nobody knows."""
    status = msgspec.json.decode(msgspec.json.encode(RESULT.status))
    for name in ("offset_s", "offset_error_s", "minimum_delay_s", "jitter_s"):
        status["sources"][0][name] = None
    nothing = Point(
        at_s=1.0,
        error_s=None,
        resolution_s=None,
        estimate_s=0.0,
        standard_error_s=None,
        statistical_error_s=None,
        maximum_error_s=None,
        frequency=0.0,
    )
    page = render(Result(runAt=RESULT.runAt, ntp=RESULT.ntp, status=status, series=(nothing,)))
    assert "True error" not in page
    assert "<span hidden>" in page
    assert '<td data-label="Delay" class="number">-</td>' in page
    assert "<polyline" not in page


def test_the_servers_tell_the_truth_but_for_one_that_lies() -> None:
    truth = ReferenceClock()
    with serving(truth) as addresses:
        for server, address in zip(SERVERS, addresses, strict=True):
            host, _, port = address.rpartition(":")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(5.0)
                client.connect((host, int(port)))
                before = truth.read()
                client.send(client_request(NtpTimestamp(42), PollInterval(0)).to_bytes())
                answer = Header.parse(client.recv(1024))
                after = truth.read()
            told = NtpTimestamp(answer.receive_bits)
            assert host == server.host
            assert answer.origin_bits == 42
            assert (after - before).to_seconds() >= 2 * server.one_way_s
            assert server.one_way_s <= (told - before).to_seconds() - server.lie_s <= (after - before).to_seconds() - server.one_way_s


def test_a_page_can_be_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run of three seconds, with the daemon itself."""
    assert make_demo.main(["--seconds", "3", "--out", str(tmp_path)]) == 0
    assert make_demo.main(["--check", "--out", str(tmp_path)]) == 0
    result = make_demo.load(tmp_path / "demo-result.json")
    assert [round(point.at_s) for point in result.series] == [0, 1, 2]
    assert len(msgspec.convert(result.status["sources"], list[dict[str, object]])) == len(SERVERS)
    assert elements((tmp_path / "index.html").read_text(encoding="utf-8")).open == []
    capsys.readouterr()
    (tmp_path / "index.html").write_text("stale")
    assert make_demo.main(["--check", "--out", str(tmp_path)]) == 1
