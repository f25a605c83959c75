"""The live page and what belongs to it, read once from the package."""

from __future__ import annotations

import hashlib
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ntp_dashboard.answers import failure

__all__ = ["Assets", "page"]

_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_PAGE = "index.html"


class _Asset:
    """A file that does not change while we run: a browser that has it is told so."""

    def __init__(self, body: bytes, media_type: str) -> None:
        self._body = body
        self._fields = {
            "Content-Type": media_type,
            "Cache-Control": "no-cache",  # a browser may keep it, but asks whether it is still the same: the page and its parts belong together
            "ETag": f'"{hashlib.sha256(body).hexdigest()[:20]}"',
        }

    def answer(self, request: Request) -> Response:
        """The file, or that it has not changed."""
        if self._fields["ETag"] in request.headers.get("if-none-match", "").split(", "):
            return Response(None, 304, self._fields)
        return Response(self._body, 200, self._fields)


class Assets:
    """Script, style and icon by their names. Only files that are in the table can be had: no path of a request ever meets the file system."""

    def __init__(self) -> None:
        folder = files("ntp_dashboard") / "static"
        self._assets: dict[str, _Asset] = {}
        for place in (folder, folder / "vendor"):
            for file in place.iterdir():
                suffix = file.name[file.name.rfind(".") :]
                if suffix in _TYPES:
                    self._assets[file.name] = _Asset(file.read_bytes(), _TYPES[suffix])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request for a file."""
        request = Request(scope, receive)
        name = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix("/")
        asset = self._assets.get(name)
        if asset is None:
            answer = failure(404, "not found")
        elif request.method not in ("GET", "HEAD"):
            answer = failure(405, "method not allowed", fields={"Allow": "GET, HEAD"})
        else:
            answer = asset.answer(request)
        await answer(scope, receive, send)


_page = _Asset((files("ntp_dashboard") / "static" / _PAGE).read_bytes(), "text/html; charset=utf-8")


async def page(request: Request) -> Response:
    """The page."""
    return _page.answer(request)
