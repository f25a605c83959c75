from __future__ import annotations

import random
from itertools import pairwise

import pytest

from ntp_proto.association import Action, Association, AssociationConfig, Close, Demobilize, Measured, Rejected, Rejection, Reset, Send, WakeAt
from ntp_proto.association.states import Asking, Demobilized
from ntp_proto.datagram import StampSource
from ntp_proto.identifiers import KissCode, ReferenceId
from ntp_proto.packet import client_request, kiss_to
from ntp_proto.time_types import NtpTimestamp, PollInterval
from support.conversation import SERVER, Conversation, clock

STEADY = AssociationConfig(burst_count=0, poll_randomization=0.0)
FAST = AssociationConfig(poll_minimum=PollInterval(0), poll_initial=PollInterval(0), poll_randomization=0.0)


def kiss(conversation: Conversation, code: KissCode) -> list[Action]:
    conversation.ask()
    return conversation.deliver(conversation.datagram(kiss_to(conversation.request, code).to_bytes()))


def ask_in_vain(conversation: Conversation, times: int) -> list[list[Action]]:
    """Let requests go unanswered; returns what each time-out caused."""
    causes: list[list[Action]] = []
    for _ in range(2 * times + 1):  # a request and its time-out at most for each
        if len(causes) < times:
            actions = conversation.wake()
            causes += [actions] if isinstance(actions[0], Close) else []
    assert len(causes) == times
    return causes


class TestRequest:
    def test_the_first_is_sent_at_once(self) -> None:
        one = Conversation()
        actions = one.wake()
        assert actions == [Send(1, one.sent[0].data), WakeAt(one.now + 4.0)]
        assert one.sent[0].data == client_request(one.request.transmit, PollInterval(6)).to_bytes()

    def test_or_after_the_delay(self) -> None:
        one = Conversation(start_delay_s=0.5)
        assert one.wake() == [WakeAt(1000.5)]
        assert isinstance(one.wake()[0], Send)
        assert one.now == 1000.5

    def test_it_carries_version_and_present_poll_interval(self) -> None:
        one = Conversation(AssociationConfig(version=3, poll_initial=PollInterval(8)))
        one.ask()
        assert (one.request.version, one.request.poll) == (3, PollInterval(8))

    def test_every_nonce_and_token_is_new(self) -> None:
        one = Conversation()
        for _ in range(50):
            one.exchange()
        assert [send.token for send in one.sent] == list(range(1, 51))
        assert len({send.data for send in one.sent}) == 50
        assert one.association.requests == 50

    def test_a_nonce_is_never_zero(self) -> None:
        class ZeroFirst(random.Random):
            numbers = iter([0, 0, 7])

            def getrandbits(self, k: int, /) -> int:
                assert k == 64
                return next(self.numbers)

        one = Conversation()
        one.association = Association(AssociationConfig(), SERVER, ZeroFirst(1), one.now)
        one.wake()
        assert one.request.transmit == NtpTimestamp(7)

    def test_the_remote_is_shown(self) -> None:
        assert Conversation().association.remote == SERVER


class TestTimer:
    def test_an_early_call_only_says_when(self) -> None:
        one = Conversation()
        one.wake()
        before = one.visible_state()
        assert one.association.handle_timer(one.now) == one.association.handle_timer(one.now + 3.99) == [WakeAt(one.now + 4.0)]
        assert one.visible_state() == before

    def test_a_late_call_sends_one_request_not_all_that_were_missed(self) -> None:
        one = Conversation(STEADY)
        one.exchange()
        one.now += 10_000.0
        actions = one.wake()
        assert [type(action) for action in actions] == [Send, WakeAt]

    def test_the_interval_is_spread(self) -> None:
        one = Conversation(AssociationConfig(burst_count=0, poll_randomization=0.1))
        times = []
        for _ in range(200):
            one.ask()
            times.append(one.now)
            one.answer()
        gaps = [after - before for before, after in pairwise(times)]
        assert min(gaps) >= 64 * 0.9
        assert max(gaps) <= 64 * 1.1
        assert min(gaps) < 64 * 0.92
        assert max(gaps) > 64 * 1.08

    def test_clients_started_together_do_not_stay_together(self) -> None:
        assert len({Conversation(AssociationConfig(burst_count=0), seed=seed).exchange()[1] for seed in range(50)}) == 50


