"""All that an answer says about the server's clock, in one frozen value: publishing it is one assignment.

Between two snapshots nothing is computed but two straight lines: the root dispersion, which grows with the time since the snapshot was made,
and, for a clock that is kept beside the kernel's, the correction from the kernel's time to the time that is served.
"""

from __future__ import annotations

from dataclasses import dataclass

from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["UNSYNCHRONIZED_STRATUM", "Snapshot"]

UNSYNCHRONIZED_STRATUM = 16
_U64 = (1 << 64) - 1
_I64_MAX = (1 << 63) - 1
_NONE = NtpDuration(0)
_UNSYNCHRONIZED = LeapIndicator.UNSYNCHRONIZED
_RATE_MAXIMUM = 0.1
"""s/s: far beyond any oscillator, and no product with a time since the snapshot exceeds 63 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The server's clock, as of one instant.

    Attributes:
        leap: The leap indicator to announce; UNSYNCHRONIZED exactly when there is no time to serve.
        stratum: Ours, 1 to 16; 16 only when unsynchronised. Never 0: that is a kiss.
        precision: log2 s, the resolution of the clock.
        root_delay: Round trip to the primary reference.
        root_dispersion: The bound of all further error at `as_of`, not negative.
        dispersion_rate: How fast that bound grows, s/s, 0 to 0.1.
        dispersion_limit: Above this the answers say leap 3, stratum 16: sources lost for too long.
        reference_id: Whom we follow.
        reference_time: When the clock was last set, on the time that is served.
        as_of: When the snapshot was made, on the kernel's clock.
        time_offset: Served time minus kernel time at `as_of`; zero when the kernel's clock is the one that is served.
        time_frequency: How much faster the served clock runs than the kernel's, s/s, within 0.1.

    Raises:
        ValueError: A field that no answer can hold, or a rate that is not a finite number.

    Source: RFC 5905 §11.1 (the system variables).
    """

    leap: LeapIndicator
    stratum: int
    precision: int
    root_delay: NtpDuration
    root_dispersion: NtpDuration
    dispersion_rate: float
    dispersion_limit: NtpDuration
    reference_id: ReferenceId
    reference_time: NtpTimestamp
    as_of: NtpTimestamp
    time_offset: NtpDuration = _NONE
    time_frequency: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.stratum <= UNSYNCHRONIZED_STRATUM:
            raise ValueError(f"a server's stratum is 1 to 16, got {self.stratum}")
        if self.stratum == UNSYNCHRONIZED_STRATUM and self.leap is not LeapIndicator.UNSYNCHRONIZED:
            raise ValueError(f"stratum 16 goes with the leap indicator UNSYNCHRONIZED, got {self.leap.name}")
        if self.root_dispersion.value < 0:
            raise ValueError(f"a root dispersion is not negative, got {self.root_dispersion.to_seconds()} s")
        if not -128 <= self.precision <= 127:
            raise ValueError(f"a precision is a signed 8-bit exponent, got {self.precision}")
        if not 0.0 <= self.dispersion_rate <= _RATE_MAXIMUM:
            raise ValueError(f"a dispersion rate is 0 to {_RATE_MAXIMUM} s/s, got {self.dispersion_rate}")
        if not -_RATE_MAXIMUM <= self.time_frequency <= _RATE_MAXIMUM:
            raise ValueError(f"a frequency is within {_RATE_MAXIMUM} s/s, got {self.time_frequency}")

    @classmethod
    def unsynchronized(cls, as_of: NtpTimestamp, *, precision: int = -20, reference_id: ReferenceId | None = None) -> Snapshot:
        """What a server says before it has any time: leap 3, stratum 16, "INIT".

        Args:
            as_of: Now, on the kernel's clock.
            precision: log2 s, the resolution of the clock.
            reference_id: To be served in place of "INIT".

        Source: RFC 5905 §7.3 and §7.4 (INIT).
        """
        return cls(
            leap=LeapIndicator.UNSYNCHRONIZED,
            stratum=UNSYNCHRONIZED_STRATUM,
            precision=precision,
            root_delay=_NONE,
            root_dispersion=_NONE,
            dispersion_rate=0.0,
            dispersion_limit=NtpDuration(_I64_MAX),
            reference_id=reference_id or ReferenceId.from_ascii("INIT"),
            reference_time=NtpTimestamp(0),
            as_of=as_of,
        )

    def served(self, kernel: NtpTimestamp) -> NtpTimestamp:
        """The time that is served when the kernel's clock reads `kernel`."""
        frequency, offset = self.time_frequency, self.time_offset.value
        if frequency == 0.0 and offset == 0:
            return kernel
        # Rounded to even and multiplied as a double, as C's llrint does: both give the same bits.
        drift = round(frequency * self._elapsed(kernel))
        return NtpTimestamp((kernel.bits + offset + drift) & _U64)

    def dispersion_at(self, kernel: NtpTimestamp) -> NtpDuration:
        """The root dispersion when the kernel's clock reads `kernel`; never less than in the snapshot.

        A reading before `as_of` comes from a clock that was set back since (or from a snapshot made while the packet waited), so the distance
        counts in both directions.
        """
        growth = self.dispersion_rate * abs(float(self._elapsed(kernel)))
        return NtpDuration(min(_I64_MAX, self.root_dispersion.value + round(growth)))

    def is_synchronized_at(self, kernel: NtpTimestamp) -> bool:
        """Whether there is time to serve when the kernel's clock reads `kernel`."""
        return self.is_synchronized_with(self.dispersion_at(kernel))

    def is_synchronized_with(self, dispersion: NtpDuration) -> bool:
        """The same, for a root dispersion that is known already."""
        return self.leap is not _UNSYNCHRONIZED and dispersion.value <= self.dispersion_limit.value

    def _elapsed(self, kernel: NtpTimestamp) -> int:
        return (kernel - self.as_of).value
