from __future__ import annotations

import io

from ntp_ctl.render import render_status
from ntp_ctl.style import Style
from ntp_ctl.watch.history import History
from ntp_ctl.watch.loop import View
from ntp_ctl.watch.plain import PlainScreen
from support.documents import sample_observation

STYLE = Style(width=40)
STATUS = render_status(sample_observation(), STYLE)
GOOD = View(sample_observation(), History(), "", 0.0, 2.0)
AWAY = View(sample_observation(), History(), "it is gone\x1b[2J", 65.0, 2.0)
NEVER = View(None, History(), "it is not there", 3.0, 2.0)


def shown(*views: View, clears: bool = False) -> str:
    stream = io.StringIO()
    screen = PlainScreen(stream, lambda: STYLE, clears=clears)
    for view in views:
        screen.show(view)
    return stream.getvalue()


def test_statuses_follow_each_other_between_lines() -> None:
    assert shown(GOOD, GOOD) == f"{STATUS}\n{'-' * 40}\n{STATUS}"


def test_or_each_takes_the_place_of_the_last() -> None:
    assert shown(GOOD, GOOD, clears=True) == f"\x1b[H\x1b[2J{STATUS}" * 2


def test_a_daemon_that_is_gone_is_said_with_its_age() -> None:
    assert shown(AWAY) == "! it is gone?[2J; last seen 1 min 5 s ago; asking again every 2 s\n", "and nothing in it steers the terminal"
    assert shown(NEVER) == "! it is not there; asking again every 2 s\n"


def test_only_an_interrupt_ends_it() -> None:
    screen = PlainScreen.on_stdout(lambda: STYLE, clears=False)
    before = screen.now()
    assert screen.wait(0.001)
    assert screen.now() > before