class TestAnswer:
    def test_the_first_closes_the_socket_and_measures(self) -> None:
        one = Conversation()
        one.ask()
        asked_at = one.now
        close, wake, measured = one.answer()
        assert close == Close(1)
        assert isinstance(wake, WakeAt)
        assert isinstance(measured, Measured)
        measurement = measured.measurement
        assert (measurement.origin, measurement.destination) == (clock(asked_at), clock(one.now))
        assert (measurement.sent_at, measurement.received_at) == (asked_at, one.now)
        assert abs(measurement.offset.to_seconds()) < 1e-9
        assert measurement.delay.to_seconds() == pytest.approx(0.020, abs=1e-9)
        assert (one.association.is_reachable, one.association.reach, one.association.unanswered_polls) == (True, 1, 0)

    def test_the_last_stamp_counts(self) -> None:
        one = Conversation()
        one.ask()
        assert one.association.handle_sent(1, clock(one.now + 0.001), StampSource.HARDWARE, one.now) == []
        measured = one.answer()[-1]
        assert isinstance(measured, Measured)
        assert (measured.measurement.origin, measured.measurement.origin_source) == (clock(1000.001), StampSource.HARDWARE)

    def test_a_stamp_for_another_request_is_ignored(self) -> None:
        one = Conversation()
        one.exchange()
        one.ask()
        before = one.visible_state()
        one.association.handle_sent(1, clock(0.0), StampSource.DAEMON, one.now)
        one.association.handle_sent(3, clock(0.0), StampSource.DAEMON, one.now)
        assert one.visible_state() == before

    def test_without_a_stamp_there_is_no_measurement(self) -> None:
        one = Conversation()
        one.wake()
        assert [type(action) for action in one.answer()] == [Close, WakeAt, Rejected]
        assert one.association.reach == 1

    def test_too_late(self) -> None:
        one = Conversation()
        one.ask()
        late = one.datagram(delay_s=4.001)
        before = one.visible_state()
        assert one.deliver(late) == [Rejected(Rejection.NOT_REQUESTED)]
        assert one.visible_state() == before
        assert one.wake()[0] == Close(1)

    def test_of_no_use_but_it_counts_as_reach_and_settles(self) -> None:
        one = Conversation()
        one.ask()
        assert [type(action) for action in one.answer(stratum=16)] == [Close, WakeAt, Rejected]
        assert (one.association.reach, one.association.unanswered_polls) == (1, 0)
        assert one.answer() == [Rejected(Rejection.NOT_REQUESTED)]


class TestShift:
    def test_the_next_request_is_moved(self) -> None:
        one = Conversation(STEADY)
        one.exchange()
        planned = one.association.next_poll_at
        assert one.association.shift_poll(8.0, one.now) == [WakeAt(planned + 8.0)]
        assert one.association.next_poll_at == planned + 8.0

    def test_only_the_next_one(self) -> None:
        one = Conversation(STEADY)
        one.exchange()
        one.note(one.association.shift_poll(-8.0, one.now))
        one.ask()
        assert one.now == 1056.0
        one.answer()
        assert one.association.next_poll_at == 1120.0

    def test_not_below_half_of_the_interval(self) -> None:
        one = Conversation(STEADY)
        one.exchange()
        one.association.shift_poll(-64.0, one.now)
        assert one.association.next_poll_at == 1032.0

    def test_not_in_a_burst_nor_while_asking(self) -> None:
        one = Conversation(AssociationConfig(poll_randomization=0.0))
        one.exchange()
        assert one.association.shift_poll(1.0, one.now) == []
        quiet = Conversation(STEADY)
        quiet.ask()
        assert quiet.association.shift_poll(1.0, quiet.now) == []


