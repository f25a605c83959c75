"""The screens are compared with the files in golden/. After a change that is meant: NTP_WRITE_GOLDEN=1 pytest, then read the difference."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ntp_ctl.render import clock_words, render_status
from ntp_ctl.render_server import render_clients, render_server
from ntp_ctl.render_sources import render_sources
from ntp_ctl.style import Style
from ntp_proto.observation import ClockMode, Observation, ServiceState, SourceStatus, SyncState
from unit.ntp_ctl import documents
from unit.ntp_ctl.documents import STATES

GOLDEN = Path(__file__).with_name("golden")


def _assert_golden(name: str, text: str) -> None:
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("NTP_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("state", STATES)
def test_status_screen(state: str) -> None:
    _assert_golden(f"status-{state}", render_status(STATES[state](), Style()))


@pytest.mark.parametrize("state", ["starting", "falseticker"])
def test_sources_screen(state: str) -> None:
    _assert_golden(f"sources-{state}", render_sources(STATES[state](), Style()))


@pytest.mark.parametrize(("name", "render"), [("server", render_server), ("clients", render_clients)])
def test_server_screens(name: str, render: Callable[[Observation, Style], str]) -> None:
    _assert_golden(name, render(STATES["serving"](), Style()))
    _assert_golden(f"{name}-ascii-40", render(STATES["serving"](), Style(width=40, unicode=False)))
    assert render(STATES["synchronized"](), Style()) == "Nobody is served: there is no [[server]] in the configuration, and no -s.\n"


@pytest.mark.parametrize("render", [render_server, render_clients])
def test_a_server_that_was_stopped_is_not_taken_for_none(render: Callable[[Observation, Style], str]) -> None:
    stopped = msgspec.structs.replace(STATES["synchronized"](), service=ServiceState.STOPPED)
    shown = " ".join(render(stopped, Style(width=60)).split())
    assert shown.startswith("Nobody is served: the server was stopped by an order, or could not be started")
    assert "[[server]]" not in shown
    assert "! Nobody is served, though it is configured: see ntp-ctl server\n" in render_status(stopped, Style())
    assert "Nobody is served" not in render_status(STATES["synchronized"](), Style())


def test_clients_that_are_told_that_there_is_no_time() -> None:
    untold = msgspec.structs.replace(documents.SERVED, synchronized=False, leap="unsynchronized", stratum=16, reference_id="INIT")
    shown = render_server(msgspec.structs.replace(STATES["serving"](), served=untold), Style())
    assert shown.splitlines()[0] == "Clients are told that there is no time: leap indicator unsynchronized, stratum 16, INIT"


def test_time_that_is_not_the_system_clocks() -> None:
    ahead = msgspec.structs.replace(documents.SERVED, time_offset_s=1.5)
    shown = render_server(msgspec.structs.replace(STATES["serving"](), served=ahead), Style())
    assert "error bound 1.57 ms, +1.50 s from the system clock" in " ".join(shown.split())


def test_a_server_without_clients() -> None:
    alone = msgspec.structs.replace(STATES["serving"](), clients=(), servers=(msgspec.structs.replace(documents.SERVER, clients=1),))
    assert render_clients(alone, Style()) == "1 client remembered\n"


@pytest.mark.parametrize("mode", ClockMode)
def test_each_clock_has_words(mode: ClockMode) -> None:
    words = clock_words(msgspec.structs.replace(documents.PROGRAM, clock=mode), documents.SYSTEM)
    assert words.startswith(("the system clock", "a virtual clock"))


def test_status_screen_in_ascii_on_eighty_columns() -> None:
    _assert_golden("status-falseticker-ascii-80", render_status(STATES["falseticker"](), Style(width=80, unicode=False)))


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("state", STATES)
def test_a_screen_is_a_screen(state: str, unicode: bool, width: int) -> None:
    lines = render_status(STATES[state](), Style(width=width, unicode=unicode)).splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("state", STATES)
def test_ascii_is_ascii(state: str) -> None:
    style = Style(unicode=False)
    assert render_status(STATES[state](), style).isascii()
    assert render_sources(STATES[state](), style).isascii()


@pytest.mark.parametrize("state", STATES)
def test_colour_adds_nothing_but_colour(state: str) -> None:
    colored = render_status(STATES[state](), Style(color=True))
    assert "\x1b[" in colored
    for code in ("0", "1", "31", "32", "33"):
        colored = colored.replace(f"\x1b[{code}m", "")
    assert colored == render_status(STATES[state](), Style())


@pytest.mark.parametrize("status", [status for status in SourceStatus if status is not SourceStatus.SELECTED])
def test_every_source_that_is_not_used_says_why(status: SourceStatus) -> None:
    source = msgspec.structs.replace(documents.SOURCE, status=status, reason="the reason of this test")
    assert "    the reason of this test" in render_status(documents.document(sources=(source,)), Style())


def test_a_source_that_is_used_needs_no_reason() -> None:
    assert documents.SOURCE.reason not in render_status(documents.synchronized(), Style())


def test_no_sources() -> None:
    empty = documents.document(sources=(), state=SyncState.STARTING, reason="no sources are configured")
    assert render_status(empty, Style()).endswith("\n\nNo sources.\n")
    assert render_sources(empty, Style()) == "No sources.\n"


def _table(observation: Observation, width: int) -> list[str]:
    lines = render_status(observation, Style(width=width)).splitlines()
    return lines[next(index for index, line in enumerate(lines) if line.startswith("  State")) :]


def test_on_a_narrow_screen_names_stay_where_they_tell_the_sources_apart() -> None:
    assert "ntp2.example.net" in _table(documents.synchronized(), 72)[2]
    assert "Address" not in _table(documents.synchronized(), 72)[0]


def test_on_a_narrow_screen_addresses_stay_where_members_of_a_pool_share_a_name() -> None:
    assert "192.0.2.11" in _table(documents.falseticker(), 72)[2]
    assert "Name" not in _table(documents.falseticker(), 72)[0]


def test_the_address_is_not_said_twice() -> None:
    source = msgspec.structs.replace(documents.SOURCE, name="[2001:db8::1]:123", address="[2001:db8::1]:123")
    table = _table(documents.document(sources=(source,)), 100)
    assert "Name" in table[0]
    assert "Address" not in table[0]


def test_a_port_is_shown_when_it_is_not_the_usual_one() -> None:
    source = msgspec.structs.replace(documents.SOURCE, address="[2001:db8::1]:4123")
    assert "[2001:db8::1]:4123" in _table(documents.document(sources=(source,)), 120)[1]


def test_stamps_of_two_kinds_are_both_named() -> None:
    source = msgspec.structs.replace(documents.SOURCE, transmit_stamps="daemon", receive_stamps="hardware")
    assert _table(documents.document(sources=(source,)), 120)[1].endswith("daemon/hardware")


@pytest.mark.parametrize(("offset_s", "side"), [(1e-3, "+1.00 ms ± 4.1 µs (behind)"), (-1e-3, "-1.00 ms ± 4.1 µs (ahead)"), (0.0, "0 s ± 4.1 µs  ")])
def test_the_sign_of_the_offset_is_said_in_words(offset_s: float, side: str) -> None:
    system = msgspec.structs.replace(documents.SYSTEM, offset_s=offset_s)
    assert side in render_status(documents.document(system), Style())


def test_a_slew_is_visible() -> None:
    system = msgspec.structs.replace(documents.SYSTEM, slewing=True)
    assert "the system clock; an offset is being slewed out" in render_status(documents.document(system), Style())


def test_a_deleted_second_is_announced_as_such() -> None:
    assert "! A leap second will be deleted" in render_status(documents.document(leap="delete"), Style())


def test_one_displacement_is_once() -> None:
    assert "has set the clock once:" in render_status(documents.document(displacement_count=1), Style())


def test_a_document_cannot_steer_the_terminal() -> None:
    source = msgspec.structs.replace(documents.SOURCE, name="evil\x1b[2J", status=SourceStatus.LOOP, reason="a\x1b]0;b\x07c")
    observation = documents.document(sources=(source,), reason="x\x1b[31m")
    for text in (render_status(observation, Style()), render_sources(observation, Style())):
        assert all(character.isprintable() or character == "\n" for character in text)


@pytest.mark.parametrize(
    ("reach", "unanswered", "words"),
    [
        (0o377, 0, "(377), the last request was answered"),
        (0b1110, 1, "(016), 1 request since the last answer"),
        (0b100, 2, "(004), 2 requests since the last answer"),
        (0b10, 0, "(002), waiting for an answer"),
        (0, 0, "(000), no answer yet"),
        (0, 8, "(000), 8 requests since the last answer"),
    ],
)
def test_reach_in_words(reach: int, unanswered: int, words: str) -> None:
    source = msgspec.structs.replace(documents.SOURCE, reach=reach, unanswered_polls=unanswered)
    assert words in render_sources(documents.document(sources=(source,)), Style())


def test_a_source_whose_name_is_not_resolved_has_no_numbers() -> None:
    observation = documents.document(sources=(documents.SOURCE, documents.UNRESOLVED))
    assert _table(observation, 100)[2].split() == ["?", "starting", "nosuch.invalid", "-", "-", "-", "-", "-"]
    _assert_golden("sources-unresolved", render_sources(documents.document(sources=(documents.UNRESOLVED,)), Style()))


def test_an_unresolved_name_does_not_bring_the_address_column_back() -> None:
    numeric = msgspec.structs.replace(documents.SOURCE, name="192.0.2.10:123")
    assert "Address" not in _table(documents.document(sources=(numeric, documents.UNRESOLVED)), 100)[0]


def test_a_time_of_another_form_is_shown_as_it_is() -> None:
    program = msgspec.structs.replace(documents.PROGRAM, time="stardate 1")
    assert ", stardate 1\n" in render_status(documents.document(program=program), Style())
