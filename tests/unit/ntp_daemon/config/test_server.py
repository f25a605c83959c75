import ipaddress
import os
import subprocess
import sys

import pytest

from ntp_daemon.config.load import ConfigErrors, parse
from ntp_daemon.config.model import ClockSelection
from ntp_daemon.config.server import DenyKiss, Denylist, DnsPolicyConfig, FilterAction, LookupFailure, RequestLogConfig, ServerConfig
from ntp_proto.identifiers import ReferenceId
from ntp_proto.observation import ClockMode
from ntp_proto.server_address import ServerAddress

EVERYTHING = """
[[server]]
listen = "192.0.2.1:1123"
denylist = { filter = ["10.0.0.0/8", "2001:db8::/32"], action = "deny" }
allowlist.filter = []
deny-kiss-code = "RATE"
rate-limit = 0.5
rate-burst = 4
rate-limiting-cutoff-ms = 1000
rate-limiting-action = "ignore"
rate-limiting-leak = 0
rate-limiting-cache-size = 32
rate-limiting-ipv4-prefix = 24
rate-limiting-ipv6-prefix = 56
global-rate-limit = 400000
global-rate-burst = 100000
workers = 0
receive-buffer = 0
send-buffer = 65536
serve-unsynchronized = false
interleaved-cache-size = 0
legacy-versions = true

[server.dns-policy]
deny-suffixes = [".Bad.example"]
allow-suffixes = ["example.com", "example.net."]
action = "deny"
on-failure = "deny"
cache-ttl = 60
timeout = 0.2
nameservers = ["192.0.2.53"]

[server.request-log]
path = "/var/log/ntp-requests"
max-size-mb = 0
backups = 0
max-age-days = 0
compress = true

[[server]]
listen = "[::]"
"""


def messages(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        parse(text, file="ntp.toml")
    return [str(error) for error in caught.value.errors]


def filtered(text: str) -> list[str]:
    (server,) = parse(f'[[server]]\nlisten = "0.0.0.0"\ndenylist.filter = [{text}]').servers
    return [str(network) for network in server.denylist.filter]


def test_without_a_table_nothing_is_served() -> None:
    assert parse("").servers == ()


def test_every_key_is_read() -> None:
    first, second = parse(EVERYTHING).servers
    assert first.listen == ServerAddress("192.0.2.1", 1123)
    assert first.denylist == Denylist(filter=(ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32")), action=FilterAction.DENY)
    assert first.allowlist.filter == ()
    assert first.deny_kiss_code is DenyKiss.RATE
    assert (first.rate_limit, first.rate_burst, first.rate_limiting_cutoff_ms) == (0.5, 4, 1000)
    assert first.rate_limiting_action is FilterAction.IGNORE
    assert (first.rate_limiting_leak, first.rate_limiting_cache_size) == (0, 32)
    assert (first.rate_limiting_ipv4_prefix, first.rate_limiting_ipv6_prefix) == (24, 56)
    assert (first.global_rate_limit, first.global_rate_burst) == (400_000.0, 100_000)
    assert (first.workers, first.receive_buffer, first.send_buffer) == (0, 0, 65536)
    assert first.interleaved_cache_size == 0
    assert (first.serve_unsynchronized, first.legacy_versions) == (False, True)
    assert first.dns_policy == DnsPolicyConfig(
        deny_suffixes=("bad.example",),
        allow_suffixes=("example.com", "example.net"),
        action=FilterAction.DENY,
        on_failure=LookupFailure.DENY,
        cache_ttl=60.0,
        timeout=0.2,
        nameservers=(ipaddress.ip_address("192.0.2.53"),),
    )
    assert first.dns_policy.is_on
    assert first.request_log == RequestLogConfig(path="/var/log/ntp-requests", max_size_mb=0, backups=0, max_age_days=0, compress=True)
    assert second == ServerConfig(listen=ServerAddress("::", 123))
    assert not second.dns_policy.is_on


def test_nothing_is_limited_and_everybody_is_served_by_default() -> None:
    server = ServerConfig(listen=ServerAddress("0.0.0.0"))
    assert (server.rate_limit, server.rate_limiting_cutoff_ms, server.global_rate_limit) == (0.0, 0, 0.0)
    assert [str(network) for network in server.allowlist.filter] == ["0.0.0.0/0", "::/0"]
    assert (server.denylist.filter, server.workers, server.request_log.path) == ((), None, "")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"192.0.2.0/24"', "192.0.2.0/24"),
        ('"192.0.2.7"', "192.0.2.7/32"),
        ('"0.0.0.0/0"', "0.0.0.0/0"),
        ('"2001:DB8::/32"', "2001:db8::/32"),
        ('"::1"', "::1/128"),
        ('"::ffff:192.0.2.0/120"', "192.0.2.0/24"),  # its clients are judged as IPv4
        ('"::ffff:0.0.0.0/96"', "0.0.0.0/0"),
        ('"::/0"', "::/0"),
    ],
)
def test_networks(written: str, meant: str) -> None:
    assert filtered(written) == [meant]


@pytest.mark.parametrize(
    "wrong",
    ['"10.0.0.0/33"', '"10.0.0.0/"', '"10.0.0.0/-1"', '"10.0.0.0/255.0.0.0"', '"10.0.0/8"', '"::/129"', '"fe80::1%eth0"', '"a.example"', "7", '""'],
)
def test_a_bad_network_is_an_error_with_its_file_line_and_key(wrong: str) -> None:
    text = f'[[server]]\nlisten = "0.0.0.0"\n\n[server.allowlist]\nfilter = ["192.0.2.1", {wrong}]\n'
    assert messages(text) == [f"ntp.toml:5: server.allowlist.filter: must be a list of networks, and {wrong} is not one"]


def test_a_network_with_bits_beyond_its_prefix_is_not_guessed() -> None:
    text = '[[server]]\nlisten = "0.0.0.0"\ndenylist = { filter = ["10.0.0.1/8"], action = "deny" }\n'
    assert messages(text) == ['ntp.toml:3: server.denylist.filter: "10.0.0.1/8" has bits beyond its prefix; did you mean 10.0.0.0/8?']


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("workrs = 2", "server.workrs: unknown key; did you mean workers?"),
        ("rate-burst = 0", "server.rate-burst: must be a whole number from 1 to 1000000, got 0"),
        ("rate-limit = 1e-9", "server.rate-limit: must be 0, or a number from 0.000001 to 1000000000, got 1e-09"),
        ("rate-limit = -1", "server.rate-limit: must be 0, or a number from 0.000001 to 1000000000, got -1"),
        ('listen = "ntp.example"', 'server.listen: must be a numeric address, like "0.0.0.0:123", "192.0.2.1" or "[::]:123", got "ntp.example"'),
        ('listen = "0.0.0.0:70000"', "server.listen: '70000' is not a port: a port is a number from 1 to 65535"),
        ('denylist = ["10.0.0.0/8"]', "server.denylist: must be a table, got a list"),
        ('denylist.action = "drop"', 'server.denylist.action: must be "ignore" or "deny", got "drop"'),
        ("serve-unsynchronized = 1", "server.serve-unsynchronized: must be true or false, got 1"),
        ('dns-policy.allow-suffixes = ["a b"]', 'server.dns-policy.allow-suffixes: must be a list of domains, and "a b" is not one'),
        ('dns-policy.allow-suffixes = ["192.0.2.1"]', 'server.dns-policy.allow-suffixes: must be a list of domains, and "192.0.2.1" is not one'),
        ('request-log.path = "log"', 'server.request-log.path: must be an absolute path, or "" for none, got "log"'),
        ("log-level = 'info'", "server.log-level: does not belong here but in [observability]"),
    ],
)
def test_what_is_wrong_is_said(line: str, message: str) -> None:
    listen = "" if line.startswith("listen") else 'listen = "0.0.0.0"'
    assert messages(f"[[server]]\n{listen}\n{line}\n") == [f"ntp.toml:3: {message}"]


