"""What a server has done, where the daemon can see it at any time.

The counts are words in memory that a worker shares with the daemon: a worker never has to be asked, and what it had counted is still there
when it has died. What is counted is `ntp_proto.server.counters.Tally`; this is its place, with what only a process can know. The fast path counts
into its part of the page while it works, the rest is stored after each batch.
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
_MOST = 1 << 55
"""No honest count comes so far, and the sums of others still fit a document: a worker may have been taken over."""

_TALLY_WORDS = _KINDS + 2 * _REASONS + 4  # struct ntp_tally: the rows and fields of Tally in their order
_SLOW_TALLY = _TALLY_WORDS
_SLOW, _EVENTS_LOST, _HOOK_ERRORS, _CLIENTS, _TURNS = range(2 * _TALLY_WORDS, 2 * _TALLY_WORDS + 5)
PAGE_WORDS = 2 * _TALLY_WORDS + 5


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

    @property
    def fast_words(self) -> Words:
        """Where the fast path counts."""
        return self._words[:_TALLY_WORDS]

    def store(self, counters: ServingCounters) -> None:
        """Show these from now on: the tally of the slow path, and what a process knows beside it."""
        tally = counters.tally
        row = [*tally.answered, *tally.dropped, *tally.kissed, tally.bytes_in, tally.bytes_out, tally.send_errors, tally.processing]
        row += [counters.slow, counters.events_lost, counters.hook_errors, counters.clients]
        self._words[_SLOW_TALLY:_TURNS] = memoryview(array("Q", [number & _WORD for number in row]))

    @property
    def turns(self) -> int:
        """How often the process has said that it goes on, modulo 2^64."""
        return self._words[_TURNS]

    def take_turn(self) -> None:
        """Say that the process goes on."""
        self._words[_TURNS] = (self._words[_TURNS] + 1) & _WORD

    def load(self) -> ServingCounters:
        """What was shown last, and what the fast path has counted by now."""
        shown = self._words[:PAGE_WORDS].tolist()
        words = [min(word, _MOST) for word in shown]
        tally = _tally(words[:_TALLY_WORDS], shown[_TALLY_WORDS - 1])
        tally.add(_tally(words[_SLOW_TALLY:_SLOW], shown[_SLOW - 1]))
        return ServingCounters(
            tally=tally, slow=words[_SLOW], events_lost=words[_EVENTS_LOST], hook_errors=words[_HOOK_ERRORS], clients=words[_CLIENTS]
        )


def _tally(words: list[int], processing: int) -> Tally:
    """The last word is a time in small units, which may be large, and is a float in a document."""
    dropped, kissed, others = _KINDS, _KINDS + _REASONS, _KINDS + 2 * _REASONS
    bytes_in, bytes_out, send_errors = words[others : others + 3]
    return Tally(words[:dropped], words[dropped:kissed], words[kissed:others], bytes_in, bytes_out, send_errors, processing)
