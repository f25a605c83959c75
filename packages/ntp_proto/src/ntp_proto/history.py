"""What a client may ask for on the observation socket beside the state, and what it gets: the past, and what becomes of requests.

A client asks with one line of JSON, sent as soon as it has connected. The state comes first in any case, as to everybody; what was asked for
follows in the same frames. `docs/protocol-sockets.md` is the description for other programs.
"""

from __future__ import annotations

import math

import msgspec

__all__ = [
    "LONGEST_WINDOW_S",
    "MAXIMUM_QUESTION_BYTES",
    "HistoryDocument",
    "HistoryQuestion",
    "Question",
    "RequestEvents",
    "RequestNote",
    "RequestsQuestion",
    "decode_events",
    "decode_history",
    "decode_question",
    "encode",
]

MAXIMUM_QUESTION_BYTES = 256
LONGEST_WINDOW_S = 604_800.0


class HistoryQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="want", tag="history"):
    """What was lately; answered by one `HistoryDocument`.

    Attributes:
        window_s: How far back, s; more than 0, at most `LONGEST_WINDOW_S`.
    """

    window_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.window_s) and 0.0 < self.window_s <= LONGEST_WINDOW_S):
            raise ValueError(f"window_s is more than 0 and at most {LONGEST_WINDOW_S:.0f}, got {self.window_s}")


class RequestsQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="want", tag="requests"):
    """What becomes of each request of a client from now on; answered by `RequestEvents` until the asker leaves."""


Question = HistoryQuestion | RequestsQuestion


class HistoryDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The past in columns of equal length, the oldest row first. A row is what was measured in so many seconds; null: nothing was.

    Attributes:
        time: The disciplined clock now, ISO 8601, UTC.
        window_s: How far back the rows may go.
        step_s: The length of a row.
        age_s: From the end of each row until `time`.
        offset_s: What was still to be corrected, the mean; > 0: our clock was behind.
        offset_low_s: The least.
        offset_high_s: The most.
        statistical_error_s: What the clock's error stayed below 99.9 % of the time, the most.
        maximum_error_s: The hard bound of the clock's error, the most.
        frequency: The correction of the oscillator's frequency, the mean, s/s.
        answered: Requests that were answered with the time.
        unsynchronized: Requests that were told that there is no time, or not answered for that.
        limited: Requests beyond a limit.
        denied: Requests that were refused for who asked.
        malformed: Datagrams that were no requests, or not for us.
        processing_s: From the arrival of a request to the departure of its answer, the mean.
    """

    time: str
    window_s: float
    step_s: float
    age_s: tuple[float, ...]
    offset_s: tuple[float | None, ...]
    offset_low_s: tuple[float | None, ...]
    offset_high_s: tuple[float | None, ...]
    statistical_error_s: tuple[float | None, ...]
    maximum_error_s: tuple[float | None, ...]
    frequency: tuple[float | None, ...]
    answered: tuple[int, ...]
    unsynchronized: tuple[int, ...]
    limited: tuple[int, ...]
    denied: tuple[int, ...]
    malformed: tuple[int, ...]
    processing_s: tuple[float | None, ...]


class RequestNote(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one request.

    Attributes:
        at: Its arrival, on the served clock, ISO 8601, UTC.
        client_ip: The sender, numeric.
        client_port: The sender's.
        length: Octets.
        version: As the request says itself.
        mode: The same.
        stratum: Of the answer, 0 for a kiss of death; null without an answer.
        outcome: What was answered, or why nothing was.
    """

    at: str
    client_ip: str
    client_port: int
    length: int
    version: int
    mode: int
    stratum: int | None
    outcome: str


class RequestEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Some requests, in the order in which we heard of them; none, now and then, as a sign of life.

    Attributes:
        events: At most a few hundred.
        lost: Further ones that the asker was not told, since it began to ask.
        error: Why it is told nothing, "" where it is.
    """

    events: tuple[RequestNote, ...] = ()
    lost: int = 0
    error: str = ""


def encode(document: Question | HistoryDocument | RequestEvents) -> bytes:
    """A question or an answer as JSON, UTF-8, in one line without its end."""
    return msgspec.json.encode(document)


def decode_question(line: bytes) -> Question:
    """Read a question.

    Raises:
        ValueError: it is not one; the text says what is wrong.
    """
    try:
        question: Question = msgspec.json.decode(line, type=Question)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"not a question: {error}") from error
    return question


def decode_history(data: bytes) -> HistoryDocument:
    """Read an answer.

    Raises:
        ValueError: it is not one.
    """
    try:
        return msgspec.json.decode(data, type=HistoryDocument)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"not a history: {error}") from error


def decode_events(data: bytes) -> RequestEvents:
    """Read an answer.

    Raises:
        ValueError: it is not one.
    """
    try:
        return msgspec.json.decode(data, type=RequestEvents)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"not events of requests: {error}") from error
