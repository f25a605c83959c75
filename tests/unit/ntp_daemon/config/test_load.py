import contextlib
import ipaddress
import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ntp_daemon.config.keys import server_address
from ntp_daemon.config.load import ConfigErrors, load, load_or_default, parse
from ntp_daemon.config.model import LogFormat, LogLevel, PoolSource, ServerSource, SourcePollLimits, default_config
from ntp_proto.algorithm.config import StepThreshold
from ntp_proto.observation import ClockMode
from ntp_proto.server_address import ServerAddress

EVERYTHING = """
[[source]]
mode = "server"
address = "[2001:db8::1]:1123"
initial-poll-interval = 5

[[source]]
mode = "pool"
address = "pool.example"
count = 2
ignore = ["192.0.2.1", "2001:db8::2"]
poll-interval-limits = { max = 9 }

[source-defaults]
poll-interval-limits = { min = 4, max = 8 }
initial-poll-interval = 6

[synchronization]
minimum-agreeing-sources = 2
single-step-panic-threshold = 10
startup-step-panic-threshold = { backward = 5.5 }
accumulated-step-panic-threshold = 60
drift-file = ""

[synchronization.algorithm]
step-threshold = 1
step-updates = 0

[observability]
log-level = "debug"
log-format = "json"
observation-path = "/run/a"
observation-permissions = 0o600
configuration-path = ""
metrics-exporter-listen = "[::1]:80"

[clock]
mode = "virtual"
"""


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Root may read every file, so the tests that root runs give that up for a moment."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def messages(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        parse(text, file="ntp.toml")
    return [str(error) for error in caught.value.errors]


def test_an_empty_file_is_the_default_configuration() -> None:
    assert parse("") == default_config()
    assert default_config().sources == ()


def test_a_file_with_everything() -> None:
    config = parse(EVERYTHING)
    assert config.sources == (
        ServerSource(address=ServerAddress("2001:db8::1", 1123), initial_poll_interval=5),
        PoolSource(
            address=ServerAddress("pool.example", 123),
            count=2,
            ignore=(ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("2001:db8::2")),
            poll_interval_limits=SourcePollLimits(max=9),
        ),
    )
    assert config.synchronization.minimum_agreeing_sources == 2
    assert config.synchronization.single_step_panic_threshold == StepThreshold(10.0, 10.0)
    assert config.synchronization.startup_step_panic_threshold == StepThreshold(math.inf, 5.5)
    assert config.synchronization.accumulated_step_panic_threshold == 60.0
    assert config.synchronization.drift_file == ""
    assert config.synchronization.algorithm.step_threshold == 1.0
    assert config.synchronization.algorithm.step_updates == 0
    assert config.observability.log_level is LogLevel.DEBUG
    assert config.observability.log_format is LogFormat.JSON
    assert config.observability.observation_path == "/run/a"
    assert config.observability.observation_permissions == 0o600
    assert config.observability.configuration_path == ""
    assert config.observability.metrics_exporter_listen == "[::1]:80"
    assert config.clock.mode is ClockMode.VIRTUAL


SOURCE = '[[source]]\nmode = "server"\naddress = "a.example"\n'
POOL = '[[source]]\nmode = "pool"\naddress = "a.example"\n'
SYNCHRONIZATION = "[synchronization]\n"
ALGORITHM = "[synchronization.algorithm]\n"
OBSERVABILITY = "[observability]\n"

