"""What is shown of a configuration is a file that says the same, without its secrets."""

from dataclasses import replace

import tomli

from ntp_daemon.config.load import parse
from ntp_daemon.config.model import AutoSource, default_config
from ntp_daemon.config.show import show
from ntp_proto.server_address import ServerAddress

EXAMPLE = """
[[source]]
mode = "pool"
address = "pool.ntp.org"
ignore = ["192.0.2.7"]
[[source]]
mode = "server"
address = "[2001:db8::1]:1123"
poll-interval-limits = { min = 4 }
[synchronization]
single-step-panic-threshold = { forward = "inf", backward = 60 }
target-error = "100us"
[synchronization.algorithm]
step-updates = 2
[[server]]
listen = "0.0.0.0:123"
denylist = { filter = ["192.0.2.0/24"], action = "deny" }
[api]
auth-token = "correct-horse-battery"
host-names = ["ntp.example.com"]
"""


def test_it_can_be_read_back() -> None:
    config = parse(EXAMPLE)
    shown = show(config)
    assert "correct-horse-battery" not in shown
    assert tomli.loads(shown)["api"]["auth-token"] == "***"
    assert parse(shown.replace("***", "correct-horse-battery")) == config


def test_the_defaults_too() -> None:
    assert parse(show(default_config())) == default_config()


def test_a_source_of_the_command_line_is_shown_as_a_pool() -> None:
    config = replace(default_config(), sources=(AutoSource(address=ServerAddress.parse("ntp.example.com")),))
    (source,) = tomli.loads(show(config))["source"]
    assert (source["mode"], source["address"], source["count"]) == ("pool", "ntp.example.com:123", 4)
