"""Whatever is wrong on the way in ends in one clear sentence, with file and line where there is one, and in the exit status that it deserves.

Nothing here needs a network: names end in `.invalid`, addresses are on the loopback interface or in nobody's network.
"""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from ntp_proto.observation import SourceStatus, SyncState
from support.clients import observe, source, start_daemon, start_daemon_with_names, write_config
from support.programs import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, Program, python, run, wait_until, without

_USAGE, _FAILED, _PERMISSION, _CONFIGURATION = 2, 1, 77, 78


def _only_sentence(program: Program, status: int) -> str:
    assert program.process.returncode == status, program.stderr
    assert program.stdout == ""
    assert program.stderr.count("\n") == 1, program.stderr
    return program.stderr.rstrip("\n")


def _write(folder: Path, text: str) -> Path:
    path = folder / "ntp.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ('[clock]\nmode = "virtual"\nmood = "good"\n', 3, r'clock\.mood: .*"?mode"?'),
        ("[synchronisation]\n", 1, r"synchronisation: .*synchronization"),
        ('[synchronization]\nminimum-agreeing-sources = "three"\n', 2, r'synchronization\.minimum-agreeing-sources: .*"three"'),
        ('[[source]]\nmode = "server"\naddress = "192.0.2.256"\n', 3, r"source.*address: '192\.0\.2\.256' is not an IPv4 address"),
        ('[[source]]\nmode = "server"\naddress = "ntp.example:0"\n', 3, r"source.*address: '0' is not a port"),
        ('[[source]]\nmode = "server"\n', 1, r"source.*address"),
        ("[clock\n", 1, r"this is not TOML: "),
    ],
    ids=["unknown-key", "unknown-table", "wrong-type", "bad-address", "bad-port", "missing-key", "not-toml"],
)
def test_a_wrong_file_is_refused_with_the_place_of_the_fault(tmp_path: Path, text: str, line: int, sentence: str) -> None:
    path = _write(tmp_path, text)
    said = _only_sentence(run(python("ntp_daemon", "-c", path)), _CONFIGURATION)
    assert re.match(rf"ntp-daemon: {re.escape(str(path))}:{line}: {sentence}", said), said


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = _write(tmp_path, '[[source]]\nmode = "server"\naddress = "a..b"\n[clock]\nmode = "wrong"\n')
    program = run(python("ntp_daemon", "-c", path))
    assert program.process.returncode == _CONFIGURATION
    assert re.findall(r"ntp\.toml:(\d+): ", program.stderr) == ["3", "5"]
    assert program.stderr.count("\n") == 2
    check = run(python("ntp_daemon", "-c", path, "--check-config"))
    assert (check.process.returncode, check.stderr) == (_CONFIGURATION, program.stderr), "a check says the same"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    said = _only_sentence(run(python("ntp_daemon", "-c", tmp_path / "absent.toml")), _CONFIGURATION)
    assert said == f"ntp-daemon: {tmp_path / 'absent.toml'}: there is no such file; `ntp-daemon --write-default-config FILE` makes one"


def test_a_file_named_by_the_environment_that_is_not_there(tmp_path: Path) -> None:
    program = run(python("ntp_daemon"), {"NTP_DAEMON_CONFIG": str(tmp_path / "absent.toml")})
    assert "absent.toml: there is no such file" in _only_sentence(program, _CONFIGURATION)


def test_a_file_that_is_a_directory(tmp_path: Path) -> None:
    said = _only_sentence(run(python("ntp_daemon", "-c", tmp_path)), _CONFIGURATION)
    assert said == f"ntp-daemon: {tmp_path}: this is a directory, a file is needed"


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = write_config(tmp_path, source("192.0.2.1"))
    path.chmod(0)
    said = _only_sentence(run(_without_file_privileges(python("ntp_daemon", "-c", path))), _CONFIGURATION)
    assert said == f"ntp-daemon: {path}: this file cannot be read: permission denied; make it readable for the user who runs the daemon"


@pytest.mark.parametrize(
    ("peer", "sentence"),
    [
        ("192.0.2.1.5", "'192.0.2.1.5' is not an IPv4 address"),
        ("[2001:db8::1", "'[2001:db8::1' is not an address"),
        ("host:port", "'port' is not a port"),
        ("-x-.example", "'-x-.example' is not a host name"),
        ("", "the host is empty"),
    ],
)
def test_a_bad_address_on_the_command_line(peer: str, sentence: str) -> None:
    said = _only_sentence(run(python("ntp_daemon", f"-p={peer}", "--clock", "virtual")), _CONFIGURATION)
    assert said.startswith(f"ntp-daemon: -p: {sentence}")


