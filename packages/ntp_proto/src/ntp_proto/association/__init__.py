"""One remote server as seen by a client: a state machine without input or output of its own."""

from ntp_proto.association.acceptance import identify, judge
from ntp_proto.association.actions import Action, Close, Demobilize, Measured, Rejected, Rejection, Reset, Send, WakeAt
from ntp_proto.association.association import Association
from ntp_proto.association.config import AssociationConfig
from ntp_proto.association.measurement import Measurement
from ntp_proto.association.states import Departure, Request

__all__ = [
    "Action",
    "Association",
    "AssociationConfig",
    "Close",
    "Demobilize",
    "Departure",
    "Measured",
    "Measurement",
    "Rejected",
    "Rejection",
    "Request",
    "Reset",
    "Send",
    "WakeAt",
    "identify",
    "judge",
]
