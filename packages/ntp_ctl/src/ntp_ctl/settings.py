"""Where the daemon's sockets are: an option, the configuration file of the daemon, or the default, in this order.

Only the few keys of `[observability]` are read, and leniently: whether the file is right is the daemon's to judge (`ntp-ctl validate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ntp_proto.errors import ConfigError

__all__ = ["CONFIG_VARIABLE", "DEFAULT_CONFIG", "DEFAULT_CONFIGURATION_SOCKET", "DEFAULT_OBSERVATION_SOCKET", "Settings", "load_settings"]

CONFIG_VARIABLE = "NTP_DAEMON_CONFIG"
DEFAULT_CONFIG = Path("/etc/ntpd-py/ntp.toml")
DEFAULT_OBSERVATION_SOCKET = Path("/run/ntpd-py/observe")
DEFAULT_CONFIGURATION_SOCKET = Path("/run/ntpd-py/configure")
DEFAULT_LISTEN = "127.0.0.1:9975"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the tools need to know of the daemon's configuration.

    Attributes:
        observation_socket: Where the daemon shows its state; None when the file switches that off.
        configuration_socket: Where it takes requests; None when the file switches that off.
        metrics_listen: Where the metrics exporter listens, HOST:PORT.
        measurement_log: Where the daemon records what it measures; None when it does not.
        note: Why the default file was not used though it is there, "" otherwise.
    """

    observation_socket: Path | None = DEFAULT_OBSERVATION_SOCKET
    configuration_socket: Path | None = DEFAULT_CONFIGURATION_SOCKET
    metrics_listen: str = DEFAULT_LISTEN
    measurement_log: Path | None = None
    note: str = ""


def load_settings(named: Path | None, environ: Mapping[str, str], *, default: Path = DEFAULT_CONFIG) -> Settings:
    """The settings from the file that was named, else from that of NTP_DAEMON_CONFIG, else from the default file if there is one.

    A default file that cannot be used is no error but a note: a reader without permission to read it may well use the default socket, and
    a file that was broken after the daemon's start must not hide a daemon that runs.

    Raises:
        ConfigError: the file was named and cannot be used.
    """
    variable = environ.get(CONFIG_VARIABLE)
    chosen = named or (Path(variable) if variable else None)
    if chosen is not None:
        return _read(chosen)
    try:
        return _read(default)
    except ConfigError as error:
        return Settings() if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError) else Settings(note=str(error))


def _read(file: Path) -> Settings:
    import tomli  # noqa: PLC0415 - deferred: without a file there is nothing to parse

    try:
        document: dict[str, object] = tomli.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read it: {(error.strerror or str(error)).lower()}", file=str(file)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("not a text in UTF-8", file=str(file)) from error
    except tomli.TOMLDecodeError as error:
        raise ConfigError(error.msg, file=str(file), line=error.lineno) from error
    table = document.get("observability", {})
    if not isinstance(table, dict):
        raise ConfigError("must be a table", file=str(file), key="observability")
    return _settings_of(table, file)


def _settings_of(table: Mapping[str, object], file: Path) -> Settings:
    def text(key: str, default: str) -> str:
        value = table.get(key, default)
        if not isinstance(value, str):
            raise ConfigError(f"must be a text, got {value!r}", file=str(file), key=f"observability.{key}")
        return value

    observation = text("observation-path", str(DEFAULT_OBSERVATION_SOCKET))
    configuration = text("configuration-path", str(DEFAULT_CONFIGURATION_SOCKET))
    log = text("measurement-log", "")
    return Settings(
        measurement_log=Path(log) if log else None,
        observation_socket=Path(observation) if observation else None,
        configuration_socket=Path(configuration) if configuration else None,
        metrics_listen=text("metrics-exporter-listen", DEFAULT_LISTEN),
    )
