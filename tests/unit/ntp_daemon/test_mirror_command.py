from __future__ import annotations

import pytest

from ntp_daemon.config.model import Config, LogLevel
from ntp_daemon.mirror_command import Arguments, config_of, main, make_parser, sources_of
from ntp_proto.observation import ClockMode
from ntp_proto.server_address import ServerAddress


def config(*options: str) -> Config:
    arguments = make_parser().parse_args(options, namespace=Arguments())
    return config_of(arguments, sources_of(arguments.server_address)[0])


def listening(made: Config) -> list[tuple[str, int | None]]:
    return [(str(server.listen), server.workers) for server in made.servers]


def test_without_options_it_serves_everybody_from_the_daemon_on_this_machine() -> None:
    made = config()
    assert made.clock.mode is ClockMode.MIRROR
    assert [str(source.address) for source in made.sources] == ["127.0.0.1:11123"]
    assert listening(made) == [("0.0.0.0:123", 1), ("[::]:123", 1)]
    assert all(server.legacy_versions for server in made.servers)
    assert made.observability.log_level is LogLevel.INFO


def test_it_leaves_no_files_and_no_sockets() -> None:
    made = config()
    seen = made.observability
    assert (made.synchronization.drift_file, seen.observation_path, seen.configuration_path, seen.measurement_log) == ("", "", "", "")


def test_sources_are_checked_every_few_seconds_and_answer_within_one() -> None:
    made = config()
    (source,) = made.sources
    polls = made.poll_settings(source)
    assert (polls.minimum.seconds, polls.maximum.seconds, polls.initial.seconds, polls.response_timeout_s) == (4.0, 4.0, 4.0, 1.0)


LETTERS = ["-4", "3", "-6", "2", "-a", "127.0.0.1:1", "-b", "[::1]:2", "-s", "one.example", "-s", "192.0.2.1:9", "-d"]
LONG = [
    *("--ipv4-threads", "3", "--ipv6-threads", "2", "--ipv4-address", "127.0.0.1:1", "--ipv6-address", "[::1]:2"),
    *("--server-address", "one.example", "--server-address", "192.0.2.1:9", "--debug"),
]


@pytest.mark.parametrize("options", [LETTERS, LONG], ids=["letters", "long"])
def test_every_option_has_a_letter_and_a_name(options: list[str]) -> None:
    made = config(*options)
    assert listening(made) == [("127.0.0.1:1", 3), ("[::1]:2", 2)]
    assert [str(source.address) for source in made.sources] == ["one.example:123", "192.0.2.1:9"]
    assert made.observability.log_level is LogLevel.DEBUG


def test_user_and_root_have_letters_and_names_too() -> None:
    for options in (["-u", "ntp", "-r", "/jail"], ["--user", "ntp", "--root", "/jail"]):
        arguments = make_parser().parse_args(options, namespace=Arguments())
        assert (arguments.user, str(arguments.root)) == ("ntp", "/jail")


def test_a_family_can_be_left_out() -> None:
    assert listening(config("-4", "0")) == [("[::]:123", 1)]
    assert listening(config("-6", "0")) == [("0.0.0.0:123", 1)]


def test_one_bad_address_does_not_spoil_the_rest() -> None:
    sources, warnings = sources_of(["a..b", "192.0.2.1", "192.0.2.1:123", "one.example:5"])
    assert sources == [ServerAddress("192.0.2.1"), ServerAddress("one.example", 5)]
    assert len(warnings) == 2
    assert "'a..b' is not a host name" in warnings[0]
    assert "192.0.2.1:123 is given twice" in warnings[1]


def test_the_default_is_not_asked_in_place_of_what_was_wrong() -> None:
    assert sources_of(["a..b"])[0] == []


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ("-4 0 -6 0", "nobody is served"),
        ("-4 257", "not a whole number from 0 to 256"),
        ("-4 -1", "argument"),
        ("-a [::]:123", "not an IPv4 address"),
        ("-b 0.0.0.0:123", "not an IPv6 address"),
        ("-a localhost:123", "not an IPv4 address"),
        ("-a 127.0.0.1:0", "is not a port"),
        ("-s a..b", "no server address is left"),
        ("-x", "unrecognized arguments"),
    ],
)
def test_wrong_usage_ends_with_2(options: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(options.split())
    assert end.value.code == 2
    assert what in capsys.readouterr().err
