from __future__ import annotations

import pytest

from ntp_daemon.serve_text import lines_of, summary_line
from ntp_daemon.serving.counters import ServingCounters
from ntp_daemon.serving.ntp_server import ServerMetrics
from ntp_daemon.serving.request_events import RequestEvent
from ntp_proto.datagram import Address
from ntp_proto.server import AnswerKind, Tally
from ntp_proto.time_types import NtpTimestamp

CLIENT = Address("192.0.2.7", 54321)


def event(*, length: int = 48, stratum: int | None = 2, outcome: str = "time") -> RequestEvent:
    return RequestEvent(NtpTimestamp(0), CLIENT, length, 4, 3, stratum, outcome)


@pytest.mark.parametrize(
    ("happened", "lines"),
    [
        (event(), ["Received NTP request from 192.0.2.7:54321", "Sent NTP response to 192.0.2.7:54321"]),
        (event(length=47, stratum=None, outcome="bad-length"), ["Received invalid packet from 192.0.2.7:54321 (size: 47 bytes)"]),
        (event(stratum=None, outcome="bad-mode"), ["Received NTP request from 192.0.2.7:54321", "Ignored request from 192.0.2.7:54321: bad-mode"]),
        (
            event(stratum=0, outcome="kiss: client-rate"),
            ["Received NTP request from 192.0.2.7:54321", "Refused 192.0.2.7:54321 (kiss: client-rate)"],
        ),
    ],
)
def test_each_request_has_its_lines(happened: RequestEvent, lines: list[str]) -> None:
    assert lines_of(happened) == lines


def metrics(last: RequestEvent | None) -> ServerMetrics:
    tally = Tally()
    for kind, count in ((AnswerKind.TIME, 7), (AnswerKind.KISS, 2)):
        tally.answered[list(AnswerKind).index(kind)] = count
    tally.dropped[0] = 3
    counters = ServingCounters(tally=tally)
    return ServerMetrics(
        started_at=NtpTimestamp(0), uptime_s=1.0, totals=counters.totals, counters=counters, clients=4, top_clients=(), last_request=last
    )


def test_the_summary_counts_refusals_as_errors() -> None:
    assert summary_line(metrics(event())) == "requests=12 responses=7 errors=5 unique_clients=4 last_ip=192.0.2.7"


def test_the_summary_before_the_first_request() -> None:
    assert summary_line(metrics(None)).endswith(" last_ip=-")
