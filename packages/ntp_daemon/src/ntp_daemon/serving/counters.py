"""What a server has done, where the daemon can see it at any time.

The counts are words in memory that a worker shares with the daemon: a worker never has to be asked, and what it had counted is still there
when it has died. What is counted is `ntp_proto.server.counters.Tally`; this is its place, with what only a process can know.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ntp_proto.server import AnswerKind, DropReason, ServerTotals, Tally, totals

if TYPE_CHECKING:
    Words = memoryview[int]

__all__ = ["PAGE_WORDS", "CounterPage", "ServingCounters"]

_KINDS, _REASONS = len(AnswerKind), len(DropReason)
_WORD = (1 << 64) - 1

_BYTES_IN, _BYTES_OUT, _SEND_ERRORS, _SLOW, _EVENTS_LOST, _HOOK_ERRORS, _CLIENTS = range(7)
_ANSWERED = 7
_DROPPED = _ANSWERED + _KINDS
_KISSED = _DROPPED + _REASONS
PAGE_WORDS = _KISSED + _REASONS


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingCounters:
    """What a server has done since it began, all its workers together.

    Attributes:
        tally: The verdicts; `totals` are their published names.
        slow: Requests that took the slow path.
        kernel_drops: Datagrams that the kernel dropped before anybody saw them: the receive buffer was full.
        events_lost: Events that were not handed on, because who wanted them did not keep up.
        hook_errors: How often the hook raised an exception.
        clients: Clients that are remembered now: a gauge.
        worker_restarts: Workers that ended by themselves.
    """

    tally: Tally = field(default_factory=Tally)
    slow: int = 0
    kernel_drops: int = 0
    events_lost: int = 0
    hook_errors: int = 0
    clients: int = 0
    worker_restarts: int = 0

    @property
    def totals(self) -> ServerTotals:
        """The published counters."""
        return totals([self.tally])

    def __add__(self, other: ServingCounters) -> ServingCounters:
        tally = Tally()
        tally.add(self.tally)
        tally.add(other.tally)
        return ServingCounters(
            tally=tally,
            slow=self.slow + other.slow,
            kernel_drops=self.kernel_drops + other.kernel_drops,
            events_lost=self.events_lost + other.events_lost,
            hook_errors=self.hook_errors + other.hook_errors,
            clients=self.clients + other.clients,
            worker_restarts=self.worker_restarts + other.worker_restarts,
        )


class CounterPage:
    """The counts of one process. One writer, any number of readers; a reader may see a request in some of the numbers and not yet in others.

    Args:
        words: `PAGE_WORDS` of them, shared; None: memory of its own.
    """

    __slots__ = ("_words",)

    def __init__(self, words: Words | None = None) -> None:
        self._words = memoryview(array("Q", bytes(8 * PAGE_WORDS))) if words is None else words

    def store(self, counters: ServingCounters) -> None:
        """Show these from now on. What only the daemon counts is left out."""
        tally = counters.tally
        row = [tally.bytes_in, tally.bytes_out, tally.send_errors, counters.slow, counters.events_lost, counters.hook_errors, counters.clients]
        row += tally.answered + tally.dropped + tally.kissed
        self._words[:PAGE_WORDS] = memoryview(array("Q", [number & _WORD for number in row]))

    def load(self) -> ServingCounters:
        """What was shown last."""
        words = self._words[:PAGE_WORDS].tolist()
        tally = Tally(
            answered=words[_ANSWERED:_DROPPED],
            dropped=words[_DROPPED:_KISSED],
            kissed=words[_KISSED:],
            bytes_in=words[_BYTES_IN],
            bytes_out=words[_BYTES_OUT],
            send_errors=words[_SEND_ERRORS],
        )
        return ServingCounters(
            tally=tally, slow=words[_SLOW], events_lost=words[_EVENTS_LOST], hook_errors=words[_HOOK_ERRORS], clients=words[_CLIENTS]
        )
