"""As much of HTTP/1.1 as a scrape needs, without input or output: the head of a request read, a response written.

Each connection carries one request; a body is never read. What is not understood is refused with the status that says so.

Source: RFC 9110 (semantics), RFC 9112 (syntax).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["MAXIMUM_HEAD_BYTES", "MAXIMUM_REQUEST_LINE_BYTES", "HttpError", "Request", "Response", "parse_head", "text_response"]

MAXIMUM_REQUEST_LINE_BYTES = 2048
MAXIMUM_HEAD_BYTES = 8192

_REASONS = {
    200: "OK",
    302: "Found",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    414: "URI Too Long",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_VERSION = re.compile(r"HTTP/\d\.\d")


class HttpError(Exception):
    """A request that is refused.

    Args:
        status: The status code.
        message: Why, one sentence for people.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """What matters of a request.

    Attributes:
        method: As sent: methods are case-sensitive.
        path: Of the target, without the query.
        accept: The Accept header fields joined by commas, "" without one.
    """

    method: str
    path: str
    accept: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered.

    Attributes:
        status: The status code.
        body: The content.
        content_type: Its media type.
        fields: Further header fields.
    """

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    fields: tuple[tuple[str, str], ...] = ()

    def encode(self, *, date: str, head_only: bool) -> bytes:
        """The response as it is sent.

        Args:
            date: Now, as an HTTP date.
            head_only: Leave the content away, as HEAD asks for; the head stays the same.
        """
        fields = [
            ("Date", date),
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            ("Connection", "close"),
            *self.fields,
        ]
        head = f"HTTP/1.1 {self.status} {_REASONS[self.status]}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
        return head.encode("ascii") + (b"" if head_only else self.body)


def text_response(status: int, message: str, *fields: tuple[str, str]) -> Response:
    """One line of text."""
    return Response(status, f"{message}\n".encode(), fields=fields)


def parse_head(head: bytes) -> Request:
    """Read the head of a request.

    Args:
        head: The request line and the header fields, without the empty line at their end.

    Raises:
        HttpError: it is refused.
    """
    line, *fields = head.decode("latin-1").split("\r\n")
    words = line.split(" ")
    if len(words) != 3 or not _TOKEN.fullmatch(words[0]) or not _VERSION.fullmatch(words[2]):
        raise HttpError(400, "not an HTTP request")
    method, target, version = words
    if not version.startswith("HTTP/1."):
        raise HttpError(505, "only HTTP/1.x is spoken here")
    values = _fields(fields)
    # RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host header field".
    if version != "HTTP/1.0" and len(values.get("host", ())) != 1:
        raise HttpError(400, "exactly one Host header field is required")
    return Request(method, _path(target), ", ".join(values.get("accept", ())))


def _path(target: str) -> str:
    """The path of a target in origin form ("/metrics?x") or absolute form ("http://host/metrics")."""
    if target.lower().startswith("http://"):
        target = "/" + target[len("http://") :].partition("/")[2]
    if not target.startswith("/"):
        raise HttpError(400, "the target of the request is not a path")
    return target.partition("?")[0]


def _fields(lines: list[str]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name):
            raise HttpError(400, "a header field is malformed")
        values.setdefault(name.lower(), []).append(value.strip(" \t"))
    return values