def test_the_address_must_be_given_and_only_once() -> None:
    expected = 'it is a numeric address, like "0.0.0.0:123", "192.0.2.1" or "[::]:123"'
    assert messages("[[server]]\nworkers = 1\n") == [f"ntp.toml:1: server.listen: is missing; {expected}"]
    twice = '[[server]]\nlisten = "0.0.0.0"\n[[server]]\nlisten = "0.0.0.0:123"\n'
    assert messages(twice) == ['ntp.toml:4: server.listen: "0.0.0.0:123" is listed twice']
    assert messages('[server]\nlisten = "0.0.0.0"\n') == [
        "ntp.toml:1: server: servers are written as [[server]], in double brackets: one such table for each"
    ]


def test_a_key_of_a_server_in_another_table_is_shown_its_place() -> None:
    assert messages("[clock]\nrate-limit = 1\n") == ["ntp.toml:2: clock.rate-limit: does not belong here but in [[server]]"]


def test_the_clock_has_its_modes() -> None:
    text = 'clock = { mode = "virtual", select = "median", max-accepted-offset = 0, local-stratum = 15, local-reference-id = "127.127.1.1" }'
    clock = parse(text).clock
    assert (clock.mode, clock.select, clock.max_accepted_offset) == (ClockMode.VIRTUAL, ClockSelection.MEDIAN, 0.0)
    assert (clock.local_stratum, clock.local_reference_id) == (15, ReferenceId(0x7F7F0101))
    assert parse("").clock.local_reference_id == ReferenceId.from_ascii("LOCL")
    assert messages("clock.local-stratum = 0") == ["ntp.toml:1: clock.local-stratum: must be a whole number from 1 to 15, got 0"]
    assert messages('clock.local-reference-id = "LOCAL"')[0].startswith("ntp.toml:1: clock.local-reference-id: a reference id has 1 to 4")


def test_a_client_does_not_load_what_only_a_server_needs() -> None:
    program = "import sys; from ntp_daemon.config.load import parse; parse('clock = {}'); print('ntp_daemon.config.server' in sys.modules)"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
