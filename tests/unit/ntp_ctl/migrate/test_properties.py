"""Whatever stands in a file, what is made of it is a valid configuration, and nothing of it is lost without a word."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ntp_ctl.migrate import chrony_words, ntp_words
from ntp_ctl.migrate.command import convert, dialect_of
from ntp_ctl.migrate.directive import Dialect
from ntp_ctl.migrate.toml import render
from ntp_daemon.config.load import parse

_VALUES = st.one_of(
    st.integers(-30, 30).map(str),
    st.floats(allow_nan=False).map(str),
    st.sampled_from(
        [
            "0",
            "1",
            "4",
            "-1",
            "1e400",
            "999999999999",
            "nan",
            "inf",
            "1e-9",
            "1000",
            "192.0.2.1",
            "192.0.2",
            "10/8",
            "192.0.2.0/33",
            "300.1",
            "2001:db8::1",
            "2001:db8::/32",
            "::/0",
            "0/0",
            "fe80::1%eth0",
            "fe80::/10",
            "::ffff:192.0.2.1",
            "::ffff:0:0/96",
            "all",
            "default",
            "source",
            "mask",
            "255.255.255.0",
            "255.0.255.0",
            "ffff::",
            "127.0.0.1",
            "127.127.1.0",
            "127.127.20.0",
            "pool.ntp.org",
            "a_b.",
            "-4",
            "-6",
            "iburst",
            "prefer",
            "listen",
            "ignore",
            "noserve",
            "limited",
            "kod",
            "orphan",
            "stratum",
            "minpoll",
            "maxpoll",
            "port",
            "interval",
            "burst",
            "leak",
            "panic",
            "step",
            "wildcard",
            "ntp",
            "monitor",
            "average",
            "minimum",
            "minsane",
            "maxdist",
            "activate",
        ]
    ),
    st.text(max_size=8),
)
_CHRONY = sorted({"server", "peer", "pool", "makestep", "maxchange", "maxslewrate", "maxclockerror", "maxdistance", "minsources", "allow", "deny"})
_CHRONY += ["port", "bindaddress", "local", "ratelimit", *sorted(chrony_words.MEANS_NOTHING), *sorted(chrony_words.KNOWN)]
_NTP = ["server", "peer", "pool", "driftfile", "tinker", "tos", "restrict", "discard", "limit", "interface", "nic", "fudge", "enable", "disable"]
_NTP += [*sorted(ntp_words.MEANS_NOTHING), *sorted(ntp_words.KNOWN)]


def lines(names: list[str], options: frozenset[str]) -> st.SearchStrategy[str]:
    words = st.lists(_VALUES | st.sampled_from(sorted(options)), max_size=6)
    line = st.builds(lambda name, rest: " ".join([name, *rest]), st.sampled_from(names) | st.text(max_size=6), words)
    return st.lists(line, max_size=12).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(lines(_CHRONY, chrony_words.SOURCE_VALUES | chrony_words.SOURCE_NOTES.keys()))
def test_any_chrony_conf_becomes_a_configuration(text: str) -> None:
    parse(render(convert(text, "x", Dialect.CHRONY), "x"))


@settings(max_examples=150, deadline=None)
@given(lines(_NTP, ntp_words.SOURCE_VALUES | ntp_words.QUERIES | ntp_words.SOURCE_NOTES.keys()))
def test_any_ntp_conf_becomes_a_configuration(text: str) -> None:
    parse(render(convert(text, "x", Dialect.NTP), "x"))


@settings(max_examples=100, deadline=None)
@given(st.text(), st.text(max_size=20), st.sampled_from(Dialect))
def test_any_text_under_any_name_becomes_a_configuration(text: str, name: str, dialect: Dialect) -> None:
    dialect_of(name, text)
    parse(render(convert(text, name, dialect), name))


@pytest.mark.parametrize(
    ("dialect", "name"),
    [(Dialect.CHRONY, name) for name in sorted({*chrony_words.MEANS_NOTHING, *chrony_words.KNOWN, "frobnicate"})]
    + [(Dialect.NTP, name) for name in sorted({*ntp_words.MEANS_NOTHING, *ntp_words.KNOWN, "frobnicate"})],
)
def test_what_is_not_taken_over_is_named_with_its_line(dialect: Dialect, name: str) -> None:
    (note,) = convert(f"\n# comment\n{name} a b\n", "f.conf", dialect).notes
    assert str(note).startswith(f"f.conf:3: {name}: ")


@pytest.mark.parametrize("dialect", Dialect)
@given(option=st.sampled_from(sorted({*chrony_words.SOURCE_NOTES, *ntp_words.SOURCE_NOTES} - {"iburst"})))
def test_what_a_source_cannot_be_given_is_named(dialect: Dialect, option: str) -> None:
    draft = convert(f"server 192.0.2.1 iburst {option}", "f", dialect)
    assert [(note.subject, len(draft.sources)) for note in draft.notes] == [(f"server 192.0.2.1, {option}", 1)]
