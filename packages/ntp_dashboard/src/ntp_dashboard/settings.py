"""What the dashboard needs to know: where the daemon's sockets are, where to listen, and whom to let in.

The table `[api]` of the daemon's configuration file, with options before it. A mistake here could open the API to strangers, so unlike the
other tools the dashboard refuses to start on one: unknown keys, a file that is there and cannot be read, a token that no header can carry.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import tomli

from ntp_ctl.settings import CONFIG_VARIABLE, DEFAULT_CONFIG, load_settings
from ntp_dashboard.arguments import Arguments
from ntp_proto.errors import ConfigError

__all__ = ["TOKEN_VARIABLE", "ApiTable", "Settings", "is_loopback", "load"]

TOKEN_VARIABLE = "NTP_API_TOKEN"  # noqa: S105 -- the name of a variable
_MAXIMUM_BYTES = 1 << 20
_SHORT_TOKEN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTable:
    """The table `[api]`, as it stands in the file. The keys and their meanings are those of `ntp_daemon.config.api`."""

    listen: str = "127.0.0.1:8080"
    auth_token: str = field(default="", repr=False)
    auth_token_file: str = ""
    allow_unauthenticated: bool = False
    expose_config: bool = False
    metrics_auth: bool = False
    host_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How this run of the dashboard is set up.

    Attributes:
        observation_socket: Where the daemon shows its state.
        configuration_socket: Where it takes commands; None: it takes none.
        listen: HOST:PORT.
        token: What a client must send; "": nothing.
        expose_config: Whether /v1/config is answered.
        metrics_auth: Whether /metrics takes the token too.
        host_names: By which names, besides addresses and localhost, we may be called.
        warnings: What is allowed but hardly meant, one sentence each.
    """

    observation_socket: Path
    configuration_socket: Path | None
    listen: str
    token: str = field(default="", repr=False)
    expose_config: bool = False
    metrics_auth: bool = False
    host_names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def load(arguments: Arguments, environ: Mapping[str, str], *, default: Path = DEFAULT_CONFIG) -> Settings:
    """The settings of options, file and environment.

    Raises:
        ConfigError: something is wrong, or would let strangers in.
    """
    tools = load_settings(arguments.config, environ, default=default)
    file = arguments.config or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else default)
    table = _read_table(file, must_exist=file != default)
    observation = arguments.observation_socket or tools.observation_socket
    if observation is None:
        raise ConfigError(
            "the configuration file switches the observation socket off, from which everything comes", key="observability.observation-path"
        )
    token, warnings = _token(table, environ, file)
    listen = arguments.listen or table.listen
    host = listen.rpartition(":")[0].strip("[]")
    if not token and not is_loopback(host):
        if not table.allow_unauthenticated:
            raise ConfigError(
                f"listening on {listen} without a token would show this daemon to everybody who can reach it; set api.auth-token-file,"
                " listen on 127.0.0.1, or set api.allow-unauthenticated = true",
                file=str(file) if file.exists() else None,
                key="api.listen",
            )
        warnings += (f"everybody who can reach {listen} may read this daemon's state: there is no token",)
    return Settings(
        observation_socket=observation,
        configuration_socket=arguments.configuration_socket or tools.configuration_socket,
        listen=listen,
        token=token,
        expose_config=table.expose_config,
        metrics_auth=table.metrics_auth,
        host_names=table.host_names,
        warnings=warnings,
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it. A name other than localhost may mean anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _read_table(file: Path, *, must_exist: bool) -> ApiTable:
    try:
        with file.open("rb") as stream:
            document: dict[str, object] = tomli.loads(stream.read(_MAXIMUM_BYTES).decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if must_exist:
            raise ConfigError("there is no such file", file=str(file)) from None
        return ApiTable()
    except OSError as error:
        raise ConfigError(f"cannot read it: {(error.strerror or str(error)).lower()}", file=str(file)) from None
    except UnicodeDecodeError:
        raise ConfigError("not a text in UTF-8", file=str(file)) from None
    except tomli.TOMLDecodeError as error:
        raise ConfigError(error.msg, file=str(file), line=error.lineno) from None
    table = document.get("api", {})
    if not isinstance(table, dict):
        raise ConfigError("must be a table", file=str(file), key="api")
    return _checked(table, file)


def _checked(table: Mapping[str, object], file: Path) -> ApiTable:
    """The values of the table; what is wrong is told without the value, which may be the token."""
    types = {item.name.replace("_", "-"): type(item.default) for item in fields(ApiTable)}
    values: dict[str, object] = {}
    for key, value in table.items():
        kind = types.get(key)
        if kind is None:
            close = difflib.get_close_matches(key, types, n=1)
            raise ConfigError(f"unknown key{f'; did you mean {close[0]}?' if close else ''}", file=str(file), key=f"api.{key}")
        if kind is tuple:
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise ConfigError('must be a list of names, like ["ntp.example.com"]', file=str(file), key=f"api.{key}")
            values[key.replace("-", "_")] = tuple(str(item).lower() for item in value)
            continue
        if not isinstance(value, kind):
            raise ConfigError(f"must be {'true or false' if kind is bool else 'a text'}", file=str(file), key=f"api.{key}")
        values[key.replace("-", "_")] = value
    return ApiTable(**values)  # type: ignore[arg-type]  # each was checked to be of the type of its field


def _token(table: ApiTable, environ: Mapping[str, str], file: Path) -> tuple[str, tuple[str, ...]]:
    """The token, of the environment before the file, and what is questionable about it."""
    warnings: tuple[str, ...] = ()
    if environ.get(TOKEN_VARIABLE):
        token, origin = environ[TOKEN_VARIABLE], TOKEN_VARIABLE
    elif table.auth_token and table.auth_token_file:
        raise ConfigError("give the token or the file with it, not both", file=str(file), key="api.auth-token-file")
    elif table.auth_token_file:
        token, warnings = _read_token(Path(table.auth_token_file))
        origin = "api.auth-token-file"
        if not token:
            raise ConfigError(f"{table.auth_token_file} is empty; a token is expected in its first line", file=str(file), key=origin)
    else:
        token, origin = table.auth_token, "api.auth-token"
    # RFC 6750 §2.1, b64token, and a little wider: whatever a header can carry without quoting
    if not all(0x21 <= ord(character) <= 0x7E for character in token):
        raise ConfigError("a token has printable ASCII characters only, and no spaces", key=origin)
    if token and len(token) < _SHORT_TOKEN:
        warnings += (f"the token of {origin} has fewer than {_SHORT_TOKEN} characters and could be guessed; make one with: openssl rand -hex 32",)
    return token, warnings


def _read_token(file: Path) -> tuple[str, tuple[str, ...]]:
    try:
        with file.open("r", encoding="ascii", errors="surrogateescape") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            text = stream.readline(4096).strip()
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {(error.strerror or str(error)).lower()}", key="api.auth-token-file") from None
    warnings = (f"everybody may read the token in {file} (mode 0o{mode:03o}); chmod o-r it",) if mode & stat.S_IROTH else ()
    return text, warnings
