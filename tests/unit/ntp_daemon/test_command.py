"""The exit status of what went wrong inside; that of wrong usage and wrong configurations is tested with whole processes."""

from __future__ import annotations

import pytest

from ntp_daemon import command as program
from ntp_proto.errors import ClockError, ConfigError, NtpError, PrivilegeError
from ntp_udp import SocketError


def test_a_bug_has_an_exit_status_of_its_own(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(path: None, environment: object) -> None:
        raise RuntimeError("this should not happen")

    monkeypatch.setattr(program, "load_or_default", fail)
    assert program.run(["--check-config"]) == 70
    shown = capsys.readouterr().err
    assert "RuntimeError: this should not happen" in shown
    assert shown.endswith("ntp-daemon: internal error; please report the lines above\n")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ClockError("no clock"), 77),
        (PrivilegeError("no user"), 77),
        (SocketError(98, "no port"), 1),
        (ConfigError("no names"), 78),
        (NtpError("no worker"), 1),
    ],
)
def test_each_kind_of_failure_has_its_exit_status_and_one_line(
    error: Exception, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(path: None, environment: object) -> None:
        raise error

    monkeypatch.setattr(program, "load_or_default", fail)
    assert program.run([]) == status
    assert capsys.readouterr().err == f"ntp-daemon: {error}\n"
