"""A Linux machine's clocks in virtual time: the readings, and `clock_adjtime` as the kernel carries it out.

A verified fake: the tests of `OsClock` run on it always, and the contract runs on the real kernel too, under the marker `real_clock`.
"""

import errno
from dataclasses import dataclass, field

from ntp_os_clock.timex import Timex

START_NS = 1_767_225_600_000_000_000  # 2026-01-01
NS = 1_000_000_000


@dataclass
class FakeMachine:
    """Time passes by `advance`, and by `reading_ns` with each reading.

    Attributes:
        privileged: Whether the process has CAP_SYS_TIME.
        offset_ns: What the kernel's own loop still has to slew; it does 1/16 of it in a second.
        adjtime_us: What is left of an adjtime(3), slewed at 500 ppm.
    """

    privileged: bool = True
    reading_ns: int = 40
    raw_ns: int = 5_000 * NS
    monotonic_ns: float = 4_990.0 * NS
    epoch_ns: int = START_NS - 4_990 * NS
    freq: int = 0
    tick: int = 10_000
    status: int = 0x40
    esterror: int = 16_000_000
    maxerror: int = 16_000_000
    tai: int = 0
    offset_ns: int = 0
    adjtime_us: float = 0.0
    errno: int = 0
    calls: list[int] = field(default_factory=list)

    def timex(self) -> Timex:
        return Timex((FakeFfi(self), self))

    # readings

    def raw(self) -> int:
        self.advance(self.reading_ns / NS)
        return self.raw_ns

    def monotonic(self) -> int:
        self.advance(self.reading_ns / NS)
        return round(self.monotonic_ns)

    def realtime(self) -> int:
        self.advance(self.reading_ns / NS)
        return round(self.monotonic_ns) + self.epoch_ns

    # time passes

    def advance(self, seconds: float) -> None:
        elapsed_ns = round(seconds * NS)
        self.raw_ns += elapsed_ns
        corrected_ns = elapsed_ns * (1 + (self.tick - 10_000) * 1e-4 + self.freq / 65536e6)
        slewed_us = max(-500e-6 * elapsed_ns / 1e3, min(500e-6 * elapsed_ns / 1e3, self.adjtime_us))
        self.adjtime_us -= slewed_us
        looped_ns = self.offset_ns * min(1.0, elapsed_ns / 16 / NS)
        self.offset_ns -= round(looped_ns)
        self.monotonic_ns += corrected_ns + slewed_us * 1e3 + looped_ns

    def foreign_step(self, seconds: float) -> None:
        """As settimeofday(2)."""
        self.epoch_ns += round(seconds * NS)
        self.status |= 0x40

    def leap_second(self, inserted: int) -> None:
        """As the kernel at midnight: 1 inserts a second, -1 deletes one."""
        self.epoch_ns -= inserted * NS
        self.tai += inserted

    # the C library

    def clock_adjtime(self, clock_id: int, tx: "FakeTimexStruct") -> int:
        assert clock_id == 0
        self.calls.append(tx.modes)
        if tx.modes and not self.privileged:
            return self._refuse(errno.EPERM)
        if tx.modes & 0x8000:
            assert tx.modes == 0x8001, "ADJ_OFFSET_SINGLESHOT stands alone"
            left, self.adjtime_us = self.adjtime_us, float(tx.offset)
            self._answer(tx)
            tx.offset = round(left)
            return 5
        if tx.modes & 0x4000 and not 9_000 <= tx.tick <= 11_000:
            return self._refuse(errno.EINVAL)
        if tx.modes & 0x0100 and not 0 <= tx.time.tv_usec < (NS if tx.modes & 0x2000 else 1_000_000):
            return self._refuse(errno.EINVAL)
        self._apply(tx)
        self._answer(tx)
        return 5 if self.status & 0x40 else 0

    def _apply(self, tx: "FakeTimexStruct") -> None:
        modes = tx.modes
        if modes & 0x0100:
            self.epoch_ns += tx.time.tv_sec * NS + tx.time.tv_usec * (1 if modes & 0x2000 else 1000)
            self.status |= 0x40
            self.maxerror = self.esterror = 16_000_000
        if modes & 0x0010:
            self.status = (self.status & 0xFF00) | (tx.status & 0xFF)
        if modes & 0x2000:
            self.status |= 0x2000
        if modes & 0x1000:
            self.status &= ~0x2000
        if modes & 0x0002:
            self.freq = max(-(500 << 16), min(500 << 16, tx.freq))
        self.maxerror = tx.maxerror if modes & 0x0004 else self.maxerror
        self.esterror = tx.esterror if modes & 0x0008 else self.esterror
        if modes & 0x0001 and self.status & 0x01:
            self.offset_ns = tx.offset
        self.tick = tx.tick if modes & 0x4000 else self.tick

    def _answer(self, tx: "FakeTimexStruct") -> None:
        tx.freq, tx.tick, tx.status, tx.tai = self.freq, self.tick, self.status, self.tai
        tx.esterror, tx.maxerror, tx.offset = self.esterror, self.maxerror, self.offset_ns

    def _refuse(self, number: int) -> int:
        self.errno = number
        return -1


@dataclass
class FakeTimevalStruct:
    tv_sec: int = 0
    tv_usec: int = 0


@dataclass
class FakeTimexStruct:
    modes: int = 0
    offset: int = 0
    freq: int = 0
    maxerror: int = 0
    esterror: int = 0
    status: int = 0
    constant: int = 0
    time: FakeTimevalStruct = field(default_factory=FakeTimevalStruct)
    tick: int = 0
    tai: int = 0


@dataclass
class FakeFfi:
    machine: FakeMachine

    @property
    def errno(self) -> int:
        return self.machine.errno

    @errno.setter
    def errno(self, value: int) -> None:
        self.machine.errno = value

    def new(self, kind: str) -> FakeTimexStruct:
        assert kind == "struct timex *"
        return FakeTimexStruct()
