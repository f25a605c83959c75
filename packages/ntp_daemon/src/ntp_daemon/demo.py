"""The demonstration: a server with a wrong, drifting clock on this machine, and the daemon following it with a clock of its own.

Nothing here is staged: the server answers real datagrams on the loopback interface, and the daemon is the one that `ntp-daemon -p` runs, with a
virtual clock. Only because the server is ours too can the true error be shown beside the estimate.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from ntp_daemon import log
from ntp_daemon.clocks import MachineClock, open_clock
from ntp_daemon.config.load import parse
from ntp_daemon.config.model import Config, LogFormat, LogLevel
from ntp_daemon.daemon import Daemon
from ntp_daemon.notify import Notifier
from ntp_proto.datagram import Address
from ntp_proto.errors import ParseError
from ntp_proto.explain import offset_text
from ntp_proto.identifiers import Mode, ReferenceId
from ntp_proto.packet import Header, Packet, response_to
from ntp_proto.states import ClockMode
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from ntp_udp import UdpServerSocket

__all__ = ["DemoServer", "run_demo"]

_AHEAD_S = 0.008
_DRIFT = 40e-6
_WANDER = 20e-9
_TRANSMIT_AT = 40
"""Where the transmit timestamp stands: at the end of the header (RFC 5905 §7.3)."""
_COMPARISONS = 8
_LINE_S = 1.0
_BAR_COLUMNS = 30
_BAR_FLOOR_S = 1e-7
_BAR_TOP_S = 1e-2


class DemoServer:
    """An NTP server whose clock is ahead of this machine's, gains on it, and whose rate wanders. Its time base is CLOCK_MONOTONIC_RAW."""

    def __init__(self) -> None:
        self._socket = UdpServerSocket.bind(Address("127.0.0.1", 0))
        self._rng = random.Random(1)  # noqa: S311 — the demonstration is the same each time
        self._rate = _DRIFT
        self._ahead_s = _AHEAD_S
        self._epoch_ns = time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        self._updated_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._answer)

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self._socket.local

    def read(self) -> NtpTimestamp:
        """What its clock shows."""
        self._wander()
        return self._show(_raw_ns())

    def close(self) -> None:
        """Stop answering."""
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    def _answer(self) -> None:
        while (datagram := self._socket.receive()) is not None:
            self._wander()
            raw_ns, system_ns = _raw_ns(), time.time_ns()
            received_at = self._show(raw_ns).minus(NtpTimestamp.from_unix_ns(system_ns) - datagram.received_at)
            with contextlib.suppress(ParseError):
                request = Packet.parse(datagram.data).header
                if request.mode is Mode.CLIENT:  # to answer an answer would make two servers talk to each other for ever
                    self._send(request, received_at, datagram.remote)

    def _send(self, request: Header, received_at: NtpTimestamp, to: Address) -> None:
        """The clock is read last: what is done after that counts as the way to the client, and half of it as an error of the client's clock."""
        reference = ReferenceId.from_ascii("DEMO")
        answer = response_to(request, receive=received_at, transmit=received_at, reference_id=reference, root_dispersion=NtpDuration.from_ns(1000))
        prepared = answer.to_bytes()[:_TRANSMIT_AT]
        self._wander()
        transmit = self._show(_raw_ns())
        self._socket.send(prepared + transmit.bits.to_bytes(8, "big"), to)

    def _wander(self) -> None:
        raw_ns = _raw_ns()
        elapsed_s = (raw_ns - self._updated_ns) * 1e-9
        self._updated_ns = raw_ns
        self._rate += self._rng.gauss(0.0, 1.0) * _WANDER * math.sqrt(elapsed_s)
        self._ahead_s += self._rate * elapsed_s

    def _show(self, raw_ns: int) -> NtpTimestamp:
        """What its clock shows at an instant shortly after `_wander`."""
        return NtpTimestamp.from_unix_ns(self._epoch_ns + raw_ns + round(self._ahead_s * 1e9))


def _raw_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


