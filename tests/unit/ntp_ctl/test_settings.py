from __future__ import annotations

import os
from pathlib import Path

import pytest

from ntp_ctl.settings import CONFIG_VARIABLE, Settings, load_settings
from ntp_proto.errors import ConfigError

FILE = """
[[source]]
address = "ntp.example"
[observability]
observation-path = "/run/other/observe"
configuration-path = "/run/other/configure"
metrics-exporter-listen = "[::1]:9000"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ntp.toml"
    path.write_text(FILE)
    return path


OTHER = Settings(observation_socket=Path("/run/other/observe"), configuration_socket=Path("/run/other/configure"), metrics_listen="[::1]:9000")


def test_without_any_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings(None, {}, default=tmp_path / "none.toml")
    assert settings == Settings(observation_socket=Path("/run/ntpd-py/observe"), configuration_socket=Path("/run/ntpd-py/configure"))
    assert settings.metrics_listen == "127.0.0.1:9975"
    assert settings.note == ""


def test_the_option_goes_before_the_variable_and_that_before_the_default(tmp_path: Path, file: Path) -> None:
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    assert load_settings(file, {CONFIG_VARIABLE: str(empty)}, default=empty) == OTHER
    assert load_settings(None, {CONFIG_VARIABLE: str(file)}, default=empty) == OTHER
    assert load_settings(None, {CONFIG_VARIABLE: ""}, default=file) == OTHER
    assert load_settings(empty, {}, default=file) == Settings()


def test_an_empty_path_switches_a_socket_off(file: Path) -> None:
    file.write_text('[observability]\nobservation-path = ""\nconfiguration-path = ""\n')
    settings = load_settings(file, {})
    assert settings.observation_socket is None
    assert settings.configuration_socket is None


def test_keys_that_are_not_ours_do_not_matter(file: Path) -> None:
    """A file from a newer or older release must not keep anybody from asking the daemon that runs."""
    file.write_text(FILE + '\nsomething-new = 1\n[another]\nx = "y"\n')
    assert load_settings(file, {}) == OTHER


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[observability\n", "FILE:1: "),
        ("\n\nx = = 1\n", "FILE:3: "),
        ("observability = 1\n", "FILE: observability: must be a table"),
        ("[observability]\nobservation-path = 1\n", "FILE: observability.observation-path: must be a text, got 1"),
    ],
)
def test_a_named_file_that_is_wrong_is_an_error_with_its_place(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(file, {})
    assert str(caught.value).replace(str(file), "FILE").startswith(message)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read it: no such file"):
        load_settings(tmp_path / "none.toml", {})
    with pytest.raises(ConfigError, match="cannot read it: no such file"):
        load_settings(None, {CONFIG_VARIABLE: str(tmp_path / "none.toml")})


def test_a_file_that_is_not_utf8_is_an_error(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not a text in UTF-8"):
        load_settings(file, {})


def test_a_default_file_that_is_wrong_is_a_note(file: Path) -> None:
    file.write_text("[observability\n")
    settings = load_settings(None, {}, default=file)
    assert settings.observation_socket == Path("/run/ntpd-py/observe")
    assert settings.note.startswith(f"{file}:1: ")


def test_a_default_file_that_cannot_be_read_is_a_note(tmp_path: Path) -> None:
    settings = load_settings(None, {}, default=tmp_path)  # a directory: cannot be read even by root
    assert settings.note == f"{tmp_path}: cannot read it: is a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_default_file_without_permission_is_a_note(file: Path) -> None:
    file.chmod(0)
    assert "permission denied" in load_settings(None, {}, default=file).note
