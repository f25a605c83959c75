"""Everything that is known of each source: `ntp-ctl sources`."""

from __future__ import annotations

from collections.abc import Mapping

from ntp_ctl.render import poll_words, wrapped
from ntp_ctl.style import Style
from ntp_ctl.units import UNKNOWN, coarse_duration, duration, duration_with_error
from ntp_ctl.words import reach_dots, source_color, source_state
from ntp_proto.observation import Observation, SourceObservation

__all__ = ["render_sources"]

_LABEL_WIDTH = 12


def render_sources(observation: Observation, style: Style) -> str:
    """One block of lines for each source, with a line feed at the end of each line."""
    blocks = ["\n".join(_block(source, style)) for source in observation.sources]
    return ("\n\n".join(blocks) if blocks else "No sources.") + "\n"


def _block(source: SourceObservation, style: Style) -> list[str]:
    state = style.paint(style.text(source_state(source.status)), source_color(source.status))
    lines = [f"{state}  {style.text(source.name)}" + ("" if source.address in ("", source.name) else f"  {style.text(source.address)}")]
    if source.reason:
        lines += wrapped(source.reason, style, indent="  ")
    for label, words in _details(source):
        lines += wrapped(words, style, indent=" " * (_LABEL_WIDTH + 2), first="  " + label.ljust(_LABEL_WIDTH))
    return lines


def _details(source: SourceObservation) -> list[tuple[str, str]]:
    return [
        ("mode", f"{source.mode}, id {source.id}"),
        ("reach", f"{reach_dots(source.reach, source.requests).strip() or UNKNOWN} ({source.reach:03o}), {_last_answer(source)}"),
        ("poll", f"{poll_words(source.poll_interval_s)}, last measurement {_ago(source.last_sample_age_s)}"),
        ("offset", duration_with_error(source.offset_s, source.offset_error_s)),
        ("delay", f"{duration(source.delay_s)}, minimum {duration(source.minimum_delay_s)}, jitter {duration(source.jitter_s)}"),
        ("server", _server(source)),
        ("stamps", f"requests by {source.transmit_stamps or UNKNOWN}, answers by {source.receive_stamps or UNKNOWN}"),
        ("counters", f"{_count(source.requests, 'request')}, {_count(source.samples, 'measurement')}, {_rejections(source.rejections)}"),
    ]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _last_answer(source: SourceObservation) -> str:
    if source.unanswered_polls:
        return f"{_count(source.unanswered_polls, 'request')} since the last answer"
    if source.reach & 1:
        return "the last request was answered"
    return "waiting for an answer" if source.reach else "no answer yet"


def _ago(age_s: float | None) -> str:
    return UNKNOWN if age_s is None else f"{coarse_duration(age_s)} ago"


def _server(source: SourceObservation) -> str:
    if source.stratum == 0 and not source.reference_id:
        return UNKNOWN
    root = f"root delay {duration(source.root_delay_s)}, root dispersion {duration(source.root_dispersion_s)}"
    return f"stratum {source.stratum}, follows {source.reference_id or UNKNOWN}, {root}"


def _rejections(rejections: Mapping[str, int]) -> str:
    """The answers that were not used, the most frequent reason first."""
    counted = sorted(((count, reason) for reason, count in rejections.items() if count), key=lambda item: (-item[0], item[1]))
    if not counted:
        return "none rejected"
    return f"{sum(count for count, _ in counted)} rejected: " + ", ".join(f"{count} {reason}" for count, reason in counted)
