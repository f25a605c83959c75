from __future__ import annotations

import json
from datetime import UTC, timedelta, timezone

import pytest

from ntp_ctl.query.inquiry import Answer
from ntp_ctl.query.render import explain, render_json, render_text
from ntp_ctl.query.result import QueryResult
from ntp_proto.identifiers import KissCode
from unit.ntp_ctl.query.answers import ORIGIN_NS, SERVER, answer, kiss


def result(made: Answer) -> QueryResult:
    return QueryResult.of("ntp.example.net:123", SERVER, [made])


def test_json_has_the_keys_that_scripts_know() -> None:
    text = render_json(result(answer()), ORIGIN_NS)
    assert text.endswith("}\n")
    assert json.loads(text) == {
        "server": "ntp.example.net:123",
        "address": "192.0.2.1:123",
        "stratum": 2,
        "leap": "insert",
        "referenceId": "198.51.100.7",
        "kissCode": None,
        "receiveTime": "2026-11-18T11:06:40.383456789Z",
        "transmitTime": "2026-11-18T11:06:40.384456789Z",
        "offsetMs": 250.0,
        "rttMs": 20.0,
        "rootDistanceMs": 385.000954,
        "problem": None,
    }


def test_json_of_a_kiss_tells_no_time() -> None:
    document = json.loads(render_json(result(kiss(KissCode.DENY)), ORIGIN_NS))
    assert (document["kissCode"], document["referenceId"], document["problem"]) == ("DENY", "DENY", "kiss")
    assert (document["stratum"], document["leap"]) == (0, "unsynchronized")
    for key in ("receiveTime", "transmitTime", "offsetMs", "rttMs", "rootDistanceMs"):
        assert document[key] is None, f"{key}: in a kiss the timestamps are an echo"


def test_a_reference_id_that_is_padded_with_zeros_is_text() -> None:
    made = answer(stratum=1, reference_id_bits=int.from_bytes(b"GPS\0", "big"))
    assert json.loads(render_json(result(made), ORIGIN_NS))["referenceId"] == "GPS"


def test_a_timestamp_that_is_missing_is_null() -> None:
    document = json.loads(render_json(result(answer(receive_bits=0)), ORIGIN_NS))
    assert document["receiveTime"] is None
    assert document["transmitTime"] is not None
    assert document["problem"] == "bad-timestamps"


def test_the_text_shows_both_clocks_at_the_arrival() -> None:
    assert render_text(result(answer()), ORIGIN_NS, UTC) == (
        "Response from 192.0.2.1:123\nNTP Time: 2026-11-18 11:06:40.394457\nLocal Time: 2026-11-18 11:06:40.144457\nOffset: 0.250000 seconds\n"
    )


def test_the_text_is_in_the_zone_that_is_asked_for() -> None:
    zone = timezone(timedelta(hours=-3, minutes=-30))
    assert "NTP Time: 2026-11-18 07:36:40.394457\n" in render_text(result(answer()), ORIGIN_NS, zone)


def test_the_text_of_a_refusal_says_so() -> None:
    assert render_text(result(kiss(KissCode.RATE)), ORIGIN_NS) == (
        "Response from 192.0.2.1:123\nNo time: the server has refused with the kiss of death RATE\n"
    )


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (answer(), ""),
        (answer(stratum=16), "the server is not synchronized (leap indicator 1, stratum 16)"),
        (answer(root_dispersion_bits=4 << 16), "the server is too far from its reference clock: its own error may be 4.25 s"),
        (answer(transmit_bits=0), "the server's timestamps contradict each other"),
        (answer(way_s=-0.5), "the round trip is impossible: the server's timestamps are wrong, or a clock was set meanwhile"),
    ],
)
def test_every_reason_has_its_sentence(made: Answer, sentence: str) -> None:
    assert explain(result(made)) == sentence