class TestBurst:
    def test_eight_requests_ever_farther_apart_then_the_interval(self) -> None:
        one = Conversation(AssociationConfig(poll_randomization=0.0))
        times = []
        for _ in range(10):
            one.ask()
            times.append(one.now - 1000.0)
            one.answer()
        assert times == pytest.approx([0.0, 2.0, 4.0, 6.0, 8.0, 12.0, 20.0, 36.0, 100.0, 164.0])

    def test_a_slow_answer_is_waited_for(self) -> None:
        one = Conversation(AssociationConfig(poll_randomization=0.0))
        one.ask()
        assert isinstance(one.deliver(one.datagram(delay_s=2.9))[-1], Measured)
        assert one.wake_at == one.now

    def test_a_lost_answer_does_not_end_it(self) -> None:
        one = Conversation(AssociationConfig(poll_randomization=0.0))
        one.ask()
        one.ask()
        assert one.now == 1004.0
        one.answer()
        assert one.wake_at == pytest.approx(1006.0)

    def test_none_when_none_is_configured(self) -> None:
        one = Conversation(STEADY)
        one.exchange()
        assert one.wake_at == 1064.0
        assert one.association.start_burst(one.now) == []

    def test_not_slower_than_the_poll_interval(self) -> None:
        one = Conversation(FAST)
        one.exchange()
        assert one.wake_at == 1001.0
        one.ask()
        one.ask()
        assert one.now == 1002.0

    def test_again_after_a_gap(self) -> None:
        one = Conversation(AssociationConfig(poll_randomization=0.0))
        for _ in range(8):
            one.exchange()
        one.now += 10.0
        one.note(one.association.start_burst(one.now))
        times = []
        for _ in range(9):
            one.ask()
            times.append(one.now)
            one.answer()
        assert times[0] == pytest.approx(1046.021)
        assert times[7] - times[0] == pytest.approx(36.0)
        assert times[8] - times[7] == pytest.approx(64.0)

    def test_not_closer_to_the_last_request_than_the_bursts_spacing(self) -> None:
        one = Conversation(AssociationConfig(poll_randomization=0.0, burst_count=1))
        one.exchange()
        assert one.association.start_burst(one.now) == [WakeAt(1002.0)]

    def test_not_while_the_server_complains_of_our_rate(self) -> None:
        one = Conversation()
        kiss(one, KissCode.RATE)
        assert one.association.start_burst(one.now) == []


class TestSilence:
    def test_a_server_dead_at_the_start_is_reset_after_four_polls_and_asked_ever_more_rarely(self) -> None:
        one = Conversation(AssociationConfig(poll_randomization=0.0))
        causes = ask_in_vain(one, 13)
        assert [index for index, actions in enumerate(causes, 1) if Reset() in actions] == [4, 12]
        assert causes[3] == [Close(4), WakeAt(1012.0 + 128.0), Reset()]
        assert one.association.poll_interval == PollInterval(10)
        assert one.association.requests == 13
        assert one.now == 1012.0 + 128 + 256 + 512 + 6 * 1024 + 4.0
        assert (one.association.is_reachable, one.association.unanswered_polls) == (False, 8)

    def test_a_server_that_dies_is_reset_after_eight(self) -> None:
        one = Conversation(STEADY)
        one.exchange()
        causes = ask_in_vain(one, 8)
        assert [Reset() in actions for actions in causes] == [False] * 7 + [True]
        assert (one.association.reach, one.association.unanswered_polls, one.association.poll_interval) == (0, 8, PollInterval(7))

    def test_the_first_answer_ends_the_back_off(self) -> None:
        one = Conversation(STEADY)
        ask_in_vain(one, 10)
        assert one.association.poll_interval == PollInterval(10)
        one.ask()
        asked_at = one.now
        one.answer()
        assert (one.association.poll_interval, one.association.unanswered_polls) == (PollInterval(6), 0)
        assert one.wake_at == asked_at + 64.0

    def test_a_burst_does_not_hurry_a_dead_server(self) -> None:
        one = Conversation(AssociationConfig(poll_randomization=0.0, poll_maximum=PollInterval(6)))
        ask_in_vain(one, 4)
        one.now += 60.0
        one.note(one.association.start_burst(one.now))
        ask_in_vain(one, 1)
        assert one.wake_at == one.now - 4.0 + 64.0

    def test_a_short_interval_supersedes_the_outstanding_request(self) -> None:
        one = Conversation(AssociationConfig(poll_minimum=PollInterval(0), poll_initial=PollInterval(0), poll_randomization=0.0, burst_count=0))
        first = one.ask()
        late = one.datagram(delay_s=1.5)
        one.now = one.wake_at
        assert one.wake()[:1] == [Close(first.token)]
        assert len(one.sent) == 2
        assert one.deliver(late) == [Rejected(Rejection.WRONG_ORIGIN)]

    def test_a_request_and_a_reset_in_one_call(self) -> None:
        one = Conversation(AssociationConfig(poll_minimum=PollInterval(0), poll_maximum=PollInterval(0), poll_initial=PollInterval(0), burst_count=0))
        for _ in range(4):
            one.wake()
        assert [type(action) for action in one.wake()] == [Close, Send, WakeAt, Reset]


