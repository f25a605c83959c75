from __future__ import annotations

import io
import os
import pty

import pytest

from ntp_ctl.style import Color, ColorChoice, Style


def _stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def test_no_colour_outside_a_terminal_unless_it_is_asked_for() -> None:
    with _stream("utf-8") as stream:
        assert not Style.of(stream, ColorChoice.AUTO, {}).color
        assert not Style.of(stream, ColorChoice.NEVER, {}).color
        assert Style.of(stream, ColorChoice.ALWAYS, {"NO_COLOR": "1"}).color


@pytest.mark.parametrize(("environ", "expected"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)])
def test_colour_on_a_terminal_unless_it_is_declined(environ: dict[str, str], expected: bool) -> None:
    master, slave = pty.openpty()
    try:
        with os.fdopen(slave, "w") as terminal:
            assert Style.of(terminal, ColorChoice.AUTO, environ).color is expected
            assert not Style.of(terminal, ColorChoice.NEVER, environ).color
    finally:
        os.close(master)


@pytest.mark.parametrize(("encoding", "expected"), [("utf-8", True), ("UTF8", True), ("ascii", False), ("latin-1", False)])
def test_more_than_ascii_only_where_the_encoding_has_it(encoding: str, expected: bool) -> None:
    with _stream(encoding) as stream:
        assert Style.of(stream, ColorChoice.AUTO, {}).unicode is expected


def test_the_width_comes_from_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "71")
    with _stream("utf-8") as stream:
        assert Style.of(stream, ColorChoice.AUTO, {}).width == 71


def test_ascii_says_the_same() -> None:
    assert Style(unicode=False).text("12 µs ± 3 ●· …é") == "12 us +/- 3 #. ~?"


def test_a_text_cannot_steer_the_terminal() -> None:
    assert Style().text("a\x1b[2Jb\nc\u202ed") == "a?[2Jb?c?d"


def test_paint_only_with_colour() -> None:
    assert Style(color=False).paint("x", Color.BAD) == "x"
    assert Style(color=True).paint("x", None) == "x"
    assert Style(color=True).paint("x", Color.BAD) == "\x1b[31mx\x1b[0m"
