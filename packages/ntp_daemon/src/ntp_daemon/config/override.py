"""What the command line changes in a configuration."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ntp_daemon.config.load import ConfigErrors
from ntp_daemon.config.model import AutoSource, ClockConfig, Config, LogFormat, LogLevel
from ntp_proto.errors import ConfigError
from ntp_proto.observation import ClockMode
from ntp_proto.server_address import ServerAddress

__all__ = ["Overrides", "override"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The options of the command line; None, or no peers: as the configuration says.

    Attributes:
        peers: Addresses as given with `-p`; they replace all sources of the file.
        log_level: `-l`.
        log_format: `--log-format`.
        clock: `--clock`.
        observation_path: `--observation-socket`; "" for none.
        configuration_path: `--configuration-socket`; "" for none.
    """

    peers: tuple[str, ...] = ()
    log_level: LogLevel | None = None
    log_format: LogFormat | None = None
    clock: ClockMode | None = None
    observation_path: str | None = None
    configuration_path: str | None = None


def override(config: Config, overrides: Overrides) -> Config:
    """The configuration with the options of the command line in place of its own values.

    Raises:
        ConfigErrors: an address given with `-p` is none, or is given twice.
    """
    observability = config.observability
    return replace(
        config,
        sources=_sources(overrides.peers) if overrides.peers else config.sources,
        observability=replace(
            observability,
            log_level=overrides.log_level or observability.log_level,
            log_format=overrides.log_format or observability.log_format,
            observation_path=observability.observation_path if overrides.observation_path is None else overrides.observation_path,
            configuration_path=observability.configuration_path if overrides.configuration_path is None else overrides.configuration_path,
        ),
        clock=ClockConfig(mode=overrides.clock or config.clock.mode),
    )


def _sources(peers: tuple[str, ...]) -> tuple[AutoSource, ...]:
    addresses: list[ServerAddress] = []
    errors: list[ConfigError] = []
    for peer in peers:
        try:
            address = ServerAddress.parse(peer)
        except ValueError as error:
            errors.append(ConfigError(str(error), key="-p"))
            continue
        if address in addresses:
            errors.append(ConfigError(f'"{address}" is given twice; the same server would vote twice', key="-p"))
        addresses.append(address)
    if errors:
        raise ConfigErrors(tuple(errors))
    return tuple(AutoSource(address=address) for address in addresses)
