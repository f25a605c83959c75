"""What happened to each request, for whoever wants to watch: subscribers, and the last few hundred.

A subscriber that does not keep up loses events and is told how many; the server never waits. Everything here belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from ntp_proto.datagram import Address
from ntp_proto.server import Answer, AnswerKind, Request, Verdict, address_text
from ntp_proto.time_types import NtpTimestamp

_ERA_PIVOT_NS = 1_767_225_600_000_000_000
"""Any instant from 1958 to 2094 is read right."""

__all__ = ["EventHub", "RequestEvent", "Subscription"]


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """One datagram that came to the server.

    Attributes:
        at: Its arrival, on the served clock.
        client: The sender; an IPv4-mapped address as IPv4.
        length: Bytes.
        version: As it says itself; 0 where it is too short to say so.
        mode: The same.
        stratum: Of the reply: 0 is a kiss of death; None without a reply.
        outcome: What was answered, as in `AnswerKind`: "time", "interleaved", "unsynchronized"; for a kiss of death "kiss: " and the reason;
            otherwise the reason why it was dropped, as in `DropReason`, or the text of the hook that dropped it.
    """

    at: NtpTimestamp
    client: Address
    length: int
    version: int
    mode: int
    stratum: int | None
    outcome: str

    @classmethod
    def of(cls, request: Request, verdict: Verdict, at: NtpTimestamp) -> RequestEvent:
        """What became of a request.

        Args:
            request: The datagram.
            verdict: Its fate.
            at: Its arrival, on the served clock.
        """
        data = request.data
        if not isinstance(verdict, Answer):
            outcome, stratum = verdict.refusal.text or verdict.reason.value, None
        else:
            stratum = verdict.data[1]
            outcome = verdict.kind.value
            if verdict.kind is AnswerKind.KISS and verdict.refusal is not None:
                outcome = f"kiss: {verdict.refusal.reason.value}"
        first = data[0] if data else 0
        client = Address(address_text(request.client.address), request.client.port)
        return cls(at, client, len(data), first >> 3 & 7, first & 7, stratum, outcome)

    def to_line(self) -> str:
        """A line of the request log: time in UTC, client, and what was asked and answered."""
        ns = self.at.to_unix_ns(near_ns=_ERA_PIVOT_NS)
        seconds, rest = divmod(ns // 1000, 1_000_000)
        stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime(seconds))
        stratum = "-" if self.stratum is None else self.stratum
        return f"{stamp}.{rest:06d} {self.client} v={self.version} mode={self.mode} stratum={stratum} len={self.length} result={self.outcome!r}"

    @property
    def is_answered(self) -> bool:
        """Whether a reply was sent; a kiss is one."""
        return self.stratum is not None


class Subscription:
    """An endless asynchronous iterator over events from its making on; ended by `close`, from either side.

    Attributes:
        lost: Events that found the buffer full.
    """

    def __init__(self, hub: EventHub, buffer: int) -> None:
        self.lost = 0
        self._hub = hub
        self._events: deque[RequestEvent] = deque()
        self._buffer = buffer
        self._changed = asyncio.Event()
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RequestEvent:
        """The next event; what is in the buffer is still handed out after the end."""
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """No more events; closing twice does nothing."""
        if not self._closed:
            self._closed = True
            self._hub.forget(self)
            self._changed.set()

    def put(self, event: RequestEvent) -> None:
        """For the hub."""
        if len(self._events) >= self._buffer:
            self.lost += 1
        else:
            self._events.append(event)
            self._changed.set()


class EventHub:
    """Hands events to subscribers and keeps the last ones.

    Args:
        history: How many are kept; 0: none.

    Attributes:
        on_interest: Called when `is_wanted` may have changed.
    """

    def __init__(self, history: int = 500) -> None:
        self.on_interest: Callable[[], None] | None = None
        self._history: deque[RequestEvent] = deque(maxlen=history)
        self._subscriptions: list[Subscription] = []

    @property
    def is_wanted(self) -> bool:
        """Whether anybody looks at events: where nobody does, none are made."""
        return bool(self._subscriptions) or bool(self._history.maxlen)

    def publish(self, event: RequestEvent) -> None:
        """Never blocks, never fails."""
        self._history.append(event)
        for subscription in self._subscriptions:
            subscription.put(event)

    def subscribe(self, buffer: int = 128) -> Subscription:
        """Watch from now on.

        Args:
            buffer: How many events may wait for the subscriber; 0: he gets none but counts them.
        """
        subscription = Subscription(self, buffer)
        self._subscriptions.append(subscription)
        self._tell_interest()
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """The subscriber has gone."""
        self._subscriptions = [other for other in self._subscriptions if other is not subscription]
        self._tell_interest()

    def history(self) -> tuple[RequestEvent, ...]:
        """The last events, the oldest first."""
        return tuple(self._history)

    @property
    def last(self) -> RequestEvent | None:
        """The last event of the history."""
        return self._history[-1] if self._history else None

    def close(self) -> None:
        """End every subscription; the history stays."""
        for subscription in list(self._subscriptions):
            subscription.close()

    def _tell_interest(self) -> None:
        if self.on_interest is not None:
            self.on_interest()
