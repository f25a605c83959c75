"""What is fuzzed: each target takes any bytes, and fails by an exception that is not the one documented.

Besides "does not crash", each asserts what must hold of what it has read: written back it is the same, and nobody without the nonce
of the outstanding request has moved the association.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ntp_ctl.migrate.command import convert
from ntp_ctl.migrate.directive import Dialect
from ntp_ctl.migrate.toml import render
from ntp_daemon.config.load import parse
from ntp_proto import control, observation
from ntp_proto.association import Measured, Rejected
from ntp_proto.errors import ParseError
from ntp_proto.identifiers import KissCode, Mode
from ntp_proto.measurement_log import ChangeLine, DisplacementLine, StartLine
from ntp_proto.measurement_runs import read_run, split_runs
from ntp_proto.packet import HEADER_LENGTH, ExtensionField, Header, Packet, client_request, join_trailer, kiss_to, response_to, split_trailer
from ntp_proto.server import AccessList, Answer, AnswerKind, ClientLimits, Dropped, PrefixTable, Rate, RefusalAction, ServerPolicy
from ntp_proto.time_types import NtpTimestamp, PollInterval
from support import responding
from support.conversation import Conversation
from support.documents import sample_observation

__all__ = ["SEEDS", "TARGETS"]

_NONCE = NtpTimestamp(0x0123456789ABCDEF)
_REQUEST = client_request(_NONCE, PollInterval(6))
_RESPONSE = response_to(_REQUEST, receive=NtpTimestamp(0xEC00000000000000), transmit=NtpTimestamp(0xEC00000000010000))
_TRAILER = join_trailer((ExtensionField(0x0104, bytes(range(32))), ExtensionField(0xBEEF, b"?" * 12)), b"\0\0\0\1" + bytes(16))


def header(data: bytes) -> None:
    """A header is written back as it was read, and every typed view of it exists."""
    try:
        parsed = Header.parse(data)
    except ParseError:
        assert len(data) < HEADER_LENGTH
        return
    assert parsed.to_bytes() == data[:HEADER_LENGTH]
    for view in ("leap", "version", "mode", "poll", "root_delay", "root_dispersion", "reference_id", "reference", "origin", "receive", "transmit"):
        getattr(parsed, view)
    assert parsed.reference_id.to_text(parsed.stratum).isprintable()


def extensions(data: bytes) -> None:
    """Extension fields and code are written back as they were read."""
    version = data[0] & 7 if data else 4
    try:
        fields, code = split_trailer(data[1:], version)
    except ParseError:
        return
    assert version <= 3 or join_trailer(fields, code) == data[1:]


def packet(data: bytes) -> None:
    """A packet of version 4 and above is written back as it was read."""
    try:
        parsed = Packet.parse(data)
    except ParseError:
        return
    assert parsed.header.version <= 3 or parsed.to_bytes() == data


def association(data: bytes) -> None:
    """The first byte says what is genuine in the datagram that the rest makes up: nothing, or the nonce too."""
    one = Conversation(seed=7)
    one.ask()
    genuine = one.datagram()
    hostile = data[1:]
    if data[:1] > b"\x7f" and len(hostile) >= 32:
        hostile = hostile[:24] + one.sent[-1].data[40:48] + hostile[32:]
    carries_nonce = hostile[24:32] == one.sent[-1].data[40:48]
    before = one.visible_state()
    actions = one.deliver(one.datagram(hostile, delay_s=0.01))
    assert sum(isinstance(action, Measured | Rejected) for action in actions) == 1
    if not carries_nonce:
        assert one.visible_state() == before
        assert isinstance(one.deliver(genuine)[-1], Measured)


def responder(data: bytes) -> None:
    """The first byte chooses the server, the next eight the time; the rest is asked twice. What is answered is a request, and its answer is not."""
    one = responding.server(_POLICIES[data[0] % len(_POLICIES)] if data else responding.NO_LIMITS)
    at = NtpTimestamp(int.from_bytes(data[1:9], "big"))
    for _ in range(2):
        verdict = responding.ask(one, data[9:], received_at=at, transmit_at=at)
        if isinstance(verdict, Answer):
            assert data[9] & 7 in (0, 1, 3)
            assert len(verdict.data) == HEADER_LENGTH <= len(data) - 9
            # In interleaved mode, which an unsynchronised server keeps too, the client's receive timestamp stands where its transmit timestamp does.
            may_interleave = verdict.kind in (AnswerKind.INTERLEAVED, AnswerKind.UNSYNCHRONIZED) and data[40] & 1
            assert verdict.data[24:32] == data[49:57] or (may_interleave and verdict.data[24:32] == data[41:49])
            assert isinstance(responding.ask(one, verdict.data, client=responding.endpoint("192.0.2.2", 123)), Dropped)


def observation_document(data: bytes) -> None:
    """What is read as an observation document is written and read again as the same."""
    try:
        document = observation.decode(data)
    except ValueError:
        return
    assert observation.decode(observation.encode(document)) == document


def request(data: bytes) -> None:
    """What is read as an order is written and read again as the same."""
    try:
        order = control.decode_request(data)
    except ValueError:
        return
    assert control.decode_request(control.encode(order)) == order


def measurement_log(data: bytes) -> None:
    """A log is runs, each of which begins with its start and can be drawn, or it is a `ValueError`."""
    try:
        for lines in split_runs(data, "log"):
            read_run(lines)
    except ValueError:
        return


def foreign_configuration(data: bytes) -> None:
    """What chrony's or ntpd's configuration is said to be becomes one of ours that is valid."""
    text = data[1:].decode("utf-8", "replace")
    dialect = Dialect.CHRONY if data[:1] < b"\x80" else Dialect.NTP
    parse(render(convert(text, text[:40], dialect), text[:40]))


_EVERYBODY = AccessList(PrefixTable(["0.0.0.0/0"]), RefusalAction.DENY)
_SMALL = ClientLimits(size=8)
_POLICIES = (
    responding.NO_LIMITS,
    ServerPolicy(clients=_SMALL, serves_legacy=True),
    ServerPolicy(clients=_SMALL, serves_legacy=True, denylist=_EVERYBODY),
    ServerPolicy(clients=_SMALL, serves_unsynchronized=False, interleaved_size=0),
    ServerPolicy(clients=ClientLimits(size=8, rate=Rate(1e-6, 1), leak=0), limit_action=RefusalAction.DENY),
)

_LOG = b"".join(
    msgspec.json.encode(line) + b"\n"
    for line in (
        StartLine(at=1.0, version=1, software="x", time=_NONCE.bits, frequency=1e-6, settings={}),
        ChangeLine(at=2.0, frequency=2e-6, step_s=0.5),
        DisplacementLine(at=3.0, displacement_s=-1.0),
    )
)

TARGETS: dict[str, Callable[[bytes], None]] = {
    "header": header,
    "extensions": extensions,
    "packet": packet,
    "association": association,
    "responder": responder,
    "observation": observation_document,
    "request": request,
    "measurement-log": measurement_log,
    "foreign-configuration": foreign_configuration,
}

SEEDS: dict[str, list[bytes]] = {
    "header": [_REQUEST.to_bytes(), _RESPONSE.to_bytes(), kiss_to(_REQUEST, KissCode.RATE).to_bytes()],
    "extensions": [b"\x04" + _TRAILER, b"\x04" + _TRAILER[:-20] + bytes(12), b"\x03" + bytes(20)],
    "packet": [_RESPONSE.to_bytes(), _RESPONSE.to_bytes() + _TRAILER, Header.build(mode=Mode.SERVER, version=3).to_bytes() + bytes(20)],
    "association": [b"\xff" + _RESPONSE.to_bytes(), b"\0" + _RESPONSE.to_bytes() + _TRAILER, b"\xff" + kiss_to(_REQUEST, KissCode.DENY).to_bytes()],
    "responder": [
        bytes([place]) + responding.after(1.0).bits.to_bytes(8, "big") + request
        for place in range(len(_POLICIES))
        for request in (
            responding.request_bytes(4),
            responding.request_bytes(1, 0) + _TRAILER,
            responding.request_bytes(2, 1),
            responding.request_bytes(4, origin=responding.after(1.0).bits - 1, receive=5),
        )
    ],
    "observation": [observation.encode(sample_observation())],
    "request": [
        control.encode(control.AddSourceRequest(address="192.0.2.1", pool=True, count=4, poll_minimum=4, poll_maximum=6)),
        control.encode(control.SetOnlineRequest(online=False, address="a.example")),
        control.encode(control.ConfigRequest(log_filter="debug", panic_threshold=5.0)),
    ],
    "measurement-log": [_LOG],
    "foreign-configuration": [
        b"\0server 192.0.2.1 port 124 minpoll 4 maxpoll 12 iburst\nmakestep 1 -1\nallow 192.168\ndeny ::/0\nratelimit interval 1\nlocal stratum 5\n",
        b"\xffpool a.example iburst\nrestrict default kod limited\nrestrict 10.0.0.0 mask 255.0.0.0 ignore\ntinker panic 0 step 1\ntos minsane 2\n",
    ],
}
