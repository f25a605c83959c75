"""What happened to each request, for whoever wants to watch: subscribers, and the last few hundred.

A subscriber that does not keep up loses events and is told how many; the server never waits. Everything here belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Self

from ntp_proto.datagram import Address
from ntp_proto.time_types import NtpTimestamp

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
        outcome: "answered", the kiss ("kiss-rate"), the reason why it was dropped, or the text of the hook that dropped it.
    """

    at: NtpTimestamp
    client: Address
    length: int
    version: int
    mode: int
    stratum: int | None
    outcome: str

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
    """

    def __init__(self, history: int = 500) -> None:
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
        return subscription

    def forget(self, subscription: Subscription) -> None:
        """The subscriber has gone."""
        self._subscriptions = [other for other in self._subscriptions if other is not subscription]

    def history(self) -> tuple[RequestEvent, ...]:
        """The last events, the oldest first."""
        return tuple(self._history)

    def close(self) -> None:
        """End every subscription; the history stays."""
        for subscription in list(self._subscriptions):
            subscription.close()
