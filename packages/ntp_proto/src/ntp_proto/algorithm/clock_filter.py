r"""The state of a clock, estimated from offsets: a bank of two-state filters, one for each guess of the oscillator's wander.

Model. The offset of the remote time against the uncorrected local clock, and its rate, the frequency, obey

    d offset = frequency dt          d frequency = sqrt(q) dW

with W a Wiener process: the frequency of a quartz wanders. The wander sqrt(q) [s/s per sqrt(s)] spans decades between a good crystal in a cellar
and a virtual machine in the sun, and it changes. So it is not configured: each member of the bank assumes one value, half a decade apart,
and is weighted by how well it has predicted the samples of late (a forgetting factor makes the past fade). The estimate is the weighted mean; its
covariance includes the disagreement of the members.

Glossary, inside this module only (letter, meaning, unit):
    x0, x1        offset s, frequency s/s                     a, b, c   covariance P00 s^2, P01 s^2/s, P11 (s/s)^2
    q             wander density, (s/s)^2 / s                  t         uncorrected seconds
    g, h          first and second derivative of the log evidence, see `likelihood`

    predict over d:  x0 += x1 d;  P = F P F' + q [[d^3/3, d^2/2], [d^2/2, d]]
    update:          x0 += a g;  x1 += b g;  a += a^2 h;  b += a b h;  c += b^2 h     (right-hand sides before the update)

Deliberately not modelled here: frequency drift (ageing, temperature ramps; the wander takes it up) and flicker noise.

Source: RFC 5905 has no such filter; the model is the two-state clock of Zucca & Tavella, "The clock model and its relationship with the
Allan and related variances" (2005); multiple-model mixing after Magill (1965).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ntp_proto.algorithm.likelihood import OffsetLikelihood

__all__ = ["ClockEstimate", "ClockFilter"]

_WANDERS = tuple(10.0 ** (-11.0 + 0.5 * k) for k in range(10))
_FORGETTING = 0.97


@dataclass(frozen=True, slots=True)
class ClockEstimate:
    """Offset and frequency of the remote time against the uncorrected clock, with covariance, at one instant.

    Attributes:
        at: Uncorrected seconds.
        offset_s: Remote minus uncorrected local; > 0: the uncorrected clock is behind.
        frequency: Its rate, s/s; > 0: the oscillator is slow.
        offset_variance_s2: P00.
        covariance_s: P01, s^2/s.
        frequency_variance: P11, (s/s)^2.
        wander: The density q of the frequency's random walk, (s/s)^2/s.
    """

    at: float
    offset_s: float
    frequency: float
    offset_variance_s2: float
    covariance_s: float
    frequency_variance: float
    wander: float

    def at_time(self, at: float) -> ClockEstimate:
        """The prediction for another instant; the past is answered with the present's uncertainty."""
        d = at - self.at
        a, b, c, q = self.offset_variance_s2, self.covariance_s, self.frequency_variance, self.wander
        if d > 0.0:
            a, b, c = a + 2.0 * b * d + c * d * d + q * d * d * d / 3.0, b + c * d + q * d * d / 2.0, c + q * d
        return ClockEstimate(at, self.offset_s + self.frequency * d, self.frequency, a, b, c, q)

    @property
    def offset_error_s(self) -> float:
        """Standard error of the offset."""
        return math.sqrt(self.offset_variance_s2)

    @property
    def frequency_error(self) -> float:
        """Standard error of the frequency."""
        return math.sqrt(self.frequency_variance)


class _Member(NamedTuple):
    q: float
    x0: float
    x1: float
    a: float
    b: float
    c: float
    log_weight: float

    def predicted(self, d: float) -> _Member:
        a, b, c, q = self.a, self.b, self.c, self.q
        return _Member(
            q,
            self.x0 + self.x1 * d,
            self.x1,
            a + 2.0 * b * d + c * d * d + q * d * d * d / 3.0,
            b + c * d + q * d * d / 2.0,
            c + q * d,
            self.log_weight,
        )

    def updated(self, likelihood: OffsetLikelihood) -> _Member:
        a, b, c = self.a, self.b, self.c
        log_z, g, h = likelihood.evidence(self.x0, a)
        # A posterior can be wider than the prior (when a sample surprises), but never negative.
        h = max(h, -(1.0 - 1e-9) / a)
        return _Member(
            self.q,
            self.x0 + a * g,
            self.x1 + b * g,
            a + a * a * h,
            b + a * b * h,
            c + b * b * h,
            _FORGETTING * self.log_weight + log_z,
        )


@dataclass(frozen=True, slots=True)
class ClockFilter:
    """The bank at one instant; a sample makes its successor."""

    at: float
    members: tuple[_Member, ...]

    @classmethod
    def starting(cls, at: float, offset_s: float, offset_error_s: float, frequency: float, frequency_error: float) -> ClockFilter:
        """A bank that knows this much, and nothing of the wander.

        Args:
            at: Uncorrected seconds.
            offset_s: Remote minus uncorrected local, s.
            offset_error_s: Its standard error, s.
            frequency: Prior of the frequency, s/s.
            frequency_error: Its standard error.
        """
        a, c = offset_error_s**2, frequency_error**2
        return cls(at, tuple(_Member(w * w, offset_s, frequency, a, 0.0, c, 0.0) for w in _WANDERS))

    def after(self, at: float, likelihood: OffsetLikelihood) -> ClockFilter:
        """The bank after one more sample; a sample older than the newest one is taken at the newest's time."""
        d = max(0.0, at - self.at)
        members = [member.predicted(d).updated(likelihood) for member in self.members]
        top = max(member.log_weight for member in members)
        return ClockFilter(self.at + d, tuple(member._replace(log_weight=member.log_weight - top) for member in members))

    def after_all(self, samples: Iterable[tuple[float, OffsetLikelihood]]) -> ClockFilter:
        """The bank after several samples in the order of time."""
        bank = self
        for at, likelihood in samples:
            bank = bank.after(at, likelihood)
        return bank

    def estimate(self) -> ClockEstimate:
        """The weighted mean of the members and its covariance, disagreement included."""
        weights = [math.exp(member.log_weight) for member in self.members]
        total = sum(weights)
        x0 = x1 = q = 0.0
        for weight, member in zip(weights, self.members, strict=True):
            x0 += weight * member.x0
            x1 += weight * member.x1
            q += weight * member.q
        x0, x1, q = x0 / total, x1 / total, q / total
        a = b = c = 0.0
        for weight, member in zip(weights, self.members, strict=True):
            d0, d1 = member.x0 - x0, member.x1 - x1
            a += weight * (member.a + d0 * d0)
            b += weight * (member.b + d0 * d1)
            c += weight * (member.c + d1 * d1)
        return ClockEstimate(self.at, x0, x1, a / total, b / total, c / total, q)