WRONG = [
    # what is written, line, key, what the message says
    ("a = ", 1, None, "this is not TOML: invalid value (column 5)"),
    ("[clock]\nmode = 'steer'\n[clock]\n", 3, None, "this is not TOML: cannot declare"),
    ("sources = []", 1, "sources", "unknown key; did you mean source?"),
    ("zzz = 1", 1, "zzz", "unknown key; there are api, clock, observability, server, source, source-defaults, synchronization"),
    ("\nlog-level = 'info'", 2, "log-level", "does not belong here but in [observability]"),
    ("[observability]\nmode = 'steer'", 2, "observability.mode", "does not belong here but in [clock]"),
    (SYNCHRONIZATION + "step_threshold = 1", 2, "synchronization.step_threshold", "unknown key; did you mean"),
    (SYNCHRONIZATION + "step-threshold = 1", 2, "synchronization.step-threshold", "does not belong here but in [synchronization.algorithm]"),
    (SYNCHRONIZATION + "drift_file = '/x'", 2, "synchronization.drift_file", "unknown key; did you mean drift-file?"),
    ("clock = 1", 1, "clock", "must be a table, got 1"),
    ("[[observability]]\n", 1, "observability", "must be a table, got a list"),
    ("[source]\nmode = 'pool'", 1, "source", "sources are written as [[source]]"),
    ("source = ['a.example']", 1, "source", 'must be a table, got "a.example"'),
    ("[[source]]\naddress = 'a'", 1, "source.mode", 'is missing; it is "server" or "pool"'),
    ("[[source]]\nmode = 'peer'\naddress = 'a'", 2, "source.mode", 'must be "server" or "pool", got "peer"'),
    ("[[source]]\nmode = ['pool']\naddress = 'a'", 2, "source.mode", 'must be "server" or "pool", got a list'),
    ("[[source]]\nmode = 'pool'", 1, "source.address", "is missing; it is the address of a server"),
    ("[[source]]\nmode = 'pool'\naddress = 5", 3, "source.address", "must be the address of a server"),
    ("[[source]]\nmode = 'pool'\naddress = 'a:99999'", 3, "source.address", "'99999' is not a port"),
    (SOURCE + "count = 3", 4, "source.count", 'is only for sources with mode = "pool"'),
    (SOURCE + "adress = 'b'", 4, "source.adress", "unknown key; did you mean address?"),
    (SOURCE + "poll-interval-limits = 5", 4, "source.poll-interval-limits", "must be a table, got 5"),
    (SOURCE + "poll-interval-limits = { min = 18 }", 4, "source.poll-interval-limits.min", "must be a whole number from -6 to 17, got 18"),
    (SOURCE + "poll-interval-limits.min = 6.0", 4, "source.poll-interval-limits.min", "must be a whole number from -6 to 17, got 6.0"),
    (SOURCE + "poll-interval-limits = { min = 9, max = 8 }", 4, "source.poll-interval-limits", "min (9) must not be above max (8)"),
    (SOURCE + "poll-interval-limits = { min = 11 }", 4, "source.poll-interval-limits", "min (11) must not be above max (10)"),
    (SOURCE + "initial-poll-interval = 5", 4, "source.initial-poll-interval", "must lie within poll-interval-limits, from 6 to 10, got 5"),
    (POOL + "count = 0", 4, "source.count", "must be a whole number from 1 to 16, got 0"),
    (POOL + "count = 17", 4, "source.count", "must be a whole number from 1 to 16, got 17"),
    (POOL + "count = true", 4, "source.count", "must be a whole number from 1 to 16, got true"),
    (
        POOL + "ignore = '1.2.3.4'",
        4,
        "source.ignore",
        'must be a list of IP addresses without ports, like ["192.0.2.1", "2001:db8::1"], got "1.2.3.4"',
    ),
    (POOL + "ignore = ['1.2.3.4:5']", 4, "source.ignore", '"1.2.3.4:5" is not one'),
    (POOL + "ignore = [5]", 4, "source.ignore", "5 is not one"),
    (SOURCE + POOL, 6, "source.address", '"a.example:123" is listed twice'),
    ("[source-defaults]\npoll-interval-limits.max = 5", 2, "source-defaults.poll-interval-limits", "min (6) must not be above max (5)"),
    ("[source-defaults]\ninitial-poll-interval = 11", 2, "source-defaults.initial-poll-interval", "from 6 to 10, got 11"),
    (SYNCHRONIZATION + "minimum-agreeing-sources = 0", 2, "synchronization.minimum-agreeing-sources", "must be a whole number from 1 to 1000, got 0"),
    (
        SYNCHRONIZATION + "single-step-panic-threshold = -1",
        2,
        "synchronization.single-step-panic-threshold",
        "must be a number of seconds of 0 or more",
    ),
    (SYNCHRONIZATION + "single-step-panic-threshold = nan", 2, "synchronization.single-step-panic-threshold", "got nan"),
    (SYNCHRONIZATION + "single-step-panic-threshold = 'none'", 2, "synchronization.single-step-panic-threshold", 'got "none"'),
    (SYNCHRONIZATION + "startup-step-panic-threshold = { forward = true }", 2, "synchronization.startup-step-panic-threshold", "got a table"),
    (SYNCHRONIZATION + "startup-step-panic-threshold = { up = 1 }", 2, "synchronization.startup-step-panic-threshold", 'has no key "up"'),
    (
        SYNCHRONIZATION + "accumulated-step-panic-threshold = inf",
        2,
        "synchronization.accumulated-step-panic-threshold",
        "must be a number of 0 or more",
    ),
    (SYNCHRONIZATION + "drift-file = 'drift'", 2, "synchronization.drift-file", 'must be an absolute path, or "" for none, got "drift"'),
    (SYNCHRONIZATION + 'drift-file = "/a\\u0000b"', 2, "synchronization.drift-file", 'got "/a\\U00000000b"'),
    (ALGORITHM + "step-threshold = 1" + "0" * 400, 2, "synchronization.algorithm.step-threshold", "must be a number of 0 or more"),
    (
        ALGORITHM + "slew-maximum-frequency-offset = 0",
        2,
        "synchronization.algorithm.slew-maximum-frequency-offset",
        "must be a number above 0 and at most 0.1",
    ),
    (ALGORITHM + "maximum-frequency-steer = 0.2", 2, "synchronization.algorithm.maximum-frequency-steer", "must be a number above 0 and at most 0.1"),
    (ALGORITHM + "step-updates = -1", 2, "synchronization.algorithm.step-updates", "must be a whole number from 0 to 1000000, got -1"),
    (OBSERVABILITY + "log-level = 'warning'", 2, "observability.log-level", 'must be "trace", "debug", "info", "warn" or "error", got "warning"'),
    (OBSERVABILITY + "log-level = 3", 2, "observability.log-level", "got 3"),
    (OBSERVABILITY + "observation-path = 'run/x'", 2, "observability.observation-path", "must be an absolute path"),
    (OBSERVABILITY + f"observation-path = '/{'x' * 107}'", 2, "observability.observation-path", "is too long for a socket: 108 bytes"),
    (OBSERVABILITY + "observation-permissions = 666", 2, "observability.observation-permissions", "got 666; did you mean 0o666?"),
    (OBSERVABILITY + "observation-permissions = 0o1777", 2, "observability.observation-permissions", "must be octal permissions from 0o000 to 0o777"),
    (OBSERVABILITY + "observation-permissions = '0o666'", 2, "observability.observation-permissions", "must be octal permissions"),
    (OBSERVABILITY + "configuration-path = '/run/ntpd-py/observe'", 2, "observability.configuration-path", "those are two sockets"),
    (OBSERVABILITY + "metrics-exporter-listen = '127.0.0.1'", 2, "observability.metrics-exporter-listen", "must be a numeric address with a port"),
    (OBSERVABILITY + "metrics-exporter-listen = 'localhost:80'", 2, "observability.metrics-exporter-listen", "must be a numeric address with a port"),
    (OBSERVABILITY + "metrics-exporter-listen = '127.0.0.1:x'", 2, "observability.metrics-exporter-listen", "'x' is not a port"),
    ("[clock]\nmode = 'system'", 2, "clock.mode", 'must be "steer", "virtual", "mirror" or "local", got "system"'),
]


