"""One server, seen by a client: when to ask it, and which datagrams are its answers.

Theory of operation. The server is asked at intervals, one request at a time, each from a fresh socket and with 64 random bits in place of
our time. The answer has to bring those bits back within the time limit; the first datagram that does settles the request, and everything
else is counted and forgotten. What is to be done comes back as actions in the order in which they are to be carried out; those that may
make the shell call in again (`Measured`), or end the association (`Reset`, `Demobilize`), come last.

There is one timer. `handle_timer` may be called at any time: early, it only says again when it wants to be called.

    start      the first request at once (after `start_delay_s`), then a burst: `burst_count` requests, the first ones
               `burst_interval_s` apart and then ever farther, until the poll interval is reached
    steady     the interval that the discipline wants, times a random factor
    silence    `Reset` after 4 unanswered requests when the server has never answered, after 8 when it has, and every 8 from there; the
               interval doubles with each of them up to the maximum. The shell may keep an association that has asked for a reset, when the
               name still resolves to the same address: it goes on asking, and the first answer ends the back-off
    offline    no request until it is online again, which begins with a burst; its estimates and its register stay
    kisses     DENY and RSTR end it for good; RATE lengthens the interval (see `pace`); the rest mean nothing to a client

What we deliberately don't do: symmetric, broadcast and interleaved modes; obey a kiss without the nonce; take a second answer, though the
first was of no use; look at the clock, or at an answer whose departure nobody has stamped.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from ntp_proto.association.acceptance import identify, judge
from ntp_proto.association.actions import Action, Close, Demobilize, Measured, Rejected, Rejection, Reset, Send, WakeAt
from ntp_proto.association.config import AssociationConfig
from ntp_proto.association.measurement import Measurement
from ntp_proto.association.pace import Pace
from ntp_proto.association.reachability import Reachability
from ntp_proto.association.states import Asking, Demobilized, Departure, Request, Starting, State, Waiting
from ntp_proto.datagram import Address, Datagram, StampSource
from ntp_proto.identifiers import KissCode
from ntp_proto.packet import client_request
from ntp_proto.time_types import NtpTimestamp, PollInterval

if TYPE_CHECKING:
    import random

__all__ = ["Association"]


class Association:
    """The state machine. Every input returns the actions that the shell is to carry out, in order.

    Args:
        config: How to ask, and what to believe.
        remote: The server.
        rng: For nonces and spread; a `random.SystemRandom` in a daemon, a seeded one in a simulator.
        now: The monotonic instant, s.
        start_delay_s: How long to wait before the first request, s, so that several servers are not asked in the same instant.

    Source: RFC 5905 §9.2 and §13, less all modes but client.
    """

    def __init__(self, config: AssociationConfig, remote: Address, rng: random.Random, now: float, start_delay_s: float = 0.0) -> None:
        self._config = config
        self._remote = remote
        self._rng = rng
        self._state: State = Starting(now + start_delay_s)
        self._pace = Pace.at_start(config)
        self._reachability = Reachability()
        self._requests = 0
        self._kisses = 0
        self._is_online = True

    @property
    def remote(self) -> Address:
        """The server."""
        return self._remote

    @property
    def poll_interval(self) -> PollInterval:
        """The present interval between requests, outside of a burst: what the discipline wants, what the server bears, and its silence."""
        return self._pace.interval(self._reachability.back_off)

    @property
    def is_reachable(self) -> bool:
        """Whether any of the last eight requests was answered."""
        return self._reachability.register != 0

    @property
    def reach(self) -> int:
        """The last eight requests, newest in the lowest bit; a 1 was answered."""
        return self._reachability.register

    @property
    def unanswered_polls(self) -> int:
        """Requests that went unanswered since the last sign of life, at most 8; one that is outstanding is not counted."""
        return min(8, self._reachability.silent_polls)

    @property
    def is_online(self) -> bool:
        """Whether it asks at all."""
        return self._is_online

    @property
    def requests(self) -> int:
        """Requests handed out so far."""
        return self._requests

    @property
    def kisses(self) -> int:
        """Kisses with the right nonce so far, obeyed or not."""
        return self._kisses

    def handle_timer(self, now: float) -> list[Action]:
        """Do what is due. To be called first to get going, then at each `WakeAt`."""
        actions: list[Action] = []
        endings: list[Action] = []
        if isinstance(self._state, Asking) and now >= min(self._state.request.deadline, self._poll_at()):
            actions.append(Close(self._state.request.token))
            endings = self._give_up(self._state)
        if now >= self._poll_at():
            actions.append(self._ask(now))
        return [*actions, *self._wake(now), *endings]

    def handle_sent(self, token: int, sent_at: NtpTimestamp, stamp_source: StampSource, now: float) -> list[Action]:  # noqa: ARG002 — every input has a `now`
        """The request of `token` left at `sent_at`, on the clock that is being disciplined.

        An answer that arrives before this call cannot be used. A second call replaces the stamp, so that a shell may give its own reading
        at once and the kernel's when it comes; a stamp for a settled request is ignored.

        Returns:
            Nothing to be done; a list, so that a shell may treat all inputs alike.
        """
        if isinstance(self._state, Asking) and self._state.request.token == token:
            request = replace(self._state.request, departure=Departure(sent_at, stamp_source))
            self._state = replace(self._state, request=request)
        return []

    def handle_send_error(self, token: int, now: float) -> list[Action]:
        """The request of `token` could not be sent: it counts as unanswered, and the next is sent when it is due.

        Not for errors that the network reports later: anyone can forge those, and an answer may still come.
        """
        if not isinstance(self._state, Asking) or self._state.request.token != token:
            return []
        endings = self._give_up(self._state)
        return [Close(token), *self._wake(now), *endings]

    def handle_datagram(self, datagram: Datagram, now: float) -> list[Action]:
        """Take a datagram that arrived at the monotonic instant `now`.

        Returns:
            `Measured` or `Rejected`, exactly one of them in any case. Nothing in the datagram can raise. One that does not carry the nonce
            of an outstanding request changes nothing.
        """
        asking = self._state if isinstance(self._state, Asking) else None
        request = asking.request if asking else None
        header = identify(datagram, self._remote, request, self._config.version, now)
        if isinstance(header, Rejection):
            return [Rejected(header)]
        assert asking is not None  # identify needs its nonce
        verdict = judge(header, datagram, asking.request, self._config, now)
        self._state = Waiting(asking.request.asked_at, asking.spread, was_answered=True)
        close = Close(asking.request.token)
        if isinstance(verdict, KissCode):
            return [close, *self._handle_kiss(verdict, now)]
        self._reachability = self._reachability.after_answer()
        if isinstance(verdict, Measurement):
            self._pace = self._pace.after_measurement()
            return [close, *self._wake(now), Measured(verdict)]
        return [close, *self._wake(now), Rejected(verdict)]

    def set_poll_interval(self, interval: PollInterval, now: float) -> list[Action]:
        """Ask at another interval from now on: within the configured limits, and not below what the server bears.

        It takes effect at once: the request that is pending is sent earlier or later. It does not shorten or lengthen a burst.
        """
        before = self._pace
        self._pace = before.with_wanted(interval)
        return [] if self._pace == before else self._wake(now)

    @property
    def next_poll_at(self) -> float:
        """When the next request is planned, monotonic, s; infinite once the server has refused us."""
        return self._poll_at()

    def shift_poll(self, by_s: float, now: float) -> list[Action]:
        """Send the next request so much later than planned, s (negative: earlier).

        Not in a burst, only while no request is outstanding, and not earlier for a server that has complained of our rate.
        """
        if not isinstance(self._state, Waiting) or self._pace.burst_left or (by_s < 0.0 and self._pace.rate_minimum is not None):
            return []
        self._state = replace(self._state, spread=max(0.5, self._state.spread + by_s / self.poll_interval.seconds))
        return self._wake(now)

    def start_burst(self, now: float) -> list[Action]:
        """Ask quickly for a while, as at the start: after a suspend, a step or a long gap. Not while the server complains of our rate."""
        before = self._pace
        self._pace = before.with_burst()
        return [] if self._pace == before else self._wake(now)

    def set_online(self, online: bool, now: float) -> list[Action]:
        """Stop asking, or begin again with a burst. An answer that is under way counts either way."""
        if online is self._is_online:
            return []
        self._is_online = online
        if online:
            self._pace = self._pace.with_burst()
        return self._wake(now)

    def _handle_kiss(self, kiss: KissCode, now: float) -> list[Action]:
        self._kisses += 1
        if kiss is KissCode.DENY or kiss is KissCode.RSTR:
            self._state = Demobilized(kiss)
            return [Rejected(Rejection.KISS), Demobilize(kiss)]
        if kiss is KissCode.RATE:
            self._pace = self._pace.after_rate_kiss(self.poll_interval)
        self._reachability = self._reachability.after_kiss()
        return [*self._wake(now), Rejected(Rejection.KISS)]

    def _ask(self, now: float) -> Send:
        nonce = 0
        while nonce == 0:  # zero stands for "unknown", and forged answers that copy it exist
            nonce = self._rng.getrandbits(64)
        self._requests += 1
        request = Request(self._requests, NtpTimestamp(nonce), now, now + self._config.response_timeout_s)
        randomization = self._config.poll_randomization
        self._state = Asking(request, self._rng.uniform(1.0 - randomization, 1.0 + randomization))
        self._pace = self._pace.after_request()
        self._reachability = self._reachability.after_request()
        return Send(request.token, client_request(request.nonce, self.poll_interval, self._config.version).to_bytes())

    def _give_up(self, asking: Asking) -> list[Action]:
        """The outstanding request will not be answered. Returns what is to be done last."""
        self._state = Waiting(asking.request.asked_at, asking.spread, was_answered=False)
        self._reachability = self._reachability.after_silence()
        if not self._reachability.bears_burst:
            self._pace = self._pace.without_burst()
        return [Reset()] if self._reachability.is_reset_due else []

    def _poll_at(self) -> float:
        """When the next request is due, monotonic, s."""
        if not self._is_online:
            return math.inf
        interval_s = self.poll_interval.seconds
        match self._state:
            case Starting(poll_at=poll_at):
                return poll_at
            case Waiting(asked_at=asked_at, spread=spread, was_answered=True) if self._pace.burst_left:
                return asked_at + min(self._pace.burst_spacing_s, interval_s) * spread
            case Asking(request=Request(asked_at=asked_at)) | Waiting(asked_at=asked_at) if self._pace.burst_left:
                return asked_at + min(self._config.response_timeout_s, interval_s)
            case Asking(request=Request(asked_at=asked_at), spread=spread) | Waiting(asked_at=asked_at, spread=spread):
                return asked_at + interval_s * spread
            case Demobilized():
                return math.inf
            case _ as unreachable:
                assert_never(unreachable)

    def _wake(self, now: float) -> list[Action]:
        """The timer for what is due next; none when nothing ever will be."""
        at = self._poll_at()
        if isinstance(self._state, Asking):
            at = min(at, self._state.request.deadline)
        return [WakeAt(max(now, at))] if at < math.inf else []
