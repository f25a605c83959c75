"""Events for whoever wants to watch: subscribers, and the last few hundred.

A subscriber that does not keep up loses events and is told how many; the server never waits. Everything here belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Self

from ntp_daemon.serving.request_events import RequestEvent

__all__ = ["EventHub", "Subscription"]


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

    def take(self) -> tuple[RequestEvent, ...]:
        """All that is in the buffer, without waiting."""
        events = tuple(self._events)
        self._events.clear()
        return events

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
