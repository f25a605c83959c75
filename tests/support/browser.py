"""A real browser: headless Chromium, driven by the DevTools protocol through a pipe. No other package is needed, and no port is opened.

Source: https://chromedevtools.github.io/devtools-protocol/, --remote-debugging-pipe: JSON messages with a NUL at the end of each, on the file
descriptors 3 (to the browser) and 4 (from it).
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from select import select

import pytest

__all__ = ["Page", "browsing"]

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)
_PATIENCE_S = 30.0


class _Pipe:
    """Messages to and from the browser."""

    def __init__(self, write_fd: int, read_fd: int) -> None:
        self._write_fd = write_fd
        self._read_fd = read_fd
        self._rest = b""
        self._id = 0
        self.events: list[dict[str, object]] = []

    def call(self, method: str, session: str = "", **parameters: object) -> dict[str, object]:
        self._id += 1
        message = {"id": self._id, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._write_fd, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._id:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result = answer["result"]
                assert isinstance(result, dict)
                return result
            self.events.append(answer)

    def _next(self, deadline: float) -> dict[str, object]:
        while b"\0" not in self._rest:
            readable, _, _ = select([self._read_fd], [], [], max(0.0, deadline - time.monotonic()))
            assert readable, "the browser does not answer"
            chunk = os.read(self._read_fd, 1 << 20)
            assert chunk, "the browser has ended"
            self._rest += chunk
        message, _, self._rest = self._rest.partition(b"\0")
        document = json.loads(message)
        assert isinstance(document, dict)
        return document


class Page:
    """One tab."""

    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe
        target = pipe.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = str(pipe.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict[str, object]:
        """A command of the protocol."""
        return self._pipe.call(method, self._session, **parameters)

    def look(self, *, width: int = 1280, height: int = 900, dark: bool = False, phone: bool = False) -> None:
        """The window, and what its owner prefers."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, url: str) -> None:
        """Go there."""
        self.call("Page.navigate", url=url)
        self.wait(f"location.href.startsWith({json.dumps(url)}) && document.readyState === 'complete'")

    def run(self, script: str) -> object:
        """The value of an expression, which may be a promise."""
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        value = result["result"]
        assert isinstance(value, dict)
        return value.get("value")

    def text(self, selector: str) -> str:
        """What stands in an element."""
        return str(self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def wait(self, script: str, timeout_s: float = 20.0) -> None:
        """Until the expression is true."""
        deadline = time.monotonic() + timeout_s
        while not self.run(f"Boolean({script})"):
            assert time.monotonic() < deadline, (
                f"not within {timeout_s:g} s: {script}; the page says: {' '.join(self.text('body').split())[:1500]} {self.complaints()[-3:]}"
            )
            time.sleep(0.05)

    def _account(self) -> str:
        return f"the page says: {' '.join(self.text('body').split())[:1500]} {self.complaints()[-3:]}"

    def press(self, key: str) -> None:
        """A key, down and up."""
        more = {"text": "\r", "windowsVirtualKeyCode": 13} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    def type(self, text: str) -> None:
        """Text into what has the focus."""
        self.call("Input.insertText", text=text)

    def shot(self, path: Path, *, height: int | None = None) -> None:
        """A picture of the page, or of its upper part."""
        whole = self.run("[document.documentElement.clientWidth, document.documentElement.scrollHeight]")
        assert isinstance(whole, list)
        clip = {"x": 0, "y": 0, "width": whole[0], "height": min(height or whole[1], whole[1]), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        path.write_bytes(base64.b64decode(str(data)))

    def complaints(self) -> list[str]:
        """What the browser has found wrong so far: exceptions, and breaches of the content security policy among them."""
        self.run("0")
        found = []
        for event in self._pipe.events:
            parameters = event.get("params")
            if event.get("sessionId") != self._session or not isinstance(parameters, dict):
                continue
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(parameters["exceptionDetails"]))
            elif event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                found.append(str(parameters["entry"]["text"]))
        return found


def chromium() -> str:
    """The browser; the test is skipped where there is none."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no browser: install chromium, or say in CHROMIUM where one is (.ci/browser.sh fetches Debian's)")
    return path


@contextlib.contextmanager
def browsing() -> Iterator[Page]:
    """A tab in a browser of its own, with nothing of any other."""
    program = chromium()
    to_browser, from_us = os.pipe()
    from_browser, to_us = os.pipe()

    def place() -> None:  # the numbers that the browser expects
        first, second = os.dup(to_browser), os.dup(to_us)
        os.dup2(first, 3)
        os.dup2(second, 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=place,  # noqa: PLW1509 -- it calls dup2 and nothing else, which is safe after a fork
            pass_fds=(3, 4),
        )
        os.close(to_browser)
        os.close(to_us)
        try:
            yield Page(_Pipe(from_us, from_browser))
        finally:
            process.kill()
            process.wait()
            os.close(from_us)
            os.close(from_browser)
