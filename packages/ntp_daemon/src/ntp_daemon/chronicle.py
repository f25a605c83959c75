"""What can be asked on the observation socket beside the state: samples the past, and tells it; tells what becomes of requests."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ntp_daemon.clocks import MachineClock
from ntp_daemon.history import SAMPLED_S, History, Moment
from ntp_daemon.server_slot import ServerSlot
from ntp_daemon.status import time_text
from ntp_daemon.unix_peer import UnixPeer
from ntp_proto.client import Client
from ntp_proto.history import HistoryQuestion, RequestEvents, RequestNote, RequestsQuestion, decode_question, encode

if TYPE_CHECKING:
    from ntp_daemon.serving.request_events import RequestEvent

__all__ = ["Chronicle"]

_TOLD_S = 0.25
_BEAT_S = 5.0
_BUFFER = 256


class Chronicle:
    """Remembers, and answers questions.

    Args:
        client: Whose state is sampled.
        clock: Its clock.
        server: Who answers clients, if anybody does.
        configuration_path: Where the configuration socket is; who may write to it may watch requests.
    """

    def __init__(self, client: Client, clock: MachineClock, server: ServerSlot, configuration_path: Callable[[], Path]) -> None:
        self._client = client
        self._clock = clock
        self._server = server
        self._configuration_path = configuration_path
        self._history = History()
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = 0.0

    def start(self) -> None:
        """Take a sample every few seconds from now on."""
        loop = asyncio.get_running_loop()
        self._due_at = loop.time() + SAMPLED_S
        self._timer = loop.call_at(self._due_at, self._sample)

    def close(self) -> None:
        """Take no more."""
        if self._timer is not None:
            self._timer.cancel()

    def answer(self, line: bytes, peer: UnixPeer) -> bytes | AsyncGenerator[bytes, None]:
        """One document, or documents without end.

        Raises:
            ValueError: it is no question, or not one for him. The server answers fewer clients while somebody watches requests, so that is for
                those alone who could stop it as well.
        """
        match decode_question(line):
            case HistoryQuestion(window_s=window_s):
                now = self._clock.monotonic()
                return encode(self._history.document(window_s, time_text(self._clock.clock.read()), now))
            case RequestsQuestion() if peer.user == os.geteuid() or peer.may_write(self._configuration_path()):
                return self._watch_requests()
            case RequestsQuestion():
                raise ValueError("watching requests is for those who may use the configuration socket")

    def _sample(self) -> None:
        loop = asyncio.get_running_loop()
        self._due_at = max(self._due_at + SAMPLED_S, loop.time())  # after a standstill what was missed is not caught up with
        self._timer = loop.call_at(self._due_at, self._sample)
        now = self._clock.monotonic()
        system = self._client.observe_system(now)
        known = system.offset_error_s is not None
        self._history.add(
            Moment(
                offset_s=system.offset_s if known else None,
                statistical_error_s=system.statistical_error_s,
                maximum_error_s=system.maximum_error_s,
                frequency=0.0 if self._clock.is_passive else system.frequency,
                counts=self._server.counts(),
            ),
            now,
        )

    async def _watch_requests(self) -> AsyncGenerator[bytes, None]:
        """Bounded: what does not fit into the buffer within a quarter of a second is lost, and counted."""
        loop = asyncio.get_running_loop()
        async with self._server.events.subscribe(_BUFFER) as subscription:
            yield encode(RequestEvents())
            told_at = loop.time()
            while True:
                await asyncio.sleep(_TOLD_S)
                events = subscription.take()
                if events or loop.time() - told_at >= _BEAT_S:
                    told_at = loop.time()
                    yield encode(RequestEvents(events=tuple(map(_note, events)), lost=subscription.lost))


def _note(event: RequestEvent) -> RequestNote:
    return RequestNote(
        at=time_text(event.at),
        client_ip=event.client.host,
        client_port=event.client.port,
        length=event.length,
        version=event.version,
        mode=event.mode,
        stratum=event.stratum,
        outcome=event.outcome,
    )