@pytest.mark.parametrize(("text", "line", "key", "says"), WRONG)
def test_what_is_wrong_is_one_sentence_with_file_line_and_key(text: str, line: int, key: str | None, says: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse(text, file="ntp.toml")
    (error,) = caught.value.errors
    assert (error.file, error.line, error.key) == ("ntp.toml", line, key)
    assert says in error.message
    assert error.message.isprintable()


def test_everything_that_is_wrong_is_said_at_once_in_the_order_of_the_lines() -> None:
    text = """\
log-level = "info"
[[source]]
mode = "server"
adress = "a.example"
[[source]]
mode = "server"
address = "b.example"
initial-poll-interval = 3
[clock]
mode = 1
[source-defaults]
initial-poll-interval = 6
[synchronization]
drift-file = 5
"""
    assert messages(text) == [
        "ntp.toml:1: log-level: does not belong here but in [observability]",
        f"ntp.toml:2: source.address: is missing; it is {server_address().expected}",
        "ntp.toml:4: source.adress: unknown key; did you mean address?",
        "ntp.toml:8: source.initial-poll-interval: must lie within poll-interval-limits, from 6 to 10, got 3",
        'ntp.toml:10: clock.mode: must be "steer", "virtual", "mirror" or "local", got 1',
        'ntp.toml:14: synchronization.drift-file: must be an absolute path, or "" for none, got 5',
    ]


def test_the_line_of_a_source_after_a_wrong_one_is_its_own() -> None:
    assert messages('[[source]]\nmode = "x"\n' + SOURCE + "initial-poll-interval = 3\n") == [
        'ntp.toml:2: source.mode: must be "server" or "pool", got "x"',
        "ntp.toml:6: source.initial-poll-interval: must lie within poll-interval-limits, from 6 to 10, got 3",
    ]


def test_wrong_defaults_are_not_repeated_for_each_source() -> None:
    assert messages("[source-defaults]\npoll-interval-limits = { min = 9, max = 8 }\n" + SOURCE) == [
        "ntp.toml:2: source-defaults.poll-interval-limits: min (9) must not be above max (8)"
    ]


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = {" * 2000])
def test_an_attempt_to_exhaust_the_parser_is_an_error(text: str) -> None:
    with pytest.raises(ConfigErrors):
        parse(text)


def test_zero_lifts_the_limit_of_accumulated_steps() -> None:
    assert parse("[synchronization]\naccumulated-step-panic-threshold = 0").synchronization.discipline().accumulated_step_panic_threshold_s is None


class TestFiles:
    def test_a_file_is_read_and_named(self, tmp_path: Path) -> None:
        file = tmp_path / "ntp.toml"
        file.write_text('[clock]\nmode = "virtual"\n')
        loaded = load(file)
        assert loaded.config.clock.mode is ClockMode.VIRTUAL
        assert (loaded.path, loaded.warnings) == (file, ())

    def test_an_error_names_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "ntp.toml"
        file.write_text("\nx = 1")
        with pytest.raises(ConfigErrors, match=f"^{file}:2: x: unknown key"):
            load(file)

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigErrors, match=r"/none.toml: there is no such file; `ntp-daemon --write-default-config FILE` makes one$"):
            load(tmp_path / "none.toml")

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigErrors, match=r": this is a directory, a file is needed$"):
            load(tmp_path)

    def test_a_file_without_permission(self, tmp_path: Path) -> None:
        file = tmp_path / "ntp.toml"
        file.touch(mode=0o000)
        with unprivileged(), pytest.raises(ConfigErrors, match="permission denied; make it readable"):
            load(file)

    def test_a_file_in_the_way_of_a_directory(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ConfigErrors, match=r"cannot be read: [Nn]ot a directory"):
            load(tmp_path / "file" / "ntp.toml")

    def test_a_file_that_is_not_text(self, tmp_path: Path) -> None:
        file = tmp_path / "ntp.toml"
        file.write_bytes(b"# fine\n\xff\n")
        with pytest.raises(ConfigErrors, match=":2: the file is not UTF-8 text"):
            load(file)

    def test_a_file_without_end(self) -> None:
        with pytest.raises(ConfigErrors, match="larger than 1 MiB"):
            load(Path("/dev/zero"))

    def test_a_file_that_everybody_may_write_is_a_warning(self, tmp_path: Path) -> None:
        file = tmp_path / "ntp.toml"
        file.touch()
        file.chmod(0o666)
        assert load(file).warnings == (f"{file}: everybody may write this file (mode 0o666), and so set the clock; chmod o-w it",)

    def test_a_quorum_that_cannot_be_had_is_a_warning(self, tmp_path: Path) -> None:
        file = tmp_path / "ntp.toml"
        file.write_text(POOL + "count = 2\n[synchronization]\nminimum-agreeing-sources = 3\n")
        (warning,) = load(file).warnings
        assert "minimum-agreeing-sources is 3, but there are only 2 sources" in warning

    def test_a_quorum_that_can_be_had_is_no_warning(self, tmp_path: Path) -> None:
        file = tmp_path / "ntp.toml"
        file.write_text(POOL + "count = 3\n[synchronization]\nminimum-agreeing-sources = 3\n")
        assert load(file).warnings == ()


