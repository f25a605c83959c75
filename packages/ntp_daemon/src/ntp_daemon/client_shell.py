"""Carries out what the client wants done: sockets, one timer, log lines. All decisions are in `ntp_proto.client`."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple, assert_never

from ntp_daemon.clocks import MachineClock
from ntp_proto.association import AssociationConfig, Close, Demobilize, Reset, Send, WakeAt
from ntp_proto.client import Client, ClientAction, Notice, Severity, SourceAction, SourceLabel
from ntp_proto.datagram import Address, Datagram
from ntp_udp import StampHold, UdpSocket

__all__ = ["ClientShell"]

_log = logging.getLogger(__name__)

_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING}
_START_SPACING_S = 0.05
"""Between the first requests to different servers, so that they do not queue behind each other on our own line."""
_OLDEST_S = 1.0
"""A stamp that seems older than this is not believed to be that old: the clock was set meanwhile."""


class _Open(NamedTuple):
    token: int
    socket: UdpSocket


class ClientShell:
    """The client's hands and ears.

    Args:
        client: The state machine.
        clock: The clock that it disciplines; its monotonic scale is the client's.
        on_ending: Called when a source wants to be replaced.
        on_change: Called after everything that may have changed what is known of the clock.
    """

    def __init__(
        self, client: Client, clock: MachineClock, on_ending: Callable[[int, Reset | Demobilize], None], on_change: Callable[[], None]
    ) -> None:
        self._client = client
        self._clock = clock
        self._on_ending = on_ending
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._remotes: dict[int, Address] = {}
        self._open: dict[int, _Open] = {}
        self._ids = itertools.count(1)
        self._stamps = StampHold()

    def add(self, label: SourceLabel, remote: Address, config: AssociationConfig) -> int:
        """Begin to ask a server; returns the id of the association."""
        source = next(self._ids)
        delay_s = _START_SPACING_S * len(self._remotes)
        self._remotes[source] = remote
        self.perform(self._client.add_source(source, label, remote, config, self._clock.monotonic(), start_delay_s=delay_s))
        return source

    def remove(self, source: int) -> None:
        """Stop asking a server."""
        self._close(source)
        del self._remotes[source]
        self.perform(self._client.remove_source(source, self._clock.monotonic()))

    def set_online(self, source: int, *, online: bool) -> None:
        """Stop asking a server for a while, or ask it again."""
        self.perform(self._client.set_online(source, self._clock.monotonic(), online=online))

    def burst(self, sources: Iterable[int]) -> None:
        """Ask some servers several times in a row."""
        self.perform(self._client.burst(sources, self._clock.monotonic()))

    def perform(self, actions: Iterable[ClientAction]) -> None:
        """Do what the client asks for. Who is told of changes is told first: what the log says has happened then."""
        self._on_change()
        for action in actions:
            match action:
                case SourceAction(source, wish):
                    self._perform_source(source, wish)
                case WakeAt(at):
                    self._wake_at(at)
                case Notice(severity, text):
                    _log.log(_LEVELS[severity], "%s", text)
                case _:
                    assert_never(action)

    def close(self) -> None:
        """Close the sockets and the timer."""
        if self._timer is not None:
            self._timer.cancel()
        for source in list(self._open):
            self._close(source)
        self._stamps.close()

    def _perform_source(self, source: int, action: Send | Close | Reset | Demobilize) -> None:
        match action:
            case Send(token, data):
                self._send(source, token, data)
            case Close():
                self._close(source)
            case Reset() | Demobilize():
                self._on_ending(source, action)
            case _:
                assert_never(action)

    def _send(self, source: int, token: int, data: bytes) -> None:
        """From a fresh socket: the kernel picks a random port, which a blind attacker would have to guess too."""
        self._close(source)
        try:
            socket = UdpSocket.connect(self._remotes[source], convert=self._clock.convert)
        except OSError as error:
            self._report_send_error(source, token, error)
            return
        self._open[source] = _Open(token, socket)
        self._loop.add_reader(socket.fileno(), self._receive, source)
        try:
            socket.send(data)
        except OSError as error:
            self._close(source)
            self._report_send_error(source, token, error)

    def _report_send_error(self, source: int, token: int, error: OSError) -> None:
        _log.debug("cannot send to %s: %s", self._remotes[source], error)
        self.perform(self._client.handle_send_error(source, token, self._clock.monotonic()))

    def _receive(self, source: int) -> None:
        """Take one datagram; while there are more, the loop calls again."""
        opened = self._open[source]
        datagram = opened.socket.receive()
        if datagram is None:
            return
        now = self._arrival(datagram)
        stamp, stamp_source = opened.socket.sent_stamp()
        self.perform(self._client.handle_sent(source, opened.token, stamp, stamp_source, now))
        self.perform(self._client.handle_datagram(source, datagram, now))

    def _arrival(self, datagram: Datagram) -> float:
        """The monotonic instant at which a datagram arrived: now, less the age of its stamp."""
        age_s = (self._clock.clock.read() - datagram.received_at).to_seconds()
        return self._clock.monotonic() - (age_s if 0.0 <= age_s <= _OLDEST_S else 0.0)

    def _close(self, source: int) -> None:
        opened = self._open.pop(source, None)
        if opened is not None:
            self._loop.remove_reader(opened.socket.fileno())
            opened.socket.close()

    def _wake_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(max(0.0, at - self._clock.monotonic()), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.perform(self._client.handle_timer(self._clock.monotonic()))
