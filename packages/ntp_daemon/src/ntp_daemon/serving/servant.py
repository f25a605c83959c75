"""Answers what comes to the sockets of one server: in a worker process, or in the event loop of whoever embeds it.

Theory of operation. Where there is the fast path in C, it takes the datagrams from the kernel, answers what is plain and allowed, and hands the
rest to the slow path, which is `ntp_proto.server.Responder` and knows everything. Both ask the same table of clients and the same bucket of all
clients. Without C, or with a hook or a policy by names, everything takes the slow path. What became of a datagram is counted, and told to
whoever listens to events.
"""

from __future__ import annotations

import logging
import os
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ntp_daemon.serving.counters import CounterPage, ServingCounters
from ntp_daemon.serving.request_events import RequestEvent
from ntp_proto.server import (
    Answer,
    ClientRecord,
    ClientTable,
    NamePolicy,
    PythonClientTable,
    Request,
    Responder,
    ServerPolicy,
    Snapshot,
    Tally,
    Verdict,
)
from ntp_proto.time_types import NtpTimestamp
from ntp_udp.fast_path import load_fast_server
from ntp_udp.server_socket import Incoming, ServerSocket

if TYPE_CHECKING:
    from ntp_udp.fast_server import FastServer

__all__ = ["EventSink", "HostHook", "Judges", "Servant"]

_log = logging.getLogger(__name__)

_BATCH = 64
"""Datagrams of one socket in one call: the others have clients too, and an event loop has other work."""
_SNAPSHOT_AGE_S = 0.01
"""How long the fast path may go on with one snapshot: long enough that the way through Python costs nothing under load."""
_CALLS_AT_END = 128
"""What is answered before the end, in calls: the receive buffers hold no more, and a flood cannot hold up the end."""

EventSink: TypeAlias = Callable[[RequestEvent], None]
HostHook: TypeAlias = Callable[[Request], str | None]
"""Asked with each request that would be answered; a text that is not empty drops the request, and is the reason."""


@dataclass(frozen=True, slots=True)
class Judges:
    """Those who have a say besides the policy; with them every request takes the slow path.

    Attributes:
        names: The policy by names.
        hook: The hook of the program that embeds the server.
    """

    names: NamePolicy | None = None
    hook: HostHook | None = None


