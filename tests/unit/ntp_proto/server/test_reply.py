from __future__ import annotations

from dataclasses import replace

import pytest

from ntp_proto.identifiers import KissCode, LeapIndicator, ReferenceId
from ntp_proto.packet import Header
from ntp_proto.server import Snapshot
from ntp_proto.server.reply import kiss_reply, time_reply
from ntp_proto.time_types import NtpDuration
from support.responding import EPOCH, SNAPSHOT, after, request_bytes

REQUEST = Header.parse(request_bytes())


class TestTime:
    def test_octet_by_octet(self) -> None:
        """The whole answer, written out by hand from the figure of the header."""
        answer = time_reply(REQUEST, SNAPSHOT, after(1.0), after(1.5)).to_bytes()
        assert answer.hex(" ", 4) == (
            "640306e8 "  # leap 1, version 4, mode 4; stratum 3; poll 6 as asked; precision -24
            "00001000 "  # root delay 62.5 ms
            "00000802 "  # root dispersion 31.25 ms + 1.5 s · 15 ppm, rounded up
            "cb007105 "  # 203.0.113.5
            "ebfffff8 00000000 "  # set 8 s before the snapshot
            "12345678 9abcdef0 "  # the client's transmit timestamp
            "ec000001 00000000 "
            "ec000001 80000000"
        )

    @pytest.mark.parametrize("version", [1, 2, 3, 4])
    def test_the_version_is_echoed(self, version: int) -> None:
        answer = time_reply(Header.parse(request_bytes(version)), SNAPSHOT, after(1), after(1))
        assert (answer.version, answer.mode) == (version, 4)

    def test_an_active_peer_is_answered_in_passive_mode(self) -> None:
        assert time_reply(Header.parse(request_bytes(2, 1)), SNAPSHOT, after(1), after(1)).mode == 2

    @pytest.mark.parametrize("poll", [-128, -6, 0, 17, 127])
    def test_the_poll_is_echoed_whatever_it_is(self, poll: int) -> None:
        assert time_reply(REQUEST._replace(poll_log2=poll), SNAPSHOT, after(1), after(1)).poll_log2 == poll

    def test_dispersion_grows_to_the_departure(self) -> None:
        early = time_reply(REQUEST, SNAPSHOT, after(1.0), after(1.0))
        late = time_reply(REQUEST, SNAPSHOT, after(1.0), after(3601.0))
        assert late.root_dispersion.to_seconds() - early.root_dispersion.to_seconds() == pytest.approx(0.054, abs=2**-15)
        assert late.root_delay == early.root_delay

    def test_sources_lost_for_long_is_not_synchronised(self) -> None:
        answer = time_reply(REQUEST, SNAPSHOT, after(65000.0), after(65000.0))
        assert (answer.leap, answer.stratum) == (LeapIndicator.UNSYNCHRONIZED, 16)
        assert answer.root_dispersion.to_seconds() > 1.0
        assert answer.transmit == after(65000.0)

    def test_before_the_first_synchronisation_stratum_16_and_never_0(self) -> None:
        answer = time_reply(REQUEST, Snapshot.unsynchronized(EPOCH), after(1), after(1))
        assert (answer.leap, answer.stratum) == (LeapIndicator.UNSYNCHRONIZED, 16)
        assert answer.origin_bits == REQUEST.transmit_bits

    def test_another_stratum_for_the_unsynchronised_if_the_snapshot_says_so(self) -> None:
        snapshot = replace(SNAPSHOT, leap=LeapIndicator.UNSYNCHRONIZED, stratum=10)
        answer = time_reply(REQUEST, snapshot, after(65000.0), after(65000.0))
        assert (answer.leap, answer.stratum) == (LeapIndicator.UNSYNCHRONIZED, 10)

    def test_both_timestamps_are_of_the_served_clock(self) -> None:
        ahead = replace(SNAPSHOT, time_offset=NtpDuration.from_seconds(100.0), time_frequency=1e-3)
        answer = time_reply(REQUEST, ahead, after(0.0), after(1000.0))
        assert answer.receive == after(100.0)
        assert answer.transmit == after(1101.0)


class TestKiss:
    @pytest.mark.parametrize("kiss", [KissCode.DENY, KissCode.RSTR, KissCode.RATE])
    def test_stratum_0_with_the_letters_and_no_time(self, kiss: KissCode) -> None:
        answer = kiss_reply(REQUEST, kiss)
        assert (answer.leap, answer.stratum, answer.mode, answer.version) == (3, 0, 4, 4)
        assert answer.reference_id == ReferenceId.from_ascii(kiss.value)
        assert {answer.origin_bits, answer.receive_bits, answer.transmit_bits} == {REQUEST.transmit_bits}

    def test_to_an_active_peer(self) -> None:
        answer = kiss_reply(Header.parse(request_bytes(1, 1)), KissCode.DENY)
        assert (answer.version, answer.mode, answer.leap) == (1, 2, 3)
