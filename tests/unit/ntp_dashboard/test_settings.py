"""Whom the dashboard lets in is decided here, so every mistake ends it, and none of them tells the token."""

from __future__ import annotations

from pathlib import Path

import pytest

from ntp_daemon.config.api import ApiConfig
from ntp_dashboard.arguments import Arguments, make_parser
from ntp_dashboard.settings import ApiTable, Settings, is_loopback, load
from ntp_proto.errors import ConfigError

TOKEN = "a-token-of-enough-characters"


def loaded(text: str, folder: Path, *options: str, **environ: str) -> Settings:
    file = folder / "ntp.toml"
    file.write_text(text, encoding="utf-8")
    return load(make_parser().parse_args(["-c", str(file), *options], namespace=Arguments()), environ)


def refused(text: str, folder: Path, *options: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(text, folder, *options, **environ)
    return str(caught.value)


def test_without_a_file_it_listens_on_this_machine_alone(tmp_path: Path) -> None:
    settings = load(make_parser().parse_args([], namespace=Arguments()), {}, default=tmp_path / "none.toml")
    assert settings == Settings(
        observation_socket=Path("/run/ntpd-py/observe"), configuration_socket=Path("/run/ntpd-py/configure"), listen="127.0.0.1:8080"
    )


def test_what_the_file_says_and_what_options_say_before_it(tmp_path: Path) -> None:
    text = f"""
    [observability]
    observation-path = "/a"
    configuration-path = "/b"
    [api]
    listen = "0.0.0.0:80"
    auth-token = "{TOKEN}"
    expose-config = true
    metrics-auth = true
    host-names = ["NTP.example.com"]
    """
    settings = loaded(text, tmp_path)
    assert (settings.observation_socket, settings.configuration_socket, settings.listen) == (Path("/a"), Path("/b"), "0.0.0.0:80")
    assert (settings.token, settings.expose_config, settings.metrics_auth, settings.host_names) == (TOKEN, True, True, ("ntp.example.com",))
    assert TOKEN not in repr(settings)
    settings = loaded(text, tmp_path, "-o", "/c", "-s", "/d", "-l", "[::1]:81")
    assert (settings.observation_socket, settings.configuration_socket, settings.listen) == (Path("/c"), Path("/d"), "[::1]:81")


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    assert loaded('[api]\nauth-token = "of-the-file-and-long-enough"', tmp_path, NTP_API_TOKEN=TOKEN).token == TOKEN
    assert load(Arguments(), {"NTP_DAEMON_CONFIG": str(tmp_path / "ntp.toml")}).token == "of-the-file-and-long-enough"


def test_a_token_in_a_file_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(TOKEN + "\nsecond line\n", encoding="ascii")
    secret.chmod(0o600)
    text = f'[api]\nauth-token-file = "{secret}"'
    settings = loaded(text, tmp_path)
    assert (settings.token, settings.warnings) == (TOKEN, ())
    secret.chmod(0o644)
    assert "everybody may read the token" in loaded(text, tmp_path).warnings[0]
    secret.write_text("\n", encoding="ascii")
    assert "is empty" in refused(text, tmp_path)
    secret.unlink()
    assert "cannot read" in refused(text, tmp_path)


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", "ntp.example.com:8080"])
def test_beyond_this_machine_it_takes_a_token(tmp_path: Path, listen: str) -> None:
    assert "without a token" in refused(f'[api]\nlisten = "{listen}"', tmp_path)
    assert "without a token" in refused("", tmp_path, "-l", listen)
    assert loaded("", tmp_path, "-l", listen, NTP_API_TOKEN=TOKEN).warnings == ()
    (warning,) = loaded("[api]\nallow-unauthenticated = true", tmp_path, "-l", listen).warnings
    assert "everybody who can reach" in warning


def test_a_short_token_is_warned_of(tmp_path: Path) -> None:
    (warning,) = loaded('[api]\nauth-token = "secret"', tmp_path).warnings
    assert "openssl rand -hex 32" in warning
    assert "secret" not in warning


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ('auth-tokens = "x"', "did you mean auth-token"),
        ("metrics-auth = 1", "must be true or false"),
        ("listen = 8080", "must be a text"),
        ('host-names = "x"', "must be a list of names"),
        ("host-names = [1]", "must be a list of names"),
        ('auth-token = "a b"', "no spaces"),
        ('auth-token = "x"\nauth-token-file = "/y"', "not both"),
    ],
)
def test_mistakes(tmp_path: Path, table: str, what: str) -> None:
    assert what in refused(f"[api]\n{table}\n", tmp_path)


@pytest.mark.parametrize("text", ["api = 1", "[api", "\0"])
def test_a_file_that_is_no_configuration(tmp_path: Path, text: str) -> None:
    assert str(tmp_path) in refused(text, tmp_path)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        load(make_parser().parse_args(["-c", str(tmp_path / "none.toml")], namespace=Arguments()), {})


def test_without_an_observation_socket_there_is_nothing_to_show(tmp_path: Path) -> None:
    assert "switches the observation socket off" in refused('[observability]\nobservation-path = ""', tmp_path)
    assert loaded('[observability]\nconfiguration-path = ""', tmp_path).configuration_socket is None


@pytest.mark.parametrize(
    ("host", "is_local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("LocalHost", True), ("0.0.0.0", False), ("localhost.example", False)],
)
def test_loopback(host: str, is_local: bool) -> None:
    assert is_loopback(host) is is_local


def test_the_table_is_the_one_that_the_daemon_checks() -> None:
    ours, theirs = ApiTable(), ApiConfig()
    names = ApiTable.__slots__
    assert names == ApiConfig.__slots__
    assert [getattr(ours, name) for name in names] == [getattr(theirs, name) for name in names]
