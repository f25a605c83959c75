"""The exit status of what went wrong inside; that of wrong usage and wrong configurations is tested with whole processes."""

from __future__ import annotations

import pytest

from ntp_daemon import command as program


def test_a_bug_has_an_exit_status_of_its_own(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(path: None, environment: object) -> None:
        raise RuntimeError("this should not happen")

    monkeypatch.setattr(program, "load_or_default", fail)
    assert program.run(["--check-config"]) == 70
    shown = capsys.readouterr().err
    assert "RuntimeError: this should not happen" in shown
    assert shown.endswith("ntp-daemon: internal error; please report the lines above\n")