class TestSearch:
    @pytest.fixture
    def files(self, tmp_path: Path) -> dict[str, Path]:
        files = {name: tmp_path / f"{name}.toml" for name in ("flag", "environment", "etc")}
        for name, file in files.items():
            file.write_text(f'[synchronization]\ndrift-file = "/{name}"\n')
        return files

    def test_the_flag_comes_first(self, files: dict[str, Path]) -> None:
        loaded = load_or_default(files["flag"], {"NTP_DAEMON_CONFIG": str(files["environment"])}, default_path=files["etc"])
        assert loaded.path == files["flag"]
        assert loaded.config.synchronization.drift_file == "/flag"

    def test_then_the_environment(self, files: dict[str, Path]) -> None:
        assert load_or_default(None, {"NTP_DAEMON_CONFIG": str(files["environment"])}, default_path=files["etc"]).path == files["environment"]

    def test_then_etc(self, files: dict[str, Path]) -> None:
        loaded = load_or_default(None, {"NTP_DAEMON_CONFIG": ""}, default_path=files["etc"])
        assert loaded.path == files["etc"]
        assert loaded.config.synchronization.drift_file == "/etc"

    def test_then_the_defaults_and_never_the_working_directory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "ntp.toml").write_text('[clock]\nmode = "virtual"\n')
        monkeypatch.chdir(tmp_path)
        loaded = load_or_default(None, {}, default_path=tmp_path / "none" / "ntp.toml")
        assert (loaded.config, loaded.path, loaded.warnings) == (default_config(), None, ())

    @pytest.mark.parametrize("by", ["flag", "environment"])
    def test_a_file_that_was_asked_for_must_be_there(self, tmp_path: Path, by: str) -> None:
        missing = tmp_path / "none.toml"
        flag, environment = (missing, {}) if by == "flag" else (None, {"NTP_DAEMON_CONFIG": str(missing)})
        with pytest.raises(ConfigErrors, match="there is no such file"):
            load_or_default(flag, environment, default_path=tmp_path / "none")

    def test_a_default_file_that_cannot_be_read_is_not_passed_over(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigErrors, match="is a directory"):
            load_or_default(None, {}, default_path=tmp_path)

    def test_nor_one_without_permission(self, files: dict[str, Path]) -> None:
        files["etc"].chmod(0o000)
        with unprivileged(), pytest.raises(ConfigErrors, match="permission denied"):
            load_or_default(None, {}, default_path=files["etc"])
