from __future__ import annotations

from ipaddress import ip_network

import pytest

from ntp_ctl.migrate.command import convert
from ntp_ctl.migrate.directive import Dialect, read_directives
from ntp_ctl.migrate.draft import Draft


def draft(*lines: str) -> Draft:
    return convert("\n".join(lines), "n", Dialect.NTP)


def test_comments_end_a_line_and_quotes_hold_words_together() -> None:
    (directive,) = read_directives('keys "/a b" c#d # e "f"', "n", Dialect.NTP)
    assert directive.words == ("/a b", "c#d")


def test_everybody_is_served_unless_refused() -> None:
    assert [str(address) for address in draft("server 192.0.2.1").listen] == ["0.0.0.0:123", "[::]:123"]
    assert draft("server 192.0.2.1").allow is None
    for refusal in ("ignore", "noserve"):
        assert draft(f"restrict default {refusal}", "restrict 127.0.0.1", "restrict ::1").listen == [], "this machine has the clock itself"
    assert draft("restrict -6 default ignore").allow == [ip_network("0.0.0.0/0")]


def test_an_interface_that_is_ignored_altogether_serves_nobody() -> None:
    assert draft("interface ignore all").listen == []
    assert [str(address) for address in draft("interface ignore all", "nic listen 2001:db8::1").listen] == ["[2001:db8::1]:123"]
    (note,) = draft("interface listen eth0").notes
    assert "numeric addresses of the interface" in note.text


def test_a_permission_within_a_refusal_cannot_be_had_and_is_named() -> None:
    found = draft("restrict 10.0.0.0 mask 255.0.0.0 ignore", "restrict 10.1.1.1")
    assert found.deny == [ip_network("10.0.0.0/8")]
    assert [note.subject for note in found.notes] == ["restrict 10.1.1.1/32"]


@pytest.mark.parametrize("mask", ["255.0.255.0", "x", "ffff::"])
def test_a_mask_that_is_none_is_named(mask: str) -> None:
    (note,) = draft(f"restrict 10.0.0.0 mask {mask} ignore").notes
    assert "no numeric address" in note.text


def test_what_nobody_can_do_here_needs_no_restriction() -> None:
    assert draft("restrict default nomodify noquery notrap nopeer noepeer nomrulist").notes == []
    assert [note.subject for note in draft("restrict default flake").notes] == ["restrict default flake"]


def test_limits_are_set_only_where_clients_are_limited() -> None:
    assert draft("discard average 4").server == {}
    limited = {key: setting.value for key, setting in draft("restrict default limited", "discard average 4 minimum 5").server.items()}
    assert limited == {"rate-limit": 1 / 16, "rate-limiting-cutoff-ms": 5000, "rate-limiting-action": "ignore"}


def test_steps_and_panic() -> None:
    def values(line: str) -> dict[str, object]:
        return {key: setting.value for (_, key), setting in draft(line).settings.items()}

    assert values("tinker panic 0") == {"single-step-panic-threshold": "inf"}
    assert values("tinker panic 60 step 0") == {"single-step-panic-threshold": 60.0, "step-updates": 0}
    assert values("tinker step 0.5") == {"step-threshold": 0.5}
    assert values("tinker step -1 panic x") == {}


def test_a_daemon_that_only_watches_gets_a_virtual_clock() -> None:
    assert draft("disable ntp").settings["clock", "mode"].value == "virtual"
    assert draft("enable kernel monitor").notes == []
    assert [note.subject for note in draft("enable calibrate", "disable kernel").notes] == ["enable calibrate", "disable kernel"]


@pytest.mark.parametrize("kind", ["autokey", "nts", "key 3"])
def test_nobody_is_asked_without_the_security_that_he_was_asked_with(kind: str) -> None:
    found = draft(f"server 192.0.2.1 iburst {kind}")
    assert found.sources == []
    assert "must not be asked without" in found.notes[0].text
