from pathlib import Path

import pytest

from ntp_daemon.config.load import parse
from ntp_daemon.config.server import ServerConfig
from ntp_daemon.serving.from_config import policy_of, settings_of
from ntp_daemon.serving.settings import DnsPolicyConfig, RequestLogConfig, ServerSettings, default_workers
from ntp_proto.datagram import Address
from ntp_proto.identifiers import KissCode
from ntp_proto.server import AccessList, ClientLimits, DropReason, PrefixTable, Rate, RefusalAction, ServerPolicy, pack_address
from ntp_proto.server_address import ServerAddress
from ntp_udp.server_socket import Buffers


def server(text: str = "") -> ServerConfig:
    (table,) = parse(f'[[server]]\nlisten = "127.0.0.1"\n{text}').servers
    return table


def test_the_defaults_serve_everybody_without_a_limit() -> None:
    defaults = ClientLimits()
    assert settings_of(server()) == ServerSettings(
        listen=Address("127.0.0.1", 123),
        policy=ServerPolicy(limit_action=RefusalAction.DENY),
        workers=default_workers(),
        buffers=Buffers(4 << 20, 0),
    )
    assert (policy_of(server()).clients, defaults.rate, defaults.minimum_gap_s) == (defaults, None, 0.0)


def test_everything_that_is_configured_arrives() -> None:
    table = server(
        """
        denylist = { filter = ["10.0.0.0/8"], action = "deny" }
        allowlist = { filter = ["10.0.0.0/7"] }
        deny-kiss-code = "RSTR"
        rate-limit = 2
        rate-burst = 5
        rate-limiting-cutoff-ms = 250
        rate-limiting-action = "ignore"
        rate-limiting-leak = 0
        rate-limiting-cache-size = 100
        rate-limiting-ipv4-prefix = 24
        rate-limiting-ipv6-prefix = 48
        global-rate-limit = 1000
        global-rate-burst = 50
        workers = 0
        receive-buffer = 0
        send-buffer = 9
        serve-unsynchronized = false
        interleaved-cache-size = 7
        legacy-versions = true
        dns-policy = { deny-suffixes = ["a.example"], allow-suffixes = ["b.example"], action = "deny", on-failure = "deny", cache-ttl = 9,
                       timeout = 1, nameservers = ["192.0.2.53", "2001:db8::53"] }
        request-log = { path = "/log", max-size-mb = 3, backups = 0, max-age-days = 1, compress = true }
    """.replace(",\n                       ", ", ")
    )
    settings = settings_of(table)
    assert settings.policy == ServerPolicy(
        denylist=AccessList(PrefixTable(["10.0.0.0/8"]), RefusalAction.DENY),
        allowlist=AccessList(PrefixTable(["10.0.0.0/7"]), RefusalAction.IGNORE),
        name_action=RefusalAction.DENY,
        deny_kiss=KissCode.RSTR,
        clients=ClientLimits(rate=Rate(2.0, 5), minimum_gap_s=0.25, leak=0, ipv4_prefix=24, ipv6_prefix=48, size=100),
        global_limit=Rate(1000.0, 50),
        limit_action=RefusalAction.IGNORE,
        serves_legacy=True,
        serves_unsynchronized=False,
        interleaved_size=7,
    )
    assert (settings.workers, settings.buffers) == (0, Buffers(0, 9))
    assert settings.dns_policy == DnsPolicyConfig(("a.example",), ("b.example",), ("192.0.2.53", "2001:db8::53"), 1.0, 9.0, fail_open=False)
    assert settings.request_log == RequestLogConfig(Path("/log"), 3_000_000, 0, 1, compress=True)


def test_an_empty_allowlist_serves_nobody() -> None:
    policy = policy_of(server("allowlist.filter = []"))
    assert policy.judge_address(pack_address("192.0.2.1")) is DropReason.ALLOWLIST
    assert policy_of(server()).judge_address(pack_address("192.0.2.1")) is None


@pytest.mark.parametrize("listen", ["::1", "fe80::1%lo"])
def test_the_address_keeps_its_zone(listen: str) -> None:
    assert settings_of(ServerConfig(listen=ServerAddress(listen, 1))).listen == Address(listen, 1)
