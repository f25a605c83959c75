"""Serving time, without a socket: a datagram and a snapshot of the clock in, a verdict out.

`responder` is the meaning; the C of the fast path may leave a datagram to it, and never disagrees with it.
"""

from ntp_proto.server.client_table import WAYS, ClientLimits, ClientRecord, ClientTable, PythonClientTable
from ntp_proto.server.counters import ServerTotals, Tally, totals
from ntp_proto.server.interleaved import TransmitTable
from ntp_proto.server.policy import AccessList, RefusalAction, ServerPolicy
from ntp_proto.server.prefix_table import PrefixTable
from ntp_proto.server.rate_limit import Bucket, Rate, TokenBucket
from ntp_proto.server.request import Endpoint, Request, address_text, pack_address
from ntp_proto.server.responder import Hook, NamePolicy, NameVerdict, Responder
from ntp_proto.server.snapshot import Snapshot
from ntp_proto.server.verdict import Answer, AnswerKind, Dropped, DropReason, Refusal, Verdict

__all__ = [
    "WAYS",
    "AccessList",
    "Answer",
    "AnswerKind",
    "Bucket",
    "ClientLimits",
    "ClientRecord",
    "ClientTable",
    "DropReason",
    "Dropped",
    "Endpoint",
    "Hook",
    "NamePolicy",
    "NameVerdict",
    "PrefixTable",
    "PythonClientTable",
    "Rate",
    "Refusal",
    "RefusalAction",
    "Request",
    "Responder",
    "ServerPolicy",
    "ServerTotals",
    "Snapshot",
    "Tally",
    "TokenBucket",
    "TransmitTable",
    "Verdict",
    "address_text",
    "pack_address",
    "totals",
]
