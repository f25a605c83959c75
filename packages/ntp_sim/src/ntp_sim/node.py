"""A simulated machine that runs the client: the shell of `ntp_proto.client.Client` in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import assert_never

from ntp_proto.algorithm import Discipline, DisciplineConfig, FrequencyPrior
from ntp_proto.association import AssociationConfig, Close, Demobilize, Reset, Send, WakeAt
from ntp_proto.client import Client, ClientAction, Notice, Observer, SourceAction, SourceLabel
from ntp_proto.clock import Clock
from ntp_proto.datagram import Address, Datagram, StampSource
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from ntp_sim.queueing import Queue, constant
from ntp_sim.server import SimServer
from ntp_sim.sim_clock import SimClock
from ntp_sim.world import World

__all__ = ["Machine", "SimClient"]

_WATCH_S = 8.0
"""How often the daemon looks whether something else has set the clock."""
_EARLY_S = 1e-6
"""A timer that would ring earlier than this is set anew: the oscillator has changed since it was set."""


_AT_ONCE = constant(0.0)


@dataclass(frozen=True, slots=True)
class Machine:
    """How a machine treats the client: its stamps, and how long it lets the process wait.

    Attributes:
        stamps: Who stamps. The kernel and the hardware stamp when a datagram leaves and arrives; the daemon itself when it runs: before it
            sends, and after it was woken.
        stamp_noise_s: Standard deviation of the error of each stamp, s.
        latency: From an event to the process that handles it, and from the process to the wire, s.
    """

    stamps: StampSource = StampSource.KERNEL
    stamp_noise_s: float = 0.0
    latency: Queue = _AT_ONCE


class SimClient:
    """Args are the machine and its settings.

    Args:
        world: Whose time passes.
        clock: The machine's clock.
        config: Of the discipline.
        prior: What its drift file says; None: there is none.
        machine: How it treats the process.
        observer: Is told what goes into the discipline.
        tap: Stands between the discipline and the clock.
        name: Of its randomness.
    """

    def __init__(  # noqa: PLR0913 — what a machine consists of
        self,
        world: World,
        clock: SimClock,
        config: DisciplineConfig | None = None,
        prior: FrequencyPrior | None = None,
        *,
        machine: Machine | None = None,
        observer: Observer | None = None,
        tap: Callable[[Clock], Clock] | None = None,
        name: str = "client",
    ) -> None:
        self.clock = clock
        discipline = Discipline(config or DisciplineConfig(), tap(clock) if tap else clock, clock.monotonic(), prior)
        self.client = Client(discipline, world.rng(name), observer)
        self.notices: list[tuple[float, Notice]] = []
        """What an operator would have read, with the true time, s."""
        self.endings: list[tuple[float, int, Reset | Demobilize]] = []
        """Sources that asked to be replaced, with the true time, s."""
        self.sent = 0
        """Requests that have left."""
        self._world = world
        self._machine = machine or Machine()
        self._rng = world.rng(f"{name} machine")
        self._ids = itertools.count(1)
        self._ports = itertools.count(32768)
        self._servers: dict[int, SimServer] = {}
        self._open: dict[int, Address] = {}
        self._timer = 0
        self._wanted_at: float | None = None
        clock.on_displaced = self._look_soon

    def follow(self, server: SimServer, config: AssociationConfig | None = None) -> int:
        """Begin to follow a server; returns the source's id."""
        source = next(self._ids)
        self._servers[source] = server
        label = SourceLabel(str(server.address), "server")
        now = self.clock.monotonic()
        self._perform(self.client.add_source(source, label, server.address, config or AssociationConfig(), now, start_delay_s=0.05 * source))
        return source

    def leave(self, source: int) -> None:
        """Stop following a source."""
        self._open.pop(source, None)
        self._perform(self.client.remove_source(source, self.clock.monotonic()))

    def server(self, source: int) -> SimServer:
        """The server behind a source."""
        return self._servers[source]

    def suspend(self, length_s: float, rtc_error_s: float) -> None:
        """Let the machine sleep from now on; what is sent to it meanwhile is lost.

        Args:
            length_s: For how long, s.
            rtc_error_s: What the clock has gained when it is set from the real-time clock at the end, s.
        """

        def resume() -> None:
            self.clock.wake_up(rtc_error_s)
            if self._wanted_at is not None:
                self._wake_at(self._wanted_at)

        self.clock.fall_asleep()
        self._world.at(self._world.now + length_s, resume)

    def _perform(self, actions: Iterable[ClientAction]) -> None:
        for action in actions:
            match action:
                case SourceAction(source, wish):
                    self._perform_source(source, wish)
                case WakeAt(at):
                    self._wake_at(at)
                case Notice():
                    self.notices.append((self._world.now, action))
                case _:
                    assert_never(action)

    def _perform_source(self, source: int, action: Send | Close | Reset | Demobilize) -> None:
        match action:
            case Send(token, data):
                self._send(source, token, data)
            case Close():
                self._open.pop(source, None)
            case Reset() | Demobilize():
                self.endings.append((self._world.now, source, action))
            case _:
                assert_never(action)

    def _send(self, source: int, token: int, data: bytes) -> None:
        local = Address("10.0.0.1", next(self._ports))
        self._open[source] = local
        self.sent += 1
        by_daemon = self._stamp() if self._machine.stamps is StampSource.DAEMON else None

        def leave() -> None:
            if not self.clock.is_asleep:
                self._servers[source].carry(data, lambda answer: self._receive(source, local, answer))
                self._perform(self.client.handle_sent(source, token, by_daemon or self._stamp(), self._machine.stamps, self.clock.monotonic()))

        self._after_latency(leave)

    def _receive(self, source: int, local: Address, data: bytes) -> None:
        if self.clock.is_asleep:
            return
        by_kernel = self._stamp() if self._machine.stamps is not StampSource.DAEMON else None

        def handle() -> None:
            if self._open.get(source) == local and not self.clock.is_asleep:  # a closed socket hears nothing
                datagram = Datagram(data, self._servers[source].address, local, by_kernel or self._stamp(), self._machine.stamps)
                self._perform(self.client.handle_datagram(source, datagram, self.clock.monotonic()))

        self._after_latency(handle)

    def _stamp(self) -> NtpTimestamp:
        noise_s = self._machine.stamp_noise_s
        now = self.clock.read()
        return now + NtpDuration.from_seconds(self._rng.gauss(0.0, noise_s)) if noise_s else now

    def _after_latency(self, event: Callable[[], None]) -> None:
        latency_s = self._machine.latency(self._rng, self._world.now)
        if latency_s > 0.0:
            self._world.at(self._world.now + latency_s, event)
        else:
            event()

    def _wake_at(self, at: float) -> None:
        """Arm the timer; the previous one goes unheard. The oscillator may wander meanwhile, so it is late rather than early by a nanosecond."""
        self._timer += 1
        self._wanted_at = at
        armed = self._timer

        def ring() -> None:
            if armed != self._timer or self.clock.is_asleep:
                return
            if self.clock.monotonic() < at - _EARLY_S:
                self._wake_at(at)
            else:
                self._after_latency(handle)

        def handle() -> None:
            if armed == self._timer and not self.clock.is_asleep:
                self._wanted_at = None
                self._perform(self.client.handle_timer(max(at, self.clock.monotonic())))

        self._world.at(self.clock.true_time_of(at) + 1e-9, ring)

    def _look_soon(self) -> None:
        """The daemon compares clock and monotonic clock at regular times; here only when there is something to be seen."""
        now = self.clock.monotonic()
        wait_s = _WATCH_S - now % _WATCH_S

        def look() -> None:
            if not self.clock.is_asleep:
                self._perform(self.client.check_clock(self.clock.monotonic()))

        self._world.at(self._world.now + wait_s, look)
