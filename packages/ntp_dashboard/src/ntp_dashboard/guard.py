"""Who may come in: the name by which we are called, the token, the size and the time of a request. ASGI around the application.

- Host: a page from elsewhere could make its own name point to us (DNS rebinding) and read our answers as its own; so we answer only to names
  that are ours. A number cannot be made to point anywhere, so every numeric host is good.
- No CORS header is ever sent: no other page may read an answer.
- A token travels in the Authorization header alone, never in an address, where logs and histories would keep it.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
from collections.abc import Iterable

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ntp_dashboard.answers import failure

__all__ = ["MAXIMUM_BODY_BYTES", "BodyTooLongError", "Guard", "Token", "too_long"]

MAXIMUM_BODY_BYTES = 4096
_REQUEST_S = 10.0
"""For everything but a stream: to take the request, to ask the daemon, to send the answer."""
_FIELDS = (
    # The page is one document with its own script and style; nothing else may run, be loaded or be framed.
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
            b" frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)

_log = logging.getLogger(__name__)


class Token:
    """The secret that opens the API.

    Args:
        secret: The token; "": there is none, and `admits` lets everybody in.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode("ascii")
        self._complained: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._secret)

    def admits(self, scope: Scope) -> bool:
        """Whether the request carries it (RFC 6750 §2.1). The comparison takes as long for any wrong token of the same length."""
        if not self._secret:
            return True
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) == 1 and given[0][:7].lower() == b"bearer " and hmac.compare_digest(given[0][7:].strip(b" "), self._secret):
            return True
        if given:
            self._complain(scope)
        return False

    def _complain(self, scope: Scope) -> None:
        """Once for each host, and not for more than a few hosts: what was sent is nobody's business."""
        host = (scope.get("client") or ("?", 0))[0]
        if host not in self._complained and len(self._complained) < 64:
            self._complained.add(host)
            _log.warning("a wrong token came from %s; further ones from there are not logged", host)


class Guard:
    """Refuses what must not reach the application, and puts the security fields into every answer.

    Args:
        app: The application.
        host_names: By which names, besides addresses and localhost, we may be called; lower case.
        streams: Paths whose answers do not end.
    """

    def __init__(self, app: ASGIApp, host_names: Iterable[str], streams: Iterable[str]) -> None:
        self._app = app
        self._names = frozenset(host_names) | {"localhost"}
        self._streams = frozenset(streams)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return  # the application has no lifespan to speak of, and no WebSockets
        sent = _Sent(send)
        if not self._is_ours(scope):
            await failure(421, "this host name is not served here; add it to api.host-names")(scope, receive, sent)
            return
        if (declared := _content_length(scope)) is not None and declared > MAXIMUM_BODY_BYTES:
            await too_long()(scope, receive, sent)
            return
        limit = None if scope["path"] in self._streams else _REQUEST_S
        try:
            async with asyncio.timeout(limit):
                await self._app(scope, _Limited(receive), sent)
        except TimeoutError:
            await sent.instead(failure(408, f"the request took more than {_REQUEST_S:g} s", close=True), scope, receive)
        except ClientDisconnect:
            return
        except Exception:  # noqa: BLE001 -- the last line: a bug in one answer must not end the others, nor be shown to a stranger
            _log.exception("a request to %r failed", scope["path"])
            await sent.instead(failure(500, "something went wrong here; it is in the log"), scope, receive)

    def _is_ours(self, scope: Scope) -> bool:
        """Whether the name by which we are called is ours: RFC 9110 §7.4, rejecting misdirected requests."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return False
        host = hosts[0].decode("latin-1").lower()
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if name.startswith("[") and name.endswith("]"):
            name = name[1:-1]
        if name.rstrip(".") in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


class BodyTooLongError(Exception):
    """The body is longer than we take; told by `receive`, so that it ends whoever reads it."""


def too_long() -> Response:
    """The answer to such a request."""
    return failure(413, f"at most {MAXIMUM_BODY_BYTES} bytes are taken", close=True)


class _Limited:
    """`receive` with a limit on the body."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._taken = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._taken += len(message.get("body", b""))
            if self._taken > MAXIMUM_BODY_BYTES:
                raise BodyTooLongError
        return message


class _Sent:
    """`send` that knows whether the answer has begun, and adds the security fields."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            message = {**message, "headers": [*message.get("headers", ()), *_FIELDS]}
        await self._send(message)

    async def instead(self, answer: ASGIApp, scope: Scope, receive: Receive) -> None:
        """Another answer, if it is not too late for one."""
        if not self._begun:
            await answer(scope, receive, self)


def _content_length(scope: Scope) -> int | None:
    """The declared length; None where there is none, or where it is no number and the parser has refused it already."""
    value = next((value for name, value in scope["headers"] if name == b"content-length"), None)
    return int(value) if value is not None and value.isdigit() else None
