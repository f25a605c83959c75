"""Files as people have them: what becomes of them, line by line."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from ntp_ctl.migrate.command import convert, dialect_of
from ntp_ctl.migrate.directive import Dialect
from ntp_ctl.migrate.draft import Draft
from ntp_ctl.migrate.toml import render
from ntp_daemon.config.load import parse
from ntp_daemon.config.model import Config, PoolSource, ServerSource
from ntp_daemon.config.server import FilterAction
from ntp_proto.algorithm.config import StepThreshold
from ntp_proto.observation import ClockMode

SAMPLES = Path(__file__).with_name("samples")
ALL = sorted(path.name for path in SAMPLES.iterdir())


def made_of(name: str) -> tuple[Config, Draft, str]:
    """Our configuration, what it was made from, and its text."""
    text = (SAMPLES / name).read_text(encoding="utf-8")
    dialect = dialect_of(name, text)
    assert dialect is not None
    draft = convert(text, name, dialect)
    toml = render(draft, name)
    return parse(toml), draft, toml


def notes(draft: Draft) -> dict[str, str]:
    """By place and subject."""
    return {f"{note.place.rpartition(':')[2]} {note.subject}": note.text for note in draft.notes}


@pytest.mark.parametrize("name", ALL)
def test_each_is_recognised_whatever_it_is_called(name: str) -> None:
    expected = Dialect.CHRONY if "chrony" in name else Dialect.NTP
    text = (SAMPLES / name).read_text(encoding="utf-8")
    assert dialect_of(name, text) is expected
    if name != "orphan-ntp.conf":
        assert dialect_of("some.file", text) is expected


@pytest.mark.parametrize("name", ALL)
def test_each_line_is_taken_over_or_named(name: str) -> None:
    text = (SAMPLES / name).read_text(encoding="utf-8")
    _, draft, toml = made_of(name)
    meant_to_be_silent = {"restrict", "iburst", "disable", "discard", "interface", "fudge", "bindaddress", "port", "allow", "deny", "ratelimit"}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0][0] in "#!%;" or words[0] in meant_to_be_silent:
            continue
        assert f"{name}:{number}" in toml, line
    assert len(draft.notes) == len(set(map(str, draft.notes)))


def test_debians_chrony() -> None:
    config, draft, _ = made_of("debian-chrony.conf")
    (source,) = config.sources
    assert isinstance(source, PoolSource)
    assert (str(source.address), source.count) == ("2.debian.pool.ntp.org:123", 4)
    algorithm = config.synchronization.algorithm
    assert (algorithm.step_threshold, algorithm.step_updates) == (1.0, 3)
    assert config.servers == ()
    said = notes(draft)
    assert "sets the real-time clock" in said["24 rtcsync"]
    assert "opposite" in said["16 driftfile"]
    assert "not supported" in said["15 keyfile"]
    assert {"4 confdir", "10 sourcedir", "13 sourcedir", "17 ntsdumpdir", "21 logdir", "23 maxupdateskew", "29 leapsectz"} <= set(said)
    assert len(said) == 10


def test_nobody_is_asked_without_the_security_that_he_was_asked_with() -> None:
    config, draft, _ = made_of("fedora-chrony.conf")
    assert [str(source.address) for source in config.sources] == ["2.fedora.pool.ntp.org:123"]
    assert "asked with NTS" in notes(draft)["3 server time.example.net"]
    assert "a symmetric key" in notes(made_of("server-chrony.conf")[1])["5 server 192.0.2.66"]
    assert "a symmetric key" in notes(made_of("closed-ntp.conf")[1])["5 server ntp2.example.net"]


def test_an_office_server_on_chrony() -> None:
    config, draft, _ = made_of("server-chrony.conf")
    assert [(type(source), str(source.address), source.poll_interval_limits.min, source.poll_interval_limits.max) for source in config.sources] == [
        (ServerSource, "192.0.2.10:123", 4, 6),
        (ServerSource, "[2001:db8::10]:1123", 4, 4),
        (ServerSource, "ntp2.office.example:123", None, None),
    ]
    settings, algorithm = config.synchronization, config.synchronization.algorithm
    assert (algorithm.step_threshold, algorithm.step_updates) == (0.1, 1_000_000)
    assert algorithm.slew_maximum_frequency_offset == pytest.approx(500e-6)
    assert (algorithm.maximum_source_distance, algorithm.frequency_tolerance) == (1.5, pytest.approx(5e-6))
    assert settings.single_step_panic_threshold == StepThreshold(1000.0, 1000.0)
    assert settings.minimum_agreeing_sources == 2
    assert [str(server.listen) for server in config.servers] == ["192.168.0.1:1230", "[fe80::1]:1230"]
    for server in config.servers:
        assert server.allowlist.filter == (ip_network("192.168.0.0/16"), ip_network("2001:db8::/32"))
        assert server.denylist.filter == (ip_network("192.168.66.0/24"),)
        assert (server.rate_limit, server.rate_burst, server.rate_limiting_leak) == (0.5, 16, 3)
        assert server.rate_limiting_action is FilterAction.IGNORE
    assert config.clock.mode is ClockMode.STEER
    said = notes(draft)
    assert {"2 server 192.0.2.10, prefer", "2 server 192.0.2.10, xleave", "4 peer ntp2.office.example", "6 refclock"} <= set(said)
    assert {"11 maxchange", "20 clientloglimit", "21 local", "21 local orphan", "22 hwtimestamp", "23 user", "24 lock_all"} <= set(said)


def test_debians_ntpd_serves_everybody_and_so_do_we() -> None:
    config, draft, _ = made_of("debian-ntp.conf")
    assert [str(source.address) for source in config.sources] == [f"{number}.debian.pool.ntp.org:123" for number in range(4)]
    assert [str(server.listen) for server in config.servers] == ["0.0.0.0:123", "[::]:123"]
    for server in config.servers:
        assert ip_network("0.0.0.0/0") in server.allowlist.filter
        assert server.denylist.filter == ()
        assert (server.rate_limit, server.rate_limiting_cutoff_ms, server.rate_limiting_action) == (0.125, 2000, FilterAction.DENY)
    assert "copy it to /var/lib/ntpd-py/drift" in notes(draft)["2 driftfile /var/lib/ntp/ntp.drift"]
    assert not any("restrict" in subject for subject in notes(draft))


def test_an_ntpd_that_is_closed_but_for_one_network() -> None:
    config, draft, _ = made_of("closed-ntp.conf")
    (source,) = config.sources
    assert (str(source.address), source.poll_interval_limits.min, source.poll_interval_limits.max) == ("ntp1.example.net:123", 6, 8)
    settings = config.synchronization
    assert settings.single_step_panic_threshold == StepThreshold(float("inf"), float("inf"))
    assert (settings.minimum_agreeing_sources, settings.algorithm.step_threshold, settings.algorithm.maximum_source_distance) == (2, 0.4, 3.0)
    (server,) = config.servers
    assert str(server.listen) == "192.0.2.1:123"
    assert server.allowlist.filter == (ip_network("192.0.2.0/24"),)
    assert server.denylist.filter == (ip_network("192.0.2.128/25"),)
    assert (server.rate_limit, server.rate_limiting_cutoff_ms, server.rate_limiting_action) == (0.25, 1000, FilterAction.IGNORE)
    said = notes(draft)
    assert "4 server ntp1.example.net, prefer" in said
    assert "reference clocks" in said["6 server 127.127.20.0"]
    assert "no numeric address" in said["13 restrict"]
    assert {"3 tos maxclock 11", "8 the local clock", "17 disable monitor", "17 disable auth", "18 keys", "19 broadcast"} <= set(said)


def test_a_clock_of_its_own_is_mode_local() -> None:
    config, _, _ = made_of("orphan-ntp.conf")
    assert (config.clock.mode, config.clock.local_stratum, config.sources) == (ClockMode.LOCAL, 10, ())
    assert len(config.servers) == 2