def run_demo() -> int:
    """Run until Ctrl-C; returns the exit status."""
    log.set_up(LogLevel.WARN, LogFormat.TEXT, os.environ)
    asyncio.run(_demonstrate())
    return 0


async def _demonstrate() -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = DemoServer()
    clock = open_clock(ClockMode.VIRTUAL)
    with tempfile.TemporaryDirectory(prefix="ntpd-py-demo-") as folder:
        config = _configuration(server.address, Path(folder))
        daemon = Daemon(config, lambda: config, clock, Notifier({}))
        introduction = _introduction(server.address, config.observability.observation_path)
        lines = loop.create_task(_print_lines(introduction, daemon, clock, server, stop))
        try:
            await daemon.run(stop)
        finally:
            lines.cancel()
            server.close()
    _say("\nThat was the daemon itself. For this computer's clock: sudo ntp-daemon -p pool.ntp.org")


def _configuration(server: Address, folder: Path) -> Config:
    text = f"""
        [[source]]
        mode = "server"
        address = "{server}"
        poll-interval-limits = {{ min = 0, max = 3 }}
        [synchronization]
        drift-file = ""
        [observability]
        observation-path = "{folder / "observe"}"
        configuration-path = "{folder / "configure"}"
        [clock]
        mode = "virtual"
    """
    return parse(text)


def _introduction(server: Address, observation_path: str) -> str:
    return f"""\
A server on {server} has a clock that is {offset_text(_AHEAD_S)} ahead, gains {_DRIFT * 1e6:.0f} ppm, and wanders.
The daemon follows it with a virtual clock: this computer's own clock is not touched. Ctrl-C ends.
In another terminal: ntp-ctl -o {observation_path} status

  time   true error   estimate (± bound)          frequency    |error|, each # is a factor of 1.5
"""


async def _print_lines(introduction: str, daemon: Daemon, clock: MachineClock, server: DemoServer, stop: asyncio.Event) -> None:
    """Until nobody reads on."""
    began = time.monotonic()
    is_read = _say(introduction)
    while is_read:
        is_read = _say(_line(time.monotonic() - began, daemon, clock, server))
        await asyncio.sleep(_LINE_S)
    stop.set()


def _line(elapsed_s: float, daemon: Daemon, clock: MachineClock, server: DemoServer) -> str:
    error_s = _true_error_s(clock, server)
    system = daemon.client.discipline.system(clock.monotonic())
    estimate = "-"
    if system.estimate is not None:
        # What NTP can promise: nobody sees from one end how a round trip divides into there and back.
        bound_s = 0.5 * system.root_delay_s + system.root_dispersion_s
        estimate = f"{offset_text(-system.offset_s)} ± {offset_text(bound_s)[1:]}"
    return f"{elapsed_s:5.0f} s  {offset_text(error_s):>11}   {estimate:<26}  {system.frequency * 1e6:+9.3f} ppm  {_bar(error_s)}"


def _true_error_s(clock: MachineClock, server: DemoServer) -> float:
    """How far the daemon's clock is ahead of the server's. Of several comparisons the tightest counts: the first ones find cold caches."""
    best: tuple[NtpDuration, NtpDuration] | None = None
    for _ in range(_COMPARISONS):
        before = clock.clock.read()
        true = server.read()
        length = clock.clock.read() - before
        if best is None or length < best[0]:
            best = length, before + length.half() - true
    assert best is not None, "there is one comparison at least"
    return best[1].to_seconds()


def _bar(error_s: float) -> str:
    size = max(abs(error_s), _BAR_FLOOR_S)
    part = math.log(size / _BAR_FLOOR_S) / math.log(_BAR_TOP_S / _BAR_FLOOR_S)
    return "#" * max(1, min(_BAR_COLUMNS, round(part * _BAR_COLUMNS)))


def _say(text: str) -> bool:
    """To a pipe as well as to a terminal, at once; whether anybody reads it (`ntp-daemon --demo | head`)."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would complain again when it flushes at the end
        return False
    return True