class Servant:
    """Serves one policy. Everything happens in `serve`.

    Args:
        sockets: Bound; they stay the caller's to close.
        policy: Whom to serve.
        snapshot: The clock now; asked once in each call.
        judges: Who else has a say.
        page: Where to count.

    Attributes:
        events: Who is told of each request; None: nobody.
    """

    def __init__(
        self, sockets: Sequence[ServerSocket], policy: ServerPolicy, snapshot: Callable[[], Snapshot], judges: Judges, page: CounterPage
    ) -> None:
        self.sockets = tuple(sockets)
        self.events: EventSink | None = None
        self._snapshot = snapshot
        self._hook = judges.hook
        self._page = page
        self._tally = Tally()
        self._slow = 0
        self._hook_errors = 0
        seed = os.urandom(32)
        plain = judges.names is None and judges.hook is None
        fast_server = load_fast_server() if plain else None
        self._fast: FastServer | None = None if fast_server is None else fast_server(policy, seed, self.sockets, page.fast_words)
        self._clients: ClientTable = PythonClientTable(policy.clients, seed) if self._fast is None else self._fast.responder.clients
        self._responder = Responder(
            policy,
            self._clients,
            name_policy=judges.names,
            hook=None if judges.hook is None else self._ask_hook,
            global_bucket=None if self._fast is None else self._fast.responder.global_bucket,
        )

    @property
    def is_fast(self) -> bool:
        """Whether there is a fast path."""
        return self._fast is not None

    def serve(self, *, timeout_s: float = 0.0, wake_fd: int = -1) -> bool:
        """Answer what waits at the sockets and what comes, but not for long.

        Args:
            timeout_s: How long to wait for a datagram, s; 0.0: not at all.
            wake_fd: Come back when this is readable; -1: nothing.

        Returns:
            Whether there may be more; of what the fast path has answered by itself nothing is known.
        """
        if timeout_s > 0.0 and not self._wait(timeout_s, wake_fd):
            return False
        snapshot = self._snapshot()  # after the wait, or the first request after a quiet time would be answered from before it
        if self._fast is None:
            taken = [self._take_batch(one, snapshot) for one in self.sockets]
            self._take_departures(snapshot, is_woken_by_nothing=not any(taken))
            return _BATCH in taken
        linger_s = min(timeout_s, _SNAPSHOT_AGE_S)
        handled = self._fast.serve(snapshot, timeout_s=linger_s, wake_fd=wake_fd, watch=self.events is not None)
        for socket, incoming, verdict in handled:
            if verdict is None:
                self._answer(socket, incoming, snapshot)
            else:
                self._tell(incoming.request, verdict, snapshot)
        return bool(handled)

    def drain(self) -> None:
        """Answer what the kernel has queued, before the end."""
        for _ in range(_CALLS_AT_END):
            if not self.serve() and self._fast is None:
                break

    def handle_clock_set(self) -> None:
        """The served clock was stepped."""
        self._responder.handle_clock_set()
        if self._fast is not None:
            self._fast.responder.handle_clock_set()

    def show(self, *, clients: int = 0, events_lost: int = 0) -> None:
        """Store what was done on the page. The fast path has done that already.

        Args:
            clients: How many are remembered, when the caller has looked.
            events_lost: What has become of events, which only the caller knows.
        """
        counters = ServingCounters(tally=self._tally, slow=self._slow, hook_errors=self._hook_errors, clients=clients, events_lost=events_lost)
        self._page.store(counters)

    def active_clients(self) -> int:
        """How many clients are remembered; looks at each."""
        return self._clients.active(time.monotonic())

    def top_clients(self, count: int) -> tuple[ClientRecord, ...]:
        """The busiest clients; looks at each."""
        return self._clients.top(count, time.monotonic())

    def _wait(self, timeout_s: float, wake_fd: int) -> bool:
        """Whether there is a datagram, and nothing more important."""
        poll = select.poll()
        for fd in (*(one.fileno() for one in self.sockets), *((wake_fd,) if wake_fd >= 0 else ())):
            poll.register(fd, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(1000 * timeout_s)}
        return bool(ready) and wake_fd not in ready

    def _take_batch(self, socket: ServerSocket, snapshot: Snapshot) -> int:
        """How many there were."""
        for taken in range(_BATCH):
            incoming = socket.receive()
            if incoming is None:
                return taken
            self._answer(socket, incoming, snapshot)
        return _BATCH

    def _take_departures(self, snapshot: Snapshot, *, is_woken_by_nothing: bool) -> None:
        for one in self.sockets:
            for data, departed_at in one.departures(is_woken_by_nothing=is_woken_by_nothing):
                self._responder.handle_sent(data, departed_at, snapshot)

    def _answer(self, socket: ServerSocket, incoming: Incoming, snapshot: Snapshot) -> None:
        """The slow path: judge first, so that the transmit stamp is as late as can be."""
        request = incoming.request
        refusal = self._responder.judge(request, snapshot, time.monotonic())
        transmit_at = NtpTimestamp.from_unix_ns(time.clock_gettime_ns(time.CLOCK_REALTIME))
        verdict = self._responder.conclude(request, refusal, transmit_at, snapshot)
        self._tally.count(verdict, len(request.data), (transmit_at - request.received_at).value)
        self._slow += 1
        if isinstance(verdict, Answer) and not socket.answer(incoming, verdict.data, is_reported=self._responder.is_kept(request, verdict)):
            self._tally.send_errors += 1
        self._tell(request, verdict, snapshot)

    def _tell(self, request: Request, verdict: Verdict, snapshot: Snapshot) -> None:
        if self.events is not None:
            self.events(RequestEvent.of(request, verdict, snapshot.served(request.received_at)))

    def _ask_hook(self, request: Request) -> str:
        """The hook is the host's code: whatever it does, the server goes on. A hook that fails lets nobody through."""
        assert self._hook is not None
        try:
            return self._hook(request) or ""
        except Exception:  # noqa: BLE001 -- anything may be wrong with it
            self._hook_errors += 1
            if self._hook_errors == 1:
                _log.exception("the hook failed; the request was dropped. Further failures are counted only")
            return "the hook failed"
