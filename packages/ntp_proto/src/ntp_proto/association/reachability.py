"""Whether a server answers: the reach register, and how long it has been silent.

Any answer with the right nonce counts, be it of use as a measurement or not: the register tells whether the server and the path are alive.
A kiss is the exception. It ends the silence, for the server lives, but it does not count as reach: a server that only ever sends kisses
must not look like one that is available.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Reachability"]

_REGISTER_MASK = 0xFF
_LIMIT_AT_START = 4
_LIMIT = 8


@dataclass(frozen=True, slots=True)
class Reachability:
    """The last eight requests, and the silence since the last sign of life.

    Attributes:
        register: One bit for each of the last eight requests, newest lowest; a 1 was answered.
        silent_polls: Requests known to be unanswered since the last sign of life; one that is outstanding is not among them.
        has_answered: Whether there ever was a sign of life.

    Source: RFC 5905 §9.2 (peer.reach) and §13 (the poll process).
    """

    register: int = 0
    silent_polls: int = 0
    has_answered: bool = False

    def after_request(self) -> Reachability:
        """The register moves with each request."""
        return Reachability(self.register << 1 & _REGISTER_MASK, self.silent_polls, self.has_answered)

    def after_answer(self) -> Reachability:
        """The server answered the last request."""
        return Reachability(self.register | 1, 0, has_answered=True)

    def after_kiss(self) -> Reachability:
        """The server refused the last request."""
        return Reachability(self.register, 0, has_answered=True)

    def after_silence(self) -> Reachability:
        """The last request will not be answered any more."""
        return Reachability(self.register, self.silent_polls + 1, self.has_answered)

    @property
    def _limit(self) -> int:
        return _LIMIT if self.has_answered else _LIMIT_AT_START

    @property
    def is_reset_due(self) -> bool:
        """Whether the request that has just gone unanswered is the one at which to resolve the name anew.

        The fourth when the server has never answered, the eighth otherwise, and every eighth from there.
        """
        return self.silent_polls >= self._limit and (self.silent_polls - self._limit) % _LIMIT == 0

    @property
    def back_off(self) -> int:
        """By how many steps (factors of two) the poll interval is lengthened: one for each unanswered request from the limit on."""
        return max(0, self.silent_polls - self._limit + 1)

    @property
    def bears_burst(self) -> bool:
        """Whether a burst may go on: a dead server is not hurried."""
        return self.silent_polls < _LIMIT_AT_START
