from __future__ import annotations

import pytest

from ntp_proto import errors
from ntp_proto.errors import ClockError, ConfigError, NtpError


def test_every_error_has_the_one_root() -> None:
    assert all(issubclass(getattr(errors, name), NtpError) for name in errors.__all__)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConfigError("is wrong"), "is wrong"),
        (ConfigError("is wrong", key="source.address"), "source.address: is wrong"),
        (ConfigError("is wrong", file="ntp.toml", line=7, key="source.address"), "ntp.toml:7: source.address: is wrong"),
        (ConfigError("is wrong", file="ntp.toml"), "ntp.toml: is wrong"),
    ],
)
def test_a_config_error_names_its_place(error: ConfigError, text: str) -> None:
    assert str(error) == text


def test_a_clock_error_keeps_the_number() -> None:
    error = ClockError("cannot set the clock", errno=1)
    assert (str(error), error.errno, ClockError("none").errno) == ("cannot set the clock", 1, 0)
