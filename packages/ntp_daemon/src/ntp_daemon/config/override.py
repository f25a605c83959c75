"""What the command line changes in a configuration."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ntp_daemon.config.load import ConfigErrors
from ntp_daemon.config.model import AutoSource, Config, LogFormat, LogLevel
from ntp_proto.errors import ConfigError
from ntp_proto.server_address import ServerAddress
from ntp_proto.states import ClockMode

if TYPE_CHECKING:
    from ntp_daemon.config.server import ServerConfig

__all__ = ["Overrides", "override"]


class Overrides(NamedTuple):
    """The options of the command line; None, or no peers: as the configuration says.

    Attributes:
        peers: Addresses as given with `-p`; they replace all sources of the file.
        servers: Addresses as given with `-s`; they replace all `[[server]]` tables of the file.
        log_level: `-l`.
        log_format: `--log-format`.
        clock: `--clock`.
        observation_path: `--observation-socket`; "" for none.
        configuration_path: `--configuration-socket`; "" for none.
    """

    peers: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    log_level: LogLevel | None = None
    log_format: LogFormat | None = None
    clock: ClockMode | None = None
    observation_path: str | None = None
    configuration_path: str | None = None


def override(config: Config, overrides: Overrides) -> Config:
    """The configuration with the options of the command line in place of its own values.

    Raises:
        ConfigErrors: an address given with `-p` or `-s` is none, or is given twice.
    """
    observability = config.observability
    errors: list[ConfigError] = []
    peers = _addresses("-p", overrides.peers, "the same server would vote twice", errors)
    servers = _servers(overrides.servers, errors) if overrides.servers else config.servers
    if errors:
        raise ConfigErrors(tuple(errors))
    return replace(
        config,
        sources=tuple(AutoSource(address=address) for address in peers) or config.sources,
        servers=servers,
        observability=replace(
            observability,
            log_level=overrides.log_level or observability.log_level,
            log_format=overrides.log_format or observability.log_format,
            observation_path=observability.observation_path if overrides.observation_path is None else overrides.observation_path,
            configuration_path=observability.configuration_path if overrides.configuration_path is None else overrides.configuration_path,
        ),
        clock=replace(config.clock, mode=overrides.clock or config.clock.mode),
    )


def _addresses(option: str, texts: tuple[str, ...], harm: str, errors: list[ConfigError]) -> list[ServerAddress]:
    addresses: list[ServerAddress] = []
    for text in texts:
        try:
            address = ServerAddress.parse(text)
        except ValueError as error:
            errors.append(ConfigError(str(error), key=option))
            continue
        if address in addresses:
            errors.append(ConfigError(f'"{address}" is given twice; {harm}', key=option))
        addresses.append(address)
    return addresses


def _servers(texts: tuple[str, ...], errors: list[ConfigError]) -> tuple[ServerConfig, ...]:
    from ntp_daemon.config.server import ServerConfig  # noqa: PLC0415 — not every daemon serves

    addresses = _addresses("-s", texts, "once is enough", errors)
    names = (address.host for address in addresses if address.numeric() is None)
    errors += (ConfigError(f'"{name}" is a name: give a numeric address of this machine, like 0.0.0.0 or [::]', key="-s") for name in names)
    return tuple(ServerConfig(listen=address) for address in addresses)
