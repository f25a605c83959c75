"""Whatever arrives, and in whatever order the inputs come, the association keeps its promises."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ntp_proto.association import Action, AssociationConfig, Close, Demobilize, Measured, Rejected, Reset, Send, WakeAt
from ntp_proto.association.states import Asking, Demobilized
from ntp_proto.datagram import StampSource
from ntp_proto.packet import HEADER_LENGTH, Header
from ntp_proto.time_types import PollInterval
from support.conversation import SERVER, Conversation, clock

EARLY = AssociationConfig(poll_minimum=PollInterval(-2), poll_initial=PollInterval(1), burst_count=3)


@given(st.binary(max_size=120), st.integers(0, 48), st.booleans())
def test_a_stranger_changes_nothing(data: bytes, kept: int, is_outstanding: bool) -> None:
    """Random bytes, and genuine answers with random ends, that happen not to carry the nonce."""
    one = Conversation()
    one.ask()
    genuine = one.datagram()
    hostile = genuine.data[:kept] + data
    if len(hostile) >= HEADER_LENGTH and hostile[24:32] == genuine.data[24:32]:
        hostile = hostile[:24] + bytes(8) + hostile[32:]
    if not is_outstanding:
        one.deliver(genuine)
    before = one.visible_state()
    actions = one.deliver(one.datagram(hostile, delay_s=0.0))
    assert len(actions) == 1
    assert isinstance(actions[0], Rejected)
    assert one.visible_state() == before
    if is_outstanding:
        assert isinstance(one.deliver(genuine)[-1], Measured)


@given(st.binary(min_size=HEADER_LENGTH, max_size=HEADER_LENGTH), st.floats(-10.0, 10.0))
def test_no_answer_of_the_server_itself_raises(data: bytes, delay_s: float) -> None:
    """With the right nonce, mode and version any field may hold anything."""
    one = Conversation()
    one.ask()
    header = Header.parse(data)
    header = header._replace(first_byte=header.first_byte & 0xC0 | 0x24, origin_bits=one.request.transmit.bits)
    actions = one.deliver(one.datagram(header.to_bytes(), delay_s=delay_s))
    if delay_s <= 4.0:
        assert actions[0] == Close(1)
    assert sum(isinstance(action, Measured | Rejected) for action in actions) == 1


class AssociationMachine(RuleBasedStateMachine):
    """Any input at any time; what holds after each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.one = Conversation(EARLY)
        self.open_sockets: set[int] = set()
        self.alive = True
        self.last_wake = self.one.now
        self.do(self.one.wake())

    def do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(token=token):
                    assert not self.open_sockets, "one request at a time"
                    self.open_sockets.add(token)
                case Close(token=token):
                    self.open_sockets.remove(token)
                case WakeAt(at=at):
                    assert at >= self.one.now
                    self.one.wake_at = at
                case Demobilize():
                    self.alive = False
                case Measured() | Rejected() | Reset():
                    pass

    @rule(share=st.floats(0.0, 1.5))
    def let_time_pass(self, share: float) -> None:
        if self.one.wake_at > self.one.now:
            self.one.now += (self.one.wake_at - self.one.now) * share
        self.do(self.one.wake() if share >= 1.0 else self.one.note(self.one.association.handle_timer(self.one.now)))

    @rule(stale=st.integers(0, 2))
    def stamp(self, stale: int) -> None:
        self.do(self.one.association.handle_sent(self.one.association.requests - stale, clock(self.one.now), StampSource.KERNEL, self.one.now))

    @rule(stale=st.integers(0, 2))
    def fail_to_send(self, stale: int) -> None:
        self.do(self.one.association.handle_send_error(self.one.association.requests - stale, self.one.now))

    @rule(log2=st.integers(-10, 20))
    def want_another_interval(self, log2: int) -> None:
        self.do(self.one.association.set_poll_interval(PollInterval(log2), self.one.now))

    @rule()
    def burst(self) -> None:
        self.do(self.one.association.start_burst(self.one.now))

    @precondition(lambda self: bool(self.one.sent))
    @rule(stratum=st.sampled_from([0, 1, 2, 16]), letters=st.sampled_from([0x52415445, 0x44454E59, 0x7F7F0101, 0]))
    def answer(self, stratum: int, letters: int) -> None:
        if letters == 0x44454E59 and stratum == 0 and self.one.association.requests < 10:
            stratum = 1  # let it live a while
        self.do(
            self.one.association.handle_datagram(
                self.one.datagram(self.one.response(stratum=stratum, reference_id_bits=letters).to_bytes()), self.one.now
            )
        )

    @rule(data=st.binary(max_size=80))
    def noise(self, data: bytes) -> None:
        before = self.one.visible_state()
        actions = self.one.association.handle_datagram(self.one.datagram(data, remote=SERVER), self.one.now)
        assert [type(action) for action in actions] == [Rejected]
        assert self.one.visible_state() == before

    @invariant()
    def sockets_and_states_agree(self) -> None:
        state = self.one.association._state
        assert bool(self.open_sockets) == isinstance(state, Asking)
        assert self.alive != isinstance(state, Demobilized)

    @invariant()
    def the_timer_never_starves(self) -> None:
        if self.alive:
            assert self.one.wake_at <= self.one.now + 2.0**17 * 1.02

    @invariant()
    def what_is_shown_is_in_range(self) -> None:
        a = self.one.association
        assert 0 <= a.reach <= 255
        assert 0 <= a.unanswered_polls <= 8
        assert a.is_reachable == bool(a.reach)
        assert EARLY.poll_minimum <= a.poll_interval <= PollInterval(17)


TestAssociationMachine = AssociationMachine.TestCase
TestAssociationMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
