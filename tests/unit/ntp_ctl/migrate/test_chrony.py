from __future__ import annotations

from ipaddress import ip_network

import pytest

from ntp_ctl.migrate.command import convert
from ntp_ctl.migrate.directive import Dialect
from ntp_ctl.migrate.draft import Draft


def draft(*lines: str) -> Draft:
    return convert("\n".join(lines), "c", Dialect.CHRONY)


def complaint(*lines: str) -> str:
    """The only note."""
    (note,) = draft(*lines).notes
    return str(note)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("1", "1.0.0.0/8"),
        ("1.2", "1.2.0.0/16"),
        ("1.2.3", "1.2.3.0/24"),
        ("1.2.3.4", "1.2.3.4/32"),
        ("1.2/12", "1.0.0.0/12"),
        ("1.2.3.4/24", "1.2.3.0/24"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("2001:db8::1/32", "2001:db8::/32"),
    ],
)
def test_networks_as_chrony_writes_them(text: str, network: str) -> None:
    assert draft(f"allow {text}").allow == [ip_network(network)]


def test_nobody_is_served_until_somebody_is_allowed() -> None:
    assert draft("port 123", "bindaddress 192.0.2.1").listen == []
    assert draft("deny 10/8").listen == []
    assert draft("allow", "port 0").listen == []
    assert [str(address) for address in draft("allow").listen] == ["0.0.0.0:123", "[::]:123"]
    assert draft("allow").allow is None, "everybody"
    assert [str(address) for address in draft("allow 10/8").listen] == ["0.0.0.0:123"], "where nobody may ask nobody has to listen"


def test_of_two_rules_for_a_network_the_last_counts_and_all_forgets_those_within() -> None:
    assert draft("allow 10/8", "deny 10/8").allow is None
    assert draft("deny 10/8", "allow 10/8").deny == []
    two = draft("deny 10.1/16", "allow all 10/8")
    assert (two.allow, two.deny) == ([ip_network("10.0.0.0/8")], [])


def test_a_permission_within_a_denial_cannot_be_had_and_is_named() -> None:
    found = draft("allow 10/8", "deny 10.1", "allow 10.1.1.1")
    assert [note.subject for note in found.notes] == ["allow 10.1.1.1/32"]
    assert found.deny == [ip_network("10.1.0.0/16")], "rather too few than too many"


def test_a_denial_of_nobody_who_is_allowed_is_left_out() -> None:
    assert draft("allow 10/8", "deny 11/8").deny == []


def test_local_is_a_mode_only_without_sources() -> None:
    assert {key: setting.value for key, setting in draft("local stratum 5").settings.items()} == {
        ("clock", "mode"): "local",
        ("clock", "local-stratum"): 5,
    }
    assert draft("local").settings["clock", "local-stratum"].value == 10
    assert "no equivalent while there are sources" in complaint("local stratum 5", "server 192.0.2.1")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("server", "it names nobody"),
        ("server a..b", "nothing between two dots"),
        ("server 192.0.2.1 minpoll -7", r"cut to -6\.\.17"),
        ("makestep 1", "no threshold and limit"),
        ("makestep x 3", "no threshold and limit"),
        ("maxchange", "no limit"),
        ("maxslewrate 1000000", "slew-maximum-frequency-offset cannot be 1000000"),
        ("maxdistance -1", "maximum-source-distance cannot be -1"),
        ("minsources 0", "not a number of sources"),
        ("allow host.example", "names are not looked up"),
        ("port 65536", "not a port"),
        ("bindaddress eth0", "not a numeric address"),
    ],
)
def test_what_makes_no_sense_is_left_out_and_named(line: str, why: str) -> None:
    import re  # noqa: PLC0415 — beside its only use

    assert re.search(why, complaint(line))


def test_one_poll_limit_moves_the_default_of_the_other_where_they_would_cross() -> None:
    polls = [source.poll for source in draft("server 192.0.2.1 maxpoll 4", "server 192.0.2.2 minpoll 12", "server 192.0.2.3 minpoll 8").sources]
    assert polls == [(4, 4), (12, 12), (8, 10)]


def test_a_source_is_not_listed_twice() -> None:
    assert "192.0.2.1:123 is there already" in complaint("server 192.0.2.1", "server 192.0.2.1 iburst")


def test_included_files_stand_where_they_are_named() -> None:
    def read(directive: str, argument: str) -> list[tuple[str, str]]:
        assert (directive, argument) == ("confdir", "/d")
        return [("/d/a.conf", "server 192.0.2.2\nrtcsync"), ("/d/b.conf", "confdir /d")]

    from ntp_ctl.migrate.chrony import draft_of_chrony  # noqa: PLC0415
    from ntp_ctl.migrate.directive import read_directives  # noqa: PLC0415

    found = draft_of_chrony(read_directives("server 192.0.2.1\nconfdir /d\nserver 192.0.2.3", "c", Dialect.CHRONY, read))
    assert [source.place for source in found.sources][:2] == ["c:1", "/d/a.conf:1"]
    assert found.sources[-1].place == "c:3"
    assert found.notes[0].place == "/d/a.conf:2"
    assert sum(note.subject == "confdir" for note in found.notes) == 1, "a file that includes itself comes to an end"