class TestSendError:
    def test_it_counts_as_unanswered_and_the_next_is_sent_when_due(self) -> None:
        one = Conversation(STEADY)
        one.wake()
        assert one.association.handle_send_error(1, one.now) == [Close(1), WakeAt(1064.0)]
        assert (one.association.reach, one.association.unanswered_polls) == (0, 1)
        one.wake_at = 1064.0
        assert isinstance(one.exchange()[-1], Measured)

    def test_errors_without_end_are_paced_like_silence_and_ask_for_a_reset(self) -> None:
        one = Conversation(AssociationConfig(poll_randomization=0.0))
        resets = []
        for count in range(1, 9):
            one.ask()
            if Reset() in one.note(one.association.handle_send_error(one.sent[-1].token, one.now)):
                resets.append(count)
        assert resets == [4]
        assert one.now == 1012.0 + 128 + 256 + 512 + 1024

    @pytest.mark.parametrize("token", [0, 1, 3])
    def test_for_another_request_it_is_ignored(self, token: int) -> None:
        one = Conversation()
        one.exchange()
        one.ask()
        before = one.visible_state()
        assert one.association.handle_send_error(token, one.now) == []
        assert one.visible_state() == before

    def test_for_a_settled_request_it_is_ignored(self) -> None:
        one = Conversation()
        one.exchange()
        before = one.visible_state()
        assert one.association.handle_send_error(1, one.now) == []
        assert one.visible_state() == before


class TestPollInterval:
    def test_a_shorter_one_takes_effect_at_once(self) -> None:
        one = Conversation(AssociationConfig(poll_initial=PollInterval(10), burst_count=0, poll_randomization=0.0))
        one.exchange()
        assert one.wake_at == 2024.0
        assert one.association.set_poll_interval(PollInterval(7), one.now) == [WakeAt(1128.0)]
        one.now = 1200.0
        assert one.association.set_poll_interval(PollInterval(6), one.now) == [WakeAt(1200.0)]

    def test_a_longer_one_too(self) -> None:
        one = Conversation(STEADY)
        one.exchange()
        assert one.association.set_poll_interval(PollInterval(9), one.now) == [WakeAt(1512.0)]
        assert one.association.poll_interval == PollInterval(9)

    def test_a_time_out_is_not_put_off(self) -> None:
        one = Conversation(STEADY)
        one.ask()
        assert one.association.set_poll_interval(PollInterval(9), one.now) == [WakeAt(1004.0)]

    def test_the_same_one_changes_nothing(self) -> None:
        one = Conversation(STEADY)
        assert one.association.set_poll_interval(PollInterval(6), one.now) == []
        assert one.association.set_poll_interval(PollInterval(-20), one.now) == []
        assert one.association.set_poll_interval(PollInterval(100), one.now) == [WakeAt(1000.0)]
        assert one.association.poll_interval == PollInterval(10)


