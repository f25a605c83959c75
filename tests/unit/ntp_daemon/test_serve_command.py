from __future__ import annotations

import pytest

from ntp_daemon.serve_command import Arguments, config_of, main, make_parser
from ntp_daemon.serving.ntp_server import NtpServerConfig
from ntp_proto.server import Rate, RefusalAction


def config(*arguments: str) -> NtpServerConfig:
    return config_of(make_parser().parse_args(arguments, namespace=Arguments()))


def test_without_arguments_it_is_the_small_server_of_old() -> None:
    made = config()
    assert (made.listen, made.stratum, made.workers) == ("0.0.0.0:1123", 2, 0)
    assert made.policy.clients.rate == Rate(100.0, 5)
    assert made.policy.limit_action is RefusalAction.DENY, "a limited client gets the kiss RATE"


@pytest.mark.parametrize("dash", ["-", "--"])
def test_every_option_is_understood_with_one_dash_and_with_two(dash: str) -> None:
    made = config(f"{dash}listen", "[::1]:0", f"{dash}stratum", "7", f"{dash}rate", "0.5", f"{dash}burst", "3")
    assert (made.listen, made.stratum) == ("[::1]:0", 7)
    assert made.policy.clients.rate == Rate(0.5, 3)


def test_a_port_may_stand_alone_and_0_takes_a_free_one() -> None:
    assert config("123").listen == "0.0.0.0:123"
    assert config("0").listen == "0.0.0.0:0"


def test_a_rate_of_0_is_no_limit() -> None:
    assert config("-rate", "0").policy.clients.rate is None


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ("65536", "'65536' is not a whole number from 0 to 65535"),
        ("-stratum 0", "from 1 to 15"),
        ("-stratum 16", "from 1 to 15"),
        ("-rate -1", "argument -rate"),
        ("-rate nan", "not 0, or a number above 0"),
        ("-rate inf", "not 0, or a number above 0"),
        ("-burst 0", "from 1 to 1000000"),
        ("123 -listen 127.0.0.1:123", "the port is given twice"),
        ("-listen localhost:1123", "numeric address"),
        ("-listen 127.0.0.1:99999", "not a port"),
        ("--quie", "unrecognized arguments"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: str, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments.split())
    assert end.value.code == 2
    assert what in capsys.readouterr().err
