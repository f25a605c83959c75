"""One association and a server that answers it, in virtual time: what the tests of the association are written with.

The path takes 10 ms each way, the server's clock is right and it answers within 1 ms, unless a test says otherwise.
"""

from __future__ import annotations

import random

from ntp_proto.association import Action, Association, AssociationConfig, Send, WakeAt
from ntp_proto.datagram import Address, Datagram, StampSource
from ntp_proto.packet import Header, response_to
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["CLIENT", "EPOCH", "SERVER", "Conversation", "clock"]

CLIENT = Address("192.0.2.9", 40000)
SERVER = Address("192.0.2.1", 123)
EPOCH = NtpTimestamp(0xEC_00_00_00_00_00_00_00)  # in 2025
_PATH_S = 0.010
_PROCESSING_S = 0.001
_START = 1000.0


def clock(now: float) -> NtpTimestamp:
    """The client's clock, which is right: `EPOCH` is at the start of every conversation."""
    return EPOCH + NtpDuration.from_seconds(now - _START)


class Conversation:
    """Drives an association; every method returns the actions that it caused."""

    def __init__(self, config: AssociationConfig | None = None, *, seed: int = 1, start_delay_s: float = 0.0, server: Address = SERVER) -> None:
        self.now = _START
        self.server = server
        self.association = Association(config or AssociationConfig(), server, random.Random(seed), self.now, start_delay_s)
        self.sent: list[Send] = []
        self.wake_at = self.now

    def note(self, actions: list[Action]) -> list[Action]:
        """Remember what a shell would: the requests and the timer."""
        for action in actions:
            if isinstance(action, Send):
                self.sent.append(action)
            elif isinstance(action, WakeAt):
                self.wake_at = action.at
        return actions

    def wake(self) -> list[Action]:
        """Let time pass until the association wants to be called."""
        self.now = max(self.now, self.wake_at)
        return self.note(self.association.handle_timer(self.now))

    def ask(self) -> Send:
        """Let time pass until the next request has left."""
        count = len(self.sent)
        for _ in range(4):
            self.wake()
            if len(self.sent) > count:
                self.association.handle_sent(self.sent[-1].token, clock(self.now), StampSource.KERNEL, self.now)
                return self.sent[-1]
        raise AssertionError("the association has stopped asking")

    @property
    def request(self) -> Header:
        """The last request."""
        return Header.parse(self.sent[-1].data)

    def response(self, *, offset_s: float = 0.0, **fields: int) -> Header:
        """The server's answer to the last request, with fields replaced as they stand on the wire."""
        arrival = clock(self.now) + NtpDuration.from_seconds(offset_s + _PATH_S)
        header = response_to(self.request, receive=arrival, transmit=arrival + NtpDuration.from_seconds(_PROCESSING_S))
        return header._replace(**fields)

    def datagram(
        self, data: bytes | None = None, *, remote: Address | None = None, local: Address = CLIENT, delay_s: float = 2 * _PATH_S + _PROCESSING_S
    ) -> Datagram:
        """A datagram that arrives `delay_s` from now; by default the server's answer."""
        data = self.response().to_bytes() if data is None else data
        arrival = clock(self.now + delay_s)
        return Datagram(data, self.server if remote is None else remote, local, arrival, StampSource.KERNEL)

    def deliver(self, datagram: Datagram | None = None) -> list[Action]:
        """Hand a datagram to the association, at the time at which it arrives; by default the server's answer."""
        datagram = datagram or self.datagram()
        self.now += max(0.0, (datagram.received_at - clock(self.now)).to_seconds())
        return self.note(self.association.handle_datagram(datagram, self.now))

    def answer(self, **fields: int) -> list[Action]:
        """Deliver the server's answer with some fields replaced."""
        return self.deliver(self.datagram(self.response(**fields).to_bytes()))

    def exchange(self) -> list[Action]:
        """A whole exchange; returns what the answer caused."""
        self.ask()
        return self.answer()

    def visible_state(self) -> tuple[object, ...]:
        """Everything that an observer can see, and the states behind it."""
        a = self.association
        visible = (a.poll_interval, a.is_reachable, a.reach, a.unanswered_polls, a.requests, a.kisses)
        return (*visible, a._state, a._pace, a._reachability)