@pytest.mark.parametrize(
    "arguments",
    [["--clocks"], ["-p"], ["--demo", "--check-config"], ["host.example"]],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str]) -> None:
    program = run(python("ntp_daemon", *arguments))
    assert program.process.returncode == _USAGE
    usage, *_, last = program.stderr.splitlines()
    assert usage.startswith("usage: ntp-daemon")
    assert last.startswith("ntp-daemon: error: ")


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["-l", "loud"], {}, "argument -l/--log-level: 'loud' is not trace, debug, info, warn or error"),
        (["--log-format", "xml"], {}, "argument --log-format: 'xml' is not text or json"),
        (["--clock", "steep"], {}, "argument --clock: 'steep' is not steer, virtual, mirror or local"),
        ([], {"NTP_LOG": "loud"}, "environment variable NTP_LOG: 'loud' is not trace, debug, info, warn or error"),
        ([], {"NTP_LOG_FORMAT": "xml"}, "environment variable NTP_LOG_FORMAT: 'xml' is not text or json"),
    ],
    ids=["-l", "--log-format", "--clock", "NTP_LOG", "NTP_LOG_FORMAT"],
)
def test_a_wrong_word_is_answered_with_the_right_ones(arguments: list[str], environment: dict[str, str], sentence: str) -> None:
    program = run(python("ntp_daemon", "-p", "192.0.2.1", *arguments), environment)
    assert program.process.returncode == _USAGE
    assert program.stderr.splitlines()[-1] == f"ntp-daemon: error: {sentence}"


def test_no_sources(tmp_path: Path) -> None:
    path = write_config(tmp_path, "")
    said = _only_sentence(run(python("ntp_daemon", "-c", path)), _CONFIGURATION)
    assert said == f"ntp-daemon: no time sources: give -p HOST (try -p pool.ntp.org), or a [[source]] in {path}"


def test_a_file_without_sources_is_valid_but_doubtful(tmp_path: Path) -> None:
    path = write_config(tmp_path, "")
    program = run(python("ntp_daemon", "-c", path, "--check-config"))
    assert program.process.returncode == 0
    assert program.stderr.splitlines() == [
        f"ntp-daemon: warning: no time sources: the daemon will need -p HOST, or a [[source]] in {path}",
        f"{path} is valid",
    ]
    program = run(python("ntp_daemon", "-c", path, "--check-config", "-p", "192.0.2.1"))
    assert program.stderr == f"{path} is valid\n"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["-c", "/nonexistent"], _CONFIGURATION), (["--clock", "steep"], _USAGE), (["--write-default-config", "/"], _FAILED)],
    ids=["configuration", "usage", "failure"],
)
def test_complaints_without_a_standard_error_go_nowhere(arguments: list[str], status: int) -> None:
    program = run(["sh", "-c", 'exec "$@" 2>&-', "sh", *python("ntp_daemon", *arguments)])
    assert program.process.returncode == status
    assert program.stdout == ""


def test_a_default_file_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "ntp.toml"
    assert run(python("ntp_daemon", "--write-default-config", path)).process.returncode == 0
    said = _only_sentence(run(python("ntp_daemon", "--write-default-config", path)), _FAILED)
    assert said == f"ntp-daemon: cannot write {path}: file exists"


def test_a_socket_path_that_is_something_else(tmp_path: Path) -> None:
    write_config(tmp_path, source("127.0.0.1:9"))
    (tmp_path / "observe").write_text("precious")
    with start_daemon(tmp_path) as daemon:
        daemon.wait_for(rf"warn  cannot listen on {re.escape(str(tmp_path))}/observe: it exists and is not a socket; remove it")
        daemon.wait_for("configuration: ")
        assert daemon.stop() == 0
    assert (tmp_path / "observe").read_text() == "precious"


def test_no_permission_for_the_socket(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    path = write_config(tmp_path, source("127.0.0.1:9"))
    closed.chmod(0o555)
    with Program(_without_file_privileges(python("ntp_daemon", "-c", path, "--observation-socket", closed / "observe"))) as daemon:
        daemon.wait_for(rf"warn  cannot listen on {re.escape(str(closed))}/observe: permission denied; make {re.escape(str(closed))} writable")
        assert daemon.stop() == 0


def test_a_port_where_nobody_listens_is_asked_on_and_shown(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    write_config(tmp_path, source(address, poll=-2))
    with start_daemon(tmp_path) as daemon:
        wait_until(lambda: observe(tmp_path).sources[0].status is SourceStatus.UNREACHABLE, "the status says that it does not answer")
        observation = observe(tmp_path)
        assert daemon.stop() == 0
    assert observation.sources[0].reason == "it does not answer"
    assert observation.sources[0].requests >= 3
    assert observation.system.state is SyncState.STARTING
    assert daemon.stderr.count("does not answer") == 1, "once, not for each request"


def test_a_name_that_does_not_resolve_is_tried_again_and_shown(tmp_path: Path) -> None:
    write_config(tmp_path, '[[source]]\nmode = "server"\naddress = "does-not-exist.invalid"\n')
    with start_daemon_with_names(tmp_path, {}) as daemon:
        daemon.wait_for(r"warn  cannot resolve does-not-exist\.invalid: there is no such name; check how it is written; trying again$")
        (pending,) = observe(tmp_path).sources
        assert daemon.stop() == 0
    assert pending.name == "does-not-exist.invalid:123"
    assert pending.reason == "cannot resolve does-not-exist.invalid: there is no such name; check how it is written"
    assert pending.address == ""


def test_a_name_that_the_real_resolver_cannot_resolve_stops_nothing(tmp_path: Path) -> None:
    """What the machine's resolver says of it depends on its network; that the daemon lives on does not."""
    write_config(tmp_path, '[[source]]\nmode = "pool"\naddress = "does-not-exist.invalid"\n')
    with start_daemon(tmp_path) as daemon:
        assert observe(tmp_path).system.state is SyncState.STARTING
        assert daemon.stop() == 0, "though the look-up may not have ended"


def _without_file_privileges(command: list[str]) -> list[str]:
    """Root may otherwise do what the modes of files forbid."""
    return without(command, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)
