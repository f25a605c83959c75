from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from ntp_ctl.style import Style
from ntp_ctl.watch.history import History
from ntp_ctl.watch.loop import View
from ntp_ctl.watch.rich_screen import compose
from ntp_proto.observation import Observation, SourceStatus, SyncState
from support.documents import sample_observation

REPLACE = msgspec.structs.replace


def unsynchronized() -> Observation:
    document = sample_observation()
    system = REPLACE(document.system, state=SyncState.NO_MAJORITY, reason="the sources contradict each other")
    source = REPLACE(document.sources[0], status=SourceStatus.FALSETICKER, reason="it is 3 s away from the majority")
    return REPLACE(document, system=system, sources=(source,))


def lines(observation: Observation | None, width: int = 100, height: int = 40, trouble: str = "", changes: tuple[str, ...] = ()) -> list[str]:
    history = History()
    if observation is not None:
        history.add(observation)
    history.changes.extend(changes)
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=height, force_terminal=True, color_system=None)
    console.print(compose(View(observation, history, trouble, 12.0, 2.0), Style(width=width), height))
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(("width", "height"), [(40, 10), (80, 24), (100, 40), (119, 50), (120, 50), (200, 60)])
def test_it_fills_the_terminal_and_no_more_with_the_keys_in_the_last_line(width: int, height: int) -> None:
    screen = lines(unsynchronized(), width, height)
    assert len(screen) == height
    assert all(len(line) <= width for line in screen)
    assert screen[-1].startswith("q quit")


def test_it_says_first_why_the_clock_is_not_synchronized() -> None:
    assert lines(unsynchronized())[0].rstrip() == "x Not synchronized, no majority: the sources contradict each other"


def test_numbers_chart_and_sources_are_there_at_80_by_24() -> None:
    text = "\n".join(lines(sample_observation(), 80, 24))
    for words in ("* Synchronized", "+1.50 µs ± 2.0 µs (behind)", "time.example", "+3.50 µs", "our clock is behind"):
        assert words in text, text


def test_in_a_wide_terminal_the_chart_stands_beside_the_numbers() -> None:
    (title,) = [line for line in lines(sample_observation(), 160, 40) if "─ clock" in line]
    assert "our clock is behind" in title


def test_of_a_daemon_that_is_gone_it_shows_the_last_that_is_known_and_says_so() -> None:
    screen = lines(sample_observation(), trouble="the daemon is not running", changes=("12:00:00  the daemon does not answer",))
    assert screen[0].startswith("! the daemon is not running. Last seen 12 s ago; below is what it said then. Asking again")
    text = "\n".join(screen)
    assert "Synchronized" not in text, "it was, but who knows now"
    assert "time.example" in text
    assert "12:00:00  the daemon does not answer" in text


def test_of_one_that_was_never_there_it_shows_why() -> None:
    screen = lines(None, trouble="the daemon is not running")
    assert screen[0].rstrip() == "! the daemon is not running. Asking again every 2 s."
    assert "".join(screen[1:-1]).strip() == ""


def test_nothing_in_a_document_steers_the_terminal() -> None:
    evil = REPLACE(sample_observation().sources[0], name="a\x1b[2Jb[bold]c", status=SourceStatus.LOOP, reason="d\x07e")
    text = "\n".join(lines(REPLACE(sample_observation(), sources=(evil,)), changes=("\x1b[3J [red]f",)))
    assert "\x1b[2J" not in text
    assert "\x1b[3J" not in text
    assert "\x07" not in text
    assert "a?[2Jb[bold]c" in text, "and markup is no markup"
    assert "?[3J [red]f" in text
