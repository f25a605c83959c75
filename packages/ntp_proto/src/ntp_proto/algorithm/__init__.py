"""The discipline of the clock: estimation, selection, combination, steering. See `docs/algorithm.md`."""

from ntp_proto.algorithm.config import DisciplineConfig, StepThreshold
from ntp_proto.algorithm.discipline import Discipline, DisciplineUpdate
from ntp_proto.algorithm.estimate import FrequencyPrior
from ntp_proto.algorithm.steering import Hold, PanicLimit, Refuse, Slew, Steering, Step
from ntp_proto.algorithm.views import SourceView, SystemView

__all__ = [
    "Discipline",
    "DisciplineConfig",
    "DisciplineUpdate",
    "FrequencyPrior",
    "Hold",
    "PanicLimit",
    "Refuse",
    "Slew",
    "SourceView",
    "Steering",
    "Step",
    "StepThreshold",
    "SystemView",
]
