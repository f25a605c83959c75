"""Reading the configuration file: everything that is wrong with it at once, each fault with its file, line and key."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ntp_daemon.config.model import Config, default_config
from ntp_proto.errors import ConfigError, NtpError

__all__ = ["DEFAULT_PATH", "ENVIRONMENT_VARIABLE", "ConfigErrors", "LoadedConfig", "load", "load_or_default", "parse"]

DEFAULT_PATH = Path("/etc/ntpd-py/ntp.toml")
ENVIRONMENT_VARIABLE = "NTP_DAEMON_CONFIG"

_MAXIMUM_SIZE = 1 << 20  # a thousand sources are 100 KiB; what is larger is not a configuration


class ConfigErrors(NtpError):  # noqa: N818 — it is many of `ConfigError`
    """Everything that is wrong with a configuration, one sentence each; at least one.

    Args:
        errors: In the order of their lines.
    """

    def __init__(self, errors: tuple[ConfigError, ...]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


class LoadedConfig(NamedTuple):
    """A valid configuration.

    Attributes:
        config: What it says.
        path: The file that was read, None for the built-in defaults.
        warnings: What is allowed but hardly meant, one sentence each, with the file and line where there is one.
    """

    config: Config
    path: Path | None
    warnings: tuple[str, ...]


def load_or_default(flag: Path | None, environment: Mapping[str, str], *, default_path: Path = DEFAULT_PATH) -> LoadedConfig:
    """The configuration to run with: of the `-c` flag, else of `NTP_DAEMON_CONFIG`, else of /etc, else the built-in defaults.

    A file that was asked for must be there. The one in /etc may be absent, but one that is there and cannot be read is an error: to run
    with the defaults instead would be to ignore the operator. The working directory is never searched: who may write there could
    otherwise steer the clock.

    Raises:
        ConfigErrors: the file cannot be read, or is wrong.
    """
    named = environment.get(ENVIRONMENT_VARIABLE, "")
    asked = flag if flag is not None else Path(named) if named else None
    if asked is not None:
        return load(asked)
    try:
        text, warnings = _read(default_path)
    except FileNotFoundError:
        return LoadedConfig(default_config(), None, ())
    return _loaded(text, default_path, warnings)


def load(path: Path) -> LoadedConfig:
    """Read a configuration file.

    Raises:
        ConfigErrors: the file cannot be read, or is wrong.
    """
    try:
        text, warnings = _read(path)
    except FileNotFoundError:
        raise _one_error(path, "there is no such file; `ntp-daemon --write-default-config FILE` makes one") from None
    return _loaded(text, path, warnings)


def parse(text: str, *, file: str = "") -> Config:
    """Read a configuration from a text.

    Args:
        text: TOML.
        file: The name to use in error messages.

    Raises:
        ConfigErrors: something is wrong with it.
    """
    # Here, and not above: a daemon that is run with -p alone reads no file.
    from ntp_daemon.config.check import check  # noqa: PLC0415
    from ntp_daemon.config.read_tables import Document, read_config  # noqa: PLC0415
    from ntp_daemon.config.toml_lines import find_lines  # noqa: PLC0415

    document = Document(file, lambda: find_lines(text))
    config, places = read_config(_parse_toml(text, file), document)
    check(config, places, document)
    if document.errors:
        raise ConfigErrors(tuple(sorted(document.errors, key=lambda error: error.line or 0)))
    return config


def _loaded(text: str, path: Path, warnings: tuple[str, ...]) -> LoadedConfig:
    from ntp_daemon.config.check import warnings_about  # noqa: PLC0415 — see `parse`

    config = parse(text, file=str(path))
    return LoadedConfig(config, path, warnings + tuple(f"{path}: {warning}" for warning in warnings_about(config)))


def _read(path: Path) -> tuple[str, tuple[str, ...]]:
    """The text of the file, and what is questionable about the file itself. `FileNotFoundError` passes through."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAXIMUM_SIZE + 1)
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except FileNotFoundError:
        raise
    except PermissionError:
        raise _one_error(path, "this file cannot be read: permission denied; make it readable for the user who runs the daemon") from None
    except IsADirectoryError:
        raise _one_error(path, "this is a directory, a file is needed") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have, with a NUL in it
        raise _one_error(path, f"this file cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > _MAXIMUM_SIZE:
        raise _one_error(path, "this file is larger than 1 MiB: not a configuration")
    warnings = (f"{path}: everybody may write this file (mode 0o{mode:03o}), and so set the clock; chmod o-w it",) if mode & stat.S_IWOTH else ()
    return _decode(data, path), warnings


def _decode(data: bytes, path: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigErrors((ConfigError("the file is not UTF-8 text", file=str(path), line=line),)) from None


def _parse_toml(text: str, file: str) -> dict[str, object]:
    import tomli  # noqa: PLC0415 — see `parse`

    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        message = f"this is not TOML: {_sentence(error.msg)} (column {error.colno})"
        raise ConfigErrors((ConfigError(message, file=file or None, line=error.lineno),)) from None
    except (ValueError, RecursionError) as error:
        # A number with thousands of digits, brackets in thousands of brackets: no configuration, only an attempt.
        raise ConfigErrors((ConfigError(f"this is not a configuration: {error}", file=file or None),)) from None


def _sentence(text: str) -> str:
    return text[:1].lower() + text[1:]


def _one_error(path: Path, message: str) -> ConfigErrors:
    return ConfigErrors((ConfigError(message, file=str(path)),))
