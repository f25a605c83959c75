"""Answering in the event loop of the process itself: for `workers = 0`, for hooks, and where no worker can be started."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from ntp_daemon.serving.counters import CounterPage, ServingCounters
from ntp_daemon.serving.dns_policy import open_dns_policy
from ntp_daemon.serving.messages import ClientReport
from ntp_daemon.serving.request_events import RequestEvent
from ntp_daemon.serving.servant import HostHook, Judges, Servant
from ntp_daemon.serving.settings import ServerSettings
from ntp_proto.server import Snapshot
from ntp_udp.server_socket import ServerSocket

__all__ = ["LocalService"]

_CLIENTS_COUNTED_S = 1.0


class LocalService:
    """A servant whose sockets the event loop watches, from its making to `stop`.

    Args:
        settings: Whom it serves.
        sockets: Where; they stay the caller's to close.
        snapshot: The clock now.
        hook: The host's hook.
        on_event: Takes what became of each request; see `set_events`.

    Raises:
        ConfigError: The policy by names cannot work.
    """

    def __init__(
        self,
        settings: ServerSettings,
        sockets: Sequence[ServerSocket],
        snapshot: Callable[[], Snapshot],
        hook: HostHook | None,
        on_event: Callable[[RequestEvent], None],
    ) -> None:
        self._page = CounterPage()
        self._names = open_dns_policy(settings.dns_policy)
        self._servant = Servant(sockets, settings.policy, snapshot, Judges(names=self._names, hook=hook), self._page)
        self._on_event = on_event
        self._clients = 0
        self._clients_counted_at = -_CLIENTS_COUNTED_S
        self._loop = asyncio.get_running_loop()
        self._is_serving = True
        self.watch()

    def watch(self) -> None:
        """Serve what comes from now on, in place of whoever did so in this loop before."""
        for one in self._servant.sockets:
            self._loop.add_reader(one.fileno(), self._servant.serve)

    def set_events(self, wanted: bool) -> None:
        """Whether events are wanted."""
        self._servant.events = self._on_event if wanted else None

    def handle_clock_set(self) -> None:
        """The served clock was stepped."""
        self._servant.handle_clock_set()

    def counters(self) -> ServingCounters:
        """What it has done."""
        now = time.monotonic()
        if now - self._clients_counted_at >= _CLIENTS_COUNTED_S:  # it takes a look at each
            self._clients_counted_at = now
            self._clients = self._servant.active_clients()
        self._servant.show(clients=self._clients)
        return self._page.load()

    def clients(self, count: int) -> ClientReport:
        """Its busiest clients."""
        return ClientReport(self._servant.active_clients(), self._servant.top_clients(count))

    def stop(self, *, drain: bool = True) -> None:
        """Answer what is queued, and end. Stopping twice does nothing.

        Args:
            drain: False: somebody else goes on with the sockets.
        """
        if not self._is_serving:
            return
        self._is_serving = False
        for one in self._servant.sockets:
            self._loop.remove_reader(one.fileno())
        if drain:
            self._servant.drain()
        if self._names is not None:
            self._names.close()