class TestKisses:
    @pytest.mark.parametrize("code", [KissCode.DENY, KissCode.RSTR])
    def test_deny_ends_it_for_good(self, code: KissCode) -> None:
        one = Conversation()
        assert kiss(one, code) == [Close(1), Rejected(Rejection.KISS), Demobilize(code)]
        assert one.visible_state()[6] == Demobilized(code)
        one.now += 1e6
        association = one.association
        assert association.handle_timer(one.now) == association.start_burst(one.now) == association.set_poll_interval(PollInterval(9), one.now) == []
        assert association.handle_send_error(1, one.now) == association.handle_sent(1, clock(one.now), StampSource.KERNEL, one.now) == []
        assert one.answer() == [Rejected(Rejection.NOT_REQUESTED)]
        assert (association.requests, association.kisses) == (1, 1)

    def test_rate_lengthens_the_interval_and_ends_the_burst(self) -> None:
        one = Conversation(AssociationConfig(poll_randomization=0.0))
        assert kiss(one, KissCode.RATE) == [Close(1), WakeAt(1128.0), Rejected(Rejection.KISS)]
        assert one.association.poll_interval == PollInterval(7)
        assert (one.association.kisses, one.association.is_reachable, one.association.unanswered_polls) == (1, False, 0)

    def test_rate_is_forgotten_slowly(self) -> None:
        one = Conversation(STEADY)
        kiss(one, KissCode.RATE)
        intervals = []
        for _ in range(9):
            one.exchange()
            intervals.append(one.association.poll_interval.log2)
        assert intervals == [7] * 7 + [6, 6]

    def test_a_server_that_only_sends_rate_is_never_reachable_and_never_reset(self) -> None:
        one = Conversation()
        for _ in range(20):
            assert Reset() not in kiss(one, KissCode.RATE)
            assert not one.association.is_reachable
        assert one.association.poll_interval == PollInterval(17)

    @pytest.mark.parametrize("letters", ["NTSN", "INIT", "XXXX"])
    def test_the_rest_mean_nothing(self, letters: str) -> None:
        one = Conversation(STEADY)
        one.ask()
        assert one.answer(stratum=0, reference_id_bits=ReferenceId.from_ascii(letters).bits) == [Close(1), WakeAt(1064.0), Rejected(Rejection.KISS)]
        assert (one.association.kisses, one.association.poll_interval) == (1, PollInterval(6))


def test_an_answer_in_every_state_is_either_the_outstanding_one_or_not_requested() -> None:
    one = Conversation(start_delay_s=1.0)
    one.wake()
    stray = one.datagram(bytes([0x24, 1]) + bytes(46))
    assert one.deliver(stray) == [Rejected(Rejection.NOT_REQUESTED)]
    one.ask()
    assert isinstance(one.visible_state()[6], Asking)
    assert one.deliver(stray) == [Rejected(Rejection.WRONG_ORIGIN)]
    one.answer()
    assert one.deliver(stray) == [Rejected(Rejection.NOT_REQUESTED)]


class TestOffline:
    def test_no_request_leaves_until_it_is_online_again_and_then_a_burst(self) -> None:
        one = Conversation(STEADY)
        one.exchange()
        assert one.note(one.association.set_online(online=False, now=one.now)) == []
        assert not one.association.is_online
        one.now += 100_000.0
        assert one.association.handle_timer(one.now) == []
        assert one.association.set_online(online=False, now=one.now) == []
        assert one.note(one.association.set_online(online=True, now=one.now)) == [WakeAt(one.now)]
        assert isinstance(one.wake()[0], Send)

    def test_it_begins_again_with_a_burst(self) -> None:
        one = Conversation(AssociationConfig(poll_randomization=0.0))
        for _ in range(12):
            one.exchange()
        one.association.set_online(online=False, now=one.now)
        one.note(one.association.set_online(online=True, now=one.now))
        one.exchange()
        first = one.now
        one.exchange()
        assert one.now - first == pytest.approx(AssociationConfig().burst_interval_s, abs=0.1)

    def test_an_answer_under_way_counts_and_one_that_does_not_come_is_given_up(self) -> None:
        one = Conversation(STEADY)
        one.ask()
        assert one.association.set_online(online=False, now=one.now) == [WakeAt(one.now + 4.0)]
        assert isinstance(one.answer()[-1], Measured)
        other = Conversation(STEADY)
        other.ask()
        other.note(other.association.set_online(online=False, now=other.now))
        assert other.wake() == [Close(1)]
        assert other.association.reach == 0

    def test_what_was_known_of_its_reach_stays(self) -> None:
        one = Conversation(STEADY)
        one.exchange()
        one.association.set_online(online=False, now=one.now)
        assert (one.association.reach, one.association.unanswered_polls) == (1, 0)
        assert one.association.next_poll_at == float("inf")
