"""The table of the dashboard is checked by the daemon, and no error tells the token."""

import pytest

from ntp_daemon.config.load import ConfigErrors, parse


def test_a_whole_table() -> None:
    api = parse(
        """
        [api]
        listen = "[::1]:8080"
        auth-token-file = "/etc/ntpd-py/token"
        expose-config = true
        metrics-auth = true
        host-names = ["NTP.example.com"]
        """
    ).api
    assert (api.listen, api.auth_token, api.auth_token_file) == ("[::1]:8080", "", "/etc/ntpd-py/token")
    assert (api.expose_config, api.metrics_auth, api.allow_unauthenticated, api.host_names) == (True, True, False, ("ntp.example.com",))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('listen = "ntp.example.com:8080"', "a numeric address or localhost"),
        ('listen = "127.0.0.1"', "with a port"),
        ('host-names = ["a b"]', "a list of names"),
        ('host-names = ["192.0.2.1"]', "a list of names"),
        ('host-names = ["x:80"]', "a list of names"),
        ('host-names = "x"', "a list of names"),
        ("metrics-auth = 1", "true or false"),
        ('auth-tokens = "x"', "did you mean auth-token"),
    ],
)
def test_mistakes(line: str, what: str) -> None:
    with pytest.raises(ConfigErrors, match=what):
        parse(f"[api]\n{line}\n")


@pytest.mark.parametrize("token", ["two words", "umläut", "line\\nfeed"])
def test_a_wrong_token_is_not_repeated(token: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse(f'[api]\nauth-token = "{token}"\n')
    assert "printable ASCII" in str(caught.value)
    assert token not in str(caught.value)
    assert "secret-one" not in repr(parse('[api]\nauth-token = "secret-one"\n'))
