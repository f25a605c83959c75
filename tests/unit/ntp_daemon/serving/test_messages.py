"""What daemon and worker say arrives as it was said, and nothing else is believed."""

import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_daemon.privileges import Account, Surrender
from ntp_daemon.serving.messages import (
    MESSAGE_MAXIMUM,
    ClientReport,
    WorkerSetup,
    load_setup,
    pack_clients,
    pack_event,
    save_setup,
    unpack_clients,
    unpack_events,
)
from ntp_daemon.serving.request_events import RequestEvent
from ntp_daemon.serving.server import merged
from ntp_daemon.serving.settings import DnsPolicyConfig, ServerSettings
from ntp_proto.datagram import Address
from ntp_proto.errors import ParseError
from ntp_proto.server import (
    AccessList,
    Answer,
    AnswerKind,
    ClientRecord,
    Dropped,
    DropReason,
    Endpoint,
    PrefixTable,
    Rate,
    Refusal,
    Request,
    ServerPolicy,
    pack_address,
)
from ntp_proto.time_types import NtpTimestamp

ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(lambda address: pack_address(str(address)))
VERDICTS = st.one_of(
    st.sampled_from([Answer(bytes([0x24, 2]) + bytes(46), kind) for kind in AnswerKind if kind is not AnswerKind.KISS]),
    st.sampled_from([Answer(bytes([0xE4, 0]) + bytes(46), AnswerKind.KISS, Refusal(reason)) for reason in DropReason]),
    st.sampled_from([Dropped(Refusal(reason)) for reason in DropReason]),
)
EVENTS = st.builds(
    lambda data, address, port, verdict, at: RequestEvent.of(
        Request(data, Endpoint(address, port), Endpoint(bytes(16), 123), NtpTimestamp(0)), verdict, NtpTimestamp(at)
    ),
    st.binary(max_size=60),
    ADDRESSES,
    st.integers(0, 0xFFFF),
    VERDICTS,
    st.integers(0, (1 << 64) - 1),
)


@given(st.lists(EVENTS, max_size=10))
def test_events_arrive_as_they_were(events: list[RequestEvent]) -> None:
    assert unpack_events(b"".join(map(pack_event, events))) == events


@given(st.binary(max_size=200))
def test_any_bytes_are_events_or_a_parse_error(body: bytes) -> None:
    for unpack in (unpack_events, unpack_clients):
        try:
            unpack(body)
        except ParseError:
            continue


def test_a_report_of_clients_arrives_and_never_exceeds_a_message() -> None:
    report = ClientReport(123_456, tuple(ClientRecord(number.to_bytes(16, "big"), number, number // 2, number / 7) for number in range(300)))
    assert unpack_clients(pack_clients(report)) == report
    many = pack_clients(ClientReport(9, report.busiest * 10))
    assert len(many) < MESSAGE_MAXIMUM
    assert unpack_clients(many).busiest == (report.busiest * 10)[: len(unpack_clients(many).busiest)]
    assert merged([report, report], 2) == ClientReport(
        246_912, tuple(ClientRecord(number.to_bytes(16, "big"), 2 * number, number // 2 * 2, number / 7) for number in (299, 298))
    )


@pytest.mark.parametrize("idle_s", [math.nan, math.inf, -1.0])
def test_a_client_that_no_document_could_hold_is_refused(idle_s: float) -> None:
    with pytest.raises(ParseError):
        unpack_clients(pack_clients(ClientReport(1, (ClientRecord(bytes(16), 1, 0, idle_s),))))


def test_the_setup_arrives_with_its_policy() -> None:
    policy = ServerPolicy(denylist=AccessList(PrefixTable(["192.0.2.0/24", "2001:db8::/32"])), global_limit=Rate(10.0, 5))
    settings = ServerSettings(listen=Address("127.0.0.1", 0), policy=policy, workers=2, dns_policy=DnsPolicyConfig(("example.com",)))
    surrender = Surrender(Account("nobody", 65534, 65534), Path("/jail"))
    setup = WorkerSetup(settings=settings, sockets=(3, 4), control=5, snapshot=6, counters=7, surrender=surrender)
    fd = save_setup(setup)
    assert load_setup(fd) == setup
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
