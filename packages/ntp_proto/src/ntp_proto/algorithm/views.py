"""What the discipline shows of itself: the values behind the status documents."""

from __future__ import annotations

from dataclasses import dataclass

from ntp_proto.algorithm.estimate import ClockEstimate
from ntp_proto.algorithm.estimator import SourceEstimator
from ntp_proto.algorithm.steering import Refuse, SteeringHistory
from ntp_proto.association.measurement import Measurement
from ntp_proto.identifiers import LeapIndicator
from ntp_proto.states import SourceStatus, SyncState
from ntp_proto.time_types import PollInterval

__all__ = ["SourceView", "SystemView"]


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source as the discipline sees it.

    Attributes:
        status: Why it is, or is not, used.
        poll_interval: The wanted interval between requests.
        measurement: The newest, None before the first.
        estimator: Its samples, path and estimate, None before the first measurement.
        offset_s: Its own estimate of what is still to be corrected, s; None before the first measurement.
        offset_error_s: The standard error of it.
        distance_s: The bound of its error, s.
    """

    status: SourceStatus
    poll_interval: PollInterval
    measurement: Measurement | None
    estimator: SourceEstimator | None
    offset_s: float | None
    offset_error_s: float | None
    distance_s: float | None


@dataclass(frozen=True, slots=True)
class SystemView:
    """The clock as the discipline sees it.

    Attributes:
        state: Whether it can be trusted.
        refusal: The refused correction, when the state is PANIC.
        stratum: 16 while not synchronised.
        leap: The majority of the survivors' announcements.
        reference: The source that we follow, None when there is none.
        offset_s: What is still to be corrected, s.
        estimate: The joint estimate now, None before the first.
        frequency: The oscillator's correction in force, without a slew, s/s.
        root_delay_s: Round trip to the primary reference.
        root_dispersion_s: Bound of all further error, grown to now.
        last_update_age_s: Since the last measurement that was used, None when there is none.
        history: What has been done to the clock.
        is_slewing: Whether an offset is being slewed out.
        displacement_count: How often something else has set the clock.
        agreeing: How many sources agree.
        required: How many must.
        voters: How many were asked.
    """

    state: SyncState
    refusal: Refuse | None
    stratum: int
    leap: LeapIndicator
    reference: int | None
    offset_s: float
    estimate: ClockEstimate | None
    frequency: float
    root_delay_s: float
    root_dispersion_s: float
    last_update_age_s: float | None
    history: SteeringHistory
    is_slewing: bool
    displacement_count: int
    agreeing: int
    required: int
    voters: int
