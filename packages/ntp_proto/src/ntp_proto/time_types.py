"""Timestamps, durations and poll intervals, and every conversion between them and the outside.

Two classes keep instants and lengths of time apart: an instant minus an instant is a length, an instant plus a length is an instant, and
the sum of two instants does not exist. An instant carries no era: it is 64 bits that wrap every 136 years, so it is compared by subtraction
only, and the difference is right while the two lie within 68 years of each other. Absolute time is never a float: a double holds today's
seconds to 238 ns only. Floats appear as differences, in seconds, inside the filters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["NtpDuration", "NtpTimestamp", "PollInterval"]

_FRACTION_BITS = 32
_ONE_SECOND = 1 << _FRACTION_BITS
_U64 = (1 << 64) - 1
_I64_MAX = (1 << 63) - 1
_I64_MIN = -(1 << 63)
_NS_PER_S = 1_000_000_000
_UNIX_EPOCH_S = 2_208_988_800  # seconds from 1900-01-01 to 1970-01-01


def _saturate(value: int) -> int:
    return min(_I64_MAX, max(_I64_MIN, value))


@dataclass(frozen=True, slots=True, order=True)
class NtpDuration:
    """A signed length of time in units of 2^-32 s, saturating at ±2^31 s.

    Raises:
        ValueError: `value` does not fit 64 bits; the conversions and the arithmetic saturate instead.

    Source: RFC 5905 §6 (the 64-bit format, taken as a signed difference).
    """

    value: int

    def __post_init__(self) -> None:
        if not _I64_MIN <= self.value <= _I64_MAX:
            raise ValueError(f"a duration has 64 bits, got {self.value:#x}")

    @classmethod
    def from_seconds(cls, seconds: float) -> NtpDuration:
        """The nearest duration; infinities saturate, a NaN is refused.

        Raises:
            ValueError: `seconds` is not a number.
        """
        if math.isnan(seconds):
            raise ValueError("a duration cannot be NaN")
        if abs(seconds) >= float(1 << 31):
            return cls(_I64_MAX if seconds > 0 else _I64_MIN)
        return cls(round(seconds * _ONE_SECOND))

    @classmethod
    def from_ns(cls, nanoseconds: int) -> NtpDuration:
        """The nearest duration to a whole number of nanoseconds."""
        return cls(_saturate((nanoseconds * _ONE_SECOND + _NS_PER_S // 2) // _NS_PER_S))

    @classmethod
    def from_short(cls, bits: int) -> NtpDuration:
        """From the 16.16 format of root delay and root dispersion (0 to 65536 s).

        Source: RFC 5905 §6, NTP short format.
        """
        return cls((bits & 0xFFFFFFFF) << 16)

    def to_seconds(self) -> float:
        """Seconds as a float: exact to 53 bits, so to 1 ns for lengths up to 100 days."""
        return self.value / _ONE_SECOND

    def to_ns(self) -> int:
        """The nearest whole number of nanoseconds."""
        return (self.value * _NS_PER_S + (1 << 31)) >> _FRACTION_BITS

    def to_short(self) -> int:
        """The 16.16 format, rounded up so that an error bound never shrinks; negative becomes 0, too large saturates.

        Source: RFC 5905 §6, NTP short format.
        """
        return min(0xFFFFFFFF, max(0, (self.value + 0xFFFF) >> 16))

    def __add__(self, other: NtpDuration) -> NtpDuration:
        return NtpDuration(_saturate(self.value + other.value))

    def __sub__(self, other: NtpDuration) -> NtpDuration:
        return NtpDuration(_saturate(self.value - other.value))

    def __neg__(self) -> NtpDuration:
        return NtpDuration(_saturate(-self.value))

    def __abs__(self) -> NtpDuration:
        return NtpDuration(_saturate(abs(self.value)))

    def half(self) -> NtpDuration:
        """Half of it, rounded towards minus infinity."""
        return NtpDuration(self.value >> 1)


@dataclass(frozen=True, slots=True)
class NtpTimestamp:
    """An instant: seconds since 1900 in 32.32 fixed point, modulo 2^32 s (one era).

    Source: RFC 5905 §6, NTP timestamp format.
    """

    bits: int

    def __post_init__(self) -> None:
        if not 0 <= self.bits <= _U64:
            raise ValueError(f"a timestamp has 64 bits, got {self.bits:#x}")

    @classmethod
    def from_unix_ns(cls, nanoseconds: int) -> NtpTimestamp:
        """From nanoseconds since 1970 (any era), rounded to the nearest 2^-32 s."""
        seconds, rest = divmod(nanoseconds, _NS_PER_S)
        fraction = (rest * _ONE_SECOND + _NS_PER_S // 2) // _NS_PER_S
        return cls((((seconds + _UNIX_EPOCH_S) << _FRACTION_BITS) + fraction) & _U64)

    def to_unix_ns(self, near_ns: int) -> int:
        """Nanoseconds since 1970, in the era that puts the instant within 68 years of `near_ns`.

        Args:
            near_ns: An instant known to be in the same 68 years, ns since 1970: the local clock, or a build date.
        """
        return near_ns + (self - NtpTimestamp.from_unix_ns(near_ns)).to_ns()

    def __sub__(self, other: NtpTimestamp) -> NtpDuration:
        difference = (self.bits - other.bits) & _U64
        return NtpDuration(difference - (1 << 64) if difference > _I64_MAX else difference)

    def __add__(self, length: NtpDuration) -> NtpTimestamp:
        return NtpTimestamp((self.bits + length.value) & _U64)

    def minus(self, length: NtpDuration) -> NtpTimestamp:
        """The instant `length` earlier."""
        return NtpTimestamp((self.bits - length.value) & _U64)

    def is_before(self, other: NtpTimestamp) -> bool:
        """Whether this instant is the earlier of two that lie within 68 years of each other."""
        return (self - other).value < 0

    @property
    def is_zero(self) -> bool:
        """Whether all bits are zero, which the protocol uses for "unknown".

        Source: RFC 5905 §6.
        """
        return self.bits == 0


@dataclass(frozen=True, slots=True, order=True)
class PollInterval:
    """The time between two requests to one server, as the exponent of a power of two in seconds.

    Source: RFC 5905 §7.3 (poll), a signed 8-bit number on the wire.
    """

    log2: int

    def __post_init__(self) -> None:
        if not -128 <= self.log2 <= 127:
            raise ValueError(f"a poll interval is a signed 8-bit exponent, got {self.log2}")

    @classmethod
    def from_byte(cls, byte: int) -> PollInterval:
        """From the unsigned byte on the wire."""
        return cls(byte - 256 if byte > 127 else byte)

    @property
    def byte(self) -> int:
        """The unsigned byte for the wire."""
        return self.log2 & 0xFF

    @property
    def seconds(self) -> float:
        """The interval in seconds."""
        return 2.0**self.log2

    def longer(self, maximum: PollInterval) -> PollInterval:
        """One step (twice) longer, but not above `maximum`."""
        return min(PollInterval(self.log2 + 1), maximum) if self.log2 < 127 else self

    def shorter(self, minimum: PollInterval) -> PollInterval:
        """One step (half) shorter, but not below `minimum`."""
        return max(PollInterval(self.log2 - 1), minimum) if self.log2 > -128 else self

    def clamped(self, minimum: PollInterval, maximum: PollInterval) -> PollInterval:
        """The nearest interval within the limits."""
        return max(minimum, min(self, maximum))
