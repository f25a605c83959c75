"""The daemon as the dashboard sees it: asked at most a few times a second, however many clients ask us.

Exchanges are blocking and short (`ntp_ctl.client`), so they run in a thread; who comes while one is under way gets its result.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from ntp_ctl.client import DaemonError, Failure, fetch_history, fetch_observation, send_control
from ntp_dashboard import portray
from ntp_proto.control import Reply, Request
from ntp_proto.observation import Observation

__all__ = ["DaemonLink"]

_log = logging.getLogger(__name__)

_FRESH_S = 0.25
_SERIES_FRESH_S = 1.0
_WINDOWS = 16
_PATIENCE_S = 3.0
_CONTROL_PATIENCE_S = 8.0
"""A restart of the server answers what is queued first, and that may take 5 s."""

Value = TypeVar("Value")


@dataclass(slots=True)
class _Kept(Generic[Value]):
    """A result and its age, or the exchange that will bring it."""

    fetch: Callable[[], Value]
    fresh_s: float
    until: float = 0.0
    task: asyncio.Task[Value] | None = None

    async def get(self) -> Value:
        loop = asyncio.get_running_loop()
        if self.task is None or (self.task.done() and loop.time() >= self.until):
            self.task = loop.create_task(asyncio.to_thread(self.fetch))
            self.task.add_done_callback(self._done)
        return await asyncio.shield(self.task)  # one client that goes away takes nothing from the others

    def _done(self, task: asyncio.Task[Value]) -> None:
        failed = task.cancelled() or task.exception() is not None
        self.until = asyncio.get_running_loop().time() + (0.0 if failed else self.fresh_s)


class DaemonLink:
    """Asks the daemon. Every method may raise `DaemonError`.

    Args:
        observation: Its observation socket.
        configuration: Its configuration socket; None: it has none.
    """

    def __init__(self, observation: Path, configuration: Path | None) -> None:
        self._observation = observation
        self._configuration = configuration
        self._observed = _Kept(lambda: fetch_observation(observation, timeout_s=_PATIENCE_S), _FRESH_S)
        self._series: dict[float, _Kept[bytes]] = {}
        self._trouble = ""

    async def observe(self) -> Observation:
        """Its state, at most a quarter of a second old."""
        try:
            observation = await self._observed.get()
        except DaemonError as error:
            self._note(str(error))
            raise
        self._note("")
        return observation

    async def series(self, window_s: float) -> bytes:
        """What it remembers of so many seconds, at most a second old, as the JSON of `documents.Series`, made once for all who ask.

        Args:
            window_s: More than 0, at most a week. The last few that were asked for are kept.
        """
        kept = self._series.get(window_s)
        if kept is None:
            while len(self._series) >= _WINDOWS:
                self._series.pop(next(iter(self._series)))
            kept = _Kept(lambda: self._fetch_series(window_s), _SERIES_FRESH_S)
            self._series[window_s] = kept
        return await kept.get()

    def _fetch_series(self, window_s: float) -> bytes:
        return msgspec.json.encode(portray.series(fetch_history(self._observation, window_s, timeout_s=_PATIENCE_S)))

    async def order(self, request: Request) -> Reply:
        """Ask for something on the configuration socket."""
        path = self._configuration
        if path is None:
            raise DaemonError(Failure.NOT_RUNNING, "the configuration socket is switched off in the daemon's configuration")
        return await asyncio.to_thread(lambda: send_control(path, request, timeout_s=_CONTROL_PATIENCE_S))

    def _note(self, trouble: str) -> None:
        """Say once that it is away and once that it is back, not at every request."""
        if trouble != self._trouble:
            self._trouble = trouble
            _log.warning("%s", trouble or "the daemon answers again")
