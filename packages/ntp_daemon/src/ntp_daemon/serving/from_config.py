"""From a `[[server]]` table of the configuration to what a server is told."""

from __future__ import annotations

from pathlib import Path

from ntp_daemon.config.server import Allowlist, Denylist, DnsPolicyConfig, FilterAction, LookupFailure, RequestLogConfig, ServerConfig
from ntp_daemon.serving import settings
from ntp_proto.datagram import Address
from ntp_proto.identifiers import KissCode
from ntp_proto.server import AccessList, ClientLimits, PrefixTable, Rate, RefusalAction, ServerPolicy
from ntp_udp.server_socket import Buffers

__all__ = ["policy_of", "settings_of"]

_BYTES_PER_MB = 1_000_000
_ACTIONS = {FilterAction.IGNORE: RefusalAction.IGNORE, FilterAction.DENY: RefusalAction.DENY}


def settings_of(server: ServerConfig) -> settings.ServerSettings:
    """What the server is told."""
    return settings.ServerSettings(
        listen=Address(server.listen.host, server.listen.port),
        policy=policy_of(server),
        workers=settings.default_workers() if server.workers is None else server.workers,
        buffers=Buffers(receive=server.receive_buffer, send=server.send_buffer),
        dns_policy=_dns_policy(server.dns_policy) if server.dns_policy.is_on else None,
        request_log=_request_log(server.request_log) if server.request_log.path else None,
    )


def policy_of(server: ServerConfig) -> ServerPolicy:
    """Whom it serves."""
    return ServerPolicy(
        denylist=_access(server.denylist) if server.denylist.filter else None,
        allowlist=None if server.allowlist.filter == Allowlist().filter else _access(server.allowlist),
        name_action=_ACTIONS[server.dns_policy.action],
        deny_kiss=KissCode(server.deny_kiss_code.value),
        clients=ClientLimits(
            rate=Rate(server.rate_limit, server.rate_burst) if server.rate_limit else None,
            minimum_gap_s=server.rate_limiting_cutoff_ms / 1000,
            leak=server.rate_limiting_leak,
            ipv4_prefix=server.rate_limiting_ipv4_prefix,
            ipv6_prefix=server.rate_limiting_ipv6_prefix,
            size=server.rate_limiting_cache_size,
        ),
        global_limit=Rate(server.global_rate_limit, server.global_rate_burst) if server.global_rate_limit else None,
        limit_action=_ACTIONS[server.rate_limiting_action],
        serves_legacy=server.legacy_versions,
        serves_unsynchronized=server.serve_unsynchronized,
        interleaved_size=server.interleaved_cache_size,
    )


def _access(listed: Allowlist | Denylist) -> AccessList:
    return AccessList(PrefixTable(str(network) for network in listed.filter), _ACTIONS[listed.action])


def _dns_policy(policy: DnsPolicyConfig) -> settings.DnsPolicyConfig:
    return settings.DnsPolicyConfig(
        deny_suffixes=policy.deny_suffixes,
        allow_suffixes=policy.allow_suffixes,
        nameservers=tuple(map(str, policy.nameservers)),
        timeout_s=policy.timeout,
        cache_ttl_s=policy.cache_ttl,
        fail_open=policy.on_failure is LookupFailure.ALLOW,
    )


def _request_log(log: RequestLogConfig) -> settings.RequestLogConfig:
    return settings.RequestLogConfig(Path(log.path), log.max_size_mb * _BYTES_PER_MB, log.backups, log.max_age_days, log.compress)
