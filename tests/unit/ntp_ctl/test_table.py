from __future__ import annotations

from ntp_ctl.style import Color, Style
from ntp_ctl.table import Column, Row, fit, table_lines

NAME = Column("Name", ("a-long-name.example", "b"), minimum=6)
ADDRESS = Column("Address", ("2001:db8::1234", "192.0.2.1"), minimum=9, cut_middle=True)
NUMBER = Column("N", ("1", "1024"), numeric=True)
ROWS = [Row(), Row()]


def _titles(columns: list[Column]) -> list[str]:
    return [column.title for column in columns]


def test_columns_are_aligned_and_lines_have_no_blanks_at_the_end() -> None:
    assert table_lines([NUMBER, NAME], ROWS, Style()) == [
        "   N  Name",
        "   1  a-long-name.example",
        "1024  b",
    ]


def test_nothing_is_cut_where_there_is_room() -> None:
    assert fit([NAME, ADDRESS, NUMBER], 41, ("N",)) == [NAME, ADDRESS, NUMBER]


def test_the_widest_cell_is_cut_first() -> None:
    lines = table_lines(fit([NAME, ADDRESS, NUMBER], 36, ()), ROWS, Style())
    assert lines[1] == "a-long-name.e…  2001:db8::1234     1"


def test_an_address_keeps_both_ends() -> None:
    lines = table_lines(fit([ADDRESS], 9, ()), ROWS, Style())
    assert lines[1:] == ["2001…1234", "192.0.2.1"]


def test_columns_go_in_the_given_order_when_cutting_is_not_enough() -> None:
    assert _titles(fit([NAME, ADDRESS, NUMBER], 22, ("N", "Name"))) == ["Name", "Address"]
    assert _titles(fit([NAME, ADDRESS, NUMBER], 16, ("N", "Name"))) == ["Address"]


def test_a_column_that_goes_gives_its_room_back() -> None:
    fitted = fit([NAME, ADDRESS, NUMBER], 35, ("Address",))
    assert _titles(fitted) == ["Name", "Address", "N"]
    narrow = fit([NAME, ADDRESS, NUMBER], 20, ("Address",))
    assert _titles(narrow) == ["Name", "N"]
    assert narrow[0].width == 14


def test_notes_follow_their_row() -> None:
    rows = [Row(notes=("  because",)), Row()]
    assert table_lines([NUMBER], rows, Style())[1:] == ["   1", "  because", "1024"]


def test_colour_does_not_change_the_alignment() -> None:
    rows = [Row(Color.GOOD), Row(Color.BAD)]
    plain = table_lines([NAME, NUMBER], rows, Style())
    colored = table_lines([NAME, NUMBER], rows, Style(color=True))
    for escape in ("\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m"):
        colored = [line.replace(escape, "") for line in colored]
    assert colored == plain
