from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from ntp_ctl.__main__ import main
from ntp_ctl.commands import COMMANDS
from ntp_ctl.openmetrics import render_metrics
from ntp_ctl.render import render_status
from ntp_ctl.render_server import render_clients, render_server
from ntp_ctl.render_sources import render_sources
from ntp_ctl.settings import CONFIG_VARIABLE
from ntp_ctl.style import Style
from ntp_proto.control import (
    AddSourceRequest,
    BurstRequest,
    ConfigRequest,
    ForceSyncRequest,
    ReloadRequest,
    RemoveSourceRequest,
    Reply,
    Request,
    SetOnlineRequest,
)
from ntp_proto.observation import ClientObservation, Observation, ServerObservation, SourceObservation, SystemObservation, decode, json_schema
from unit.ntp_ctl.documents import STATES, document, falseticker, panic, serving, starting, synchronized
from unit.ntp_ctl.fake_daemon import FakeDaemon, raw, replies, shows

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (CONFIG_VARIABLE, "COLUMNS", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "socket"


@pytest.fixture
def daemon(path: Path) -> Iterator[FakeDaemon]:
    with FakeDaemon(path, shows(falseticker())) as running:
        yield running


@pytest.fixture
def asked(path: Path) -> Iterator[list[Request]]:
    """The requests to a daemon that accepts them all."""
    requests: list[Request] = []
    with FakeDaemon(path, replies(Reply(accepted=True, message="done as asked"), requests)):
        yield requests


def test_without_arguments_there_is_help(capsys: Capture) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: ntp-ctl")
    for command in COMMANDS:
        assert f"\n    {command} " in out


def test_the_version_is_shown(capsys: Capture) -> None:
    assert main(["-V"]) == 0
    assert capsys.readouterr().out.startswith("ntp-ctl ")


@pytest.mark.parametrize(
    "argv",
    [
        ["nonsense"],
        ["status", "--nonsense"],
        ["--color", "pink", "status"],
        ["wait-sync", "--timeout", "1 fortnight"],
        ["config", "--log-filter", "x"],
        ["sources", "nonsense"],
        ["sources", "add"],
        ["sources", "add", "a b"],
        ["sources", "add", "a", "--poll", "6"],
        ["sources", "add", "a", "--poll", "8..6"],
        ["sources", "remove"],
        ["watch", "-i", "1ms"],
        ["watch", "-n", "0"],
        ["completion", "csh"],
        ["plot", "log"],
    ],
)
def test_wrong_usage_is_2(argv: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ntp-ctl")


@pytest.mark.parametrize("argv", [["-o", "PATH", "status"], ["status", "-o", "PATH"], ["-o", "/nowhere", "status", "--observation-socket", "PATH"]])
def test_options_may_stand_on_both_sides_of_the_command(argv: list[str], daemon: FakeDaemon, capsys: Capture) -> None:
    assert main([str(daemon.path) if word == "PATH" else word for word in argv]) == 0
    assert capsys.readouterr().out == render_status(falseticker(), Style())


def test_sources(daemon: FakeDaemon, capsys: Capture) -> None:
    assert main(["sources", "-o", str(daemon.path)]) == 0
    assert capsys.readouterr().out == render_sources(falseticker(), Style())


def test_colour_on_demand(daemon: FakeDaemon, capsys: Capture) -> None:
    assert main(["status", "-o", str(daemon.path), "--color", "always"]) == 0
    assert capsys.readouterr().out == render_status(falseticker(), Style(color=True))


@pytest.mark.parametrize("state", STATES)
def test_status_is_0_when_the_daemon_answers_whatever_it_says(state: str, path: Path) -> None:
    with FakeDaemon(path, shows(STATES[state]())):
        assert main(["status", "-o", str(path)]) == 0


def test_the_whole_document_as_json(daemon: FakeDaemon, capsys: Capture) -> None:
    assert main(["status", "--json", "-o", str(daemon.path)]) == 0
    out = capsys.readouterr().out
    assert decode(out.encode()) == falseticker()
    assert out.startswith('{\n  "version": 1,')


@pytest.mark.parametrize("argv", [["sources", "--json"], ["peers"], ["peers", "--json"]])
def test_the_sources_as_a_json_list(argv: list[str], daemon: FakeDaemon, capsys: Capture) -> None:
    assert main([*argv, "-o", str(daemon.path)]) == 0
    assert msgspec.json.decode(capsys.readouterr().out, type=tuple[SourceObservation, ...]) == falseticker().sources


@pytest.mark.parametrize("argv", [["system"], ["system", "--json"], ["wait-sync", "--json"]])
def test_the_clock_as_a_json_object(argv: list[str], daemon: FakeDaemon, capsys: Capture) -> None:
    assert main([*argv, "-o", str(daemon.path)]) == 0
    assert msgspec.json.decode(capsys.readouterr().out, type=SystemObservation) == falseticker().system


@pytest.mark.parametrize(("command", "render"), [("server", render_server), ("clients", render_clients)])
def test_what_is_served(command: str, render: Callable[[Observation, Style], str], path: Path, capsys: Capture) -> None:
    with FakeDaemon(path, shows(serving())):
        assert main([command, "-o", str(path)]) == 0
        assert capsys.readouterr().out == render(serving(), Style())


def test_what_is_served_as_json(path: Path, capsys: Capture) -> None:
    with FakeDaemon(path, shows(serving())):
        assert main(["server", "--json", "-o", str(path)]) == 0
        assert msgspec.json.decode(capsys.readouterr().out, type=tuple[ServerObservation, ...]) == serving().servers
        assert main(["clients", "--json", "-o", str(path)]) == 0
        assert msgspec.json.decode(capsys.readouterr().out, type=tuple[ClientObservation, ...]) == serving().clients


def test_the_schema_needs_no_daemon(capsys: Capture) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json_schema())


def test_the_metrics(daemon: FakeDaemon, capsys: Capture) -> None:
    assert main(["prometheus", "-o", str(daemon.path)]) == 0
    assert capsys.readouterr().out.encode() == render_metrics(falseticker())[0]


READ_COMMANDS = [["status"], ["sources"], ["server"], ["clients"], ["peers"], ["system"], ["prometheus"], ["status", "--json"]]


@pytest.mark.parametrize("argv", READ_COMMANDS)
def test_without_a_daemon_there_is_one_sentence(argv: list[str], path: Path, capsys: Capture) -> None:
    assert main([*argv, "-o", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"ntp-ctl: the daemon is not running: no socket at {path}; start it with: sudo ntp-daemon\n"


def test_the_socket_comes_from_the_configuration_file(daemon: FakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ntp.toml"
    file.write_text(f'[observability]\nobservation-path = "{daemon.path}"\n')
    assert main(["system", "-c", str(file)]) == 0
    monkeypatch.setenv(CONFIG_VARIABLE, str(file))
    assert main(["system"]) == 0


def test_a_wrong_configuration_file_is_78(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "ntp.toml"
    file.write_text("x = = 1\n")
    assert main(["status", "-c", str(file)]) == 78
    assert capsys.readouterr().err.startswith(f"ntp-ctl: {file}:1: ")


def test_with_the_path_given_the_file_does_not_matter(daemon: FakeDaemon, tmp_path: Path) -> None:
    assert main(["system", "-o", str(daemon.path), "-c", str(tmp_path / "none.toml")]) == 0


def test_a_socket_that_is_switched_off_is_said(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "ntp.toml"
    file.write_text('[observability]\nobservation-path = ""\n')
    assert main(["status", "-c", str(file)]) == 1
    assert "switches this socket off" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_without_permission_is_77(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    os.seteuid(65534)
    try:
        assert main(["status", "-o", str(closed / "socket")]) == 77
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("argv", "request_"),
    [
        (["config", "--log-filter", "debug"], ConfigRequest(log_filter="debug")),
        (["config", "--panic-threshold", "2min"], ConfigRequest(panic_threshold=120.0)),
        (["config", "--log-filter", "warn", "--panic-threshold", "10"], ConfigRequest(log_filter="warn", panic_threshold=10.0)),
        (["reload"], ReloadRequest()),
        (["force-sync", "--yes"], ForceSyncRequest()),
    ],
)
def test_requests(argv: list[str], request_: Request, path: Path, asked: list[Request], capsys: Capture) -> None:
    assert main([*argv, "-s", str(path)]) == 0
    assert asked == [request_]
    assert capsys.readouterr().out == "done as asked\n"


def test_a_refused_request_is_1_and_says_all(path: Path, capsys: Capture) -> None:
    reply = Reply(accepted=False, message="the file is wrong", details=("line 1", "line\x1b[2J 2"))
    with FakeDaemon(path, replies(reply, [])):
        assert main(["reload", "-s", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "the file is wrong\n  line 1\n  line?[2J 2\n"


def test_config_without_a_change_is_wrong_usage(capsys: Capture) -> None:
    assert main(["config"]) == 2
    assert "--log-filter or --panic-threshold" in capsys.readouterr().err


def test_an_infinite_threshold_is_wrong_usage(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        main(["config", "--panic-threshold", "inf"])
    assert "must be finite" in capsys.readouterr().err


@contextlib.contextmanager
def _typed(answer: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A terminal on which somebody has typed `answer`."""
    master, slave = os.openpty()
    os.write(master, answer.encode())
    try:
        with os.fdopen(slave) as terminal:
            monkeypatch.setattr(sys, "stdin", terminal)
            yield
    finally:
        os.close(master)


def _force_sync(answer: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit status of force-sync at a daemon in panic, when the question is answered so."""
    observation = path.with_name("observation")
    with FakeDaemon(observation, shows(panic())), _typed(answer, monkeypatch):
        return main(["force-sync", "-o", str(observation), "-s", str(path)])


@pytest.mark.parametrize("answer", ["y\n", "YES\n", " yes \n"])
def test_force_sync_asks_first(answer: str, path: Path, asked: list[Request], monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert _force_sync(answer, path, monkeypatch) == 0
    assert asked == [ForceSyncRequest()]
    assert capsys.readouterr().err.startswith("The clock is 1 h 30 min behind (offset +1 h 30 min ± 1.0 ms). Correct it now")


@pytest.mark.parametrize("answer", ["n\n", "\n", "yellow\n", "\x04"])
def test_force_sync_does_nothing_without_a_yes(
    answer: str, path: Path, asked: list[Request], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    assert _force_sync(answer, path, monkeypatch) == 1
    assert asked == []
    assert "nothing was done" in capsys.readouterr().err


def test_force_sync_says_when_the_offset_is_not_known(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    with FakeDaemon(path, shows(starting())), _typed("n\n", monkeypatch):
        assert main(["force-sync", "-o", str(path)]) == 1
    assert "not known yet" in capsys.readouterr().err


def test_force_sync_without_a_terminal_does_nothing(path: Path, asked: list[Request], monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        assert main(["force-sync", "-s", str(path)]) == 2
    assert asked == []
    assert "--yes" in capsys.readouterr().err


def test_wait_sync_is_silent_when_the_clock_is_right(daemon: FakeDaemon, capsys: Capture) -> None:
    assert main(["wait-sync", "-o", str(daemon.path), "--max-error", "2ms"]) == 0
    assert capsys.readouterr() == ("", "")


def test_wait_sync_tells_why_it_gave_up(path: Path, capsys: Capture) -> None:
    with FakeDaemon(path, shows(document())):
        assert main(["wait-sync", "-o", str(path), "--max-error", "1ms", "--timeout", "0"]) == 1
    assert capsys.readouterr().err == "ntp-ctl: gave up after 0 s: synchronized, but the maximum error is 1.58 ms\n"


def test_wait_sync_without_a_daemon(path: Path, capsys: Capture) -> None:
    assert main(["wait-sync", "-o", str(path), "--timeout", "0"]) == 1
    assert "the daemon is not running" in capsys.readouterr().err


def test_wait_sync_does_not_wait_for_a_foreign_program(path: Path, capsys: Capture) -> None:
    with FakeDaemon(path, raw(b"SSH-2.0-x\r\n")):
        assert main(["wait-sync", "-o", str(path)]) == 1
    assert "not a socket of ntp-daemon" in capsys.readouterr().err


def test_wait_sync_shows_progress_on_a_terminal_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = os.openpty()
    with FakeDaemon(path, shows(starting())), os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert main(["wait-sync", "-o", str(path), "--timeout", "0"]) == 1
        terminal.flush()
        shown = ""
        while "gave up" not in shown and select.select([master], [], [], 10.0)[0]:  # the terminal hands on in parts what was written
            shown += os.read(master, 4096).decode()
        monkeypatch.undo()
    os.close(master)
    assert "waiting: starting: 0 of 3" in shown
    assert "\x1b[Kntp-ctl: gave up" in shown


def _package(directory: Path, text: str) -> None:
    """A package that stands where the daemon's would, and shows how it was called."""
    (directory / "ntp_daemon").mkdir(parents=True)
    (directory / "ntp_daemon" / "__init__.py").write_text("")
    (directory / "ntp_daemon" / "__main__.py").write_text(text)


@pytest.mark.parametrize(("argv", "passed"), [([], []), (["-c", "/some/file"], ["-c", "/some/file"])])
def test_validate_lets_the_daemon_judge(
    argv: list[str], passed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    _package(tmp_path, "import sys; print('judged', sys.argv[1:]); sys.exit(78)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert main(["validate", *argv]) == 78
    assert capfd.readouterr().out == f"judged {['--check-config', *passed]}\n"


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ('[[source]]\nmode = "pool"\naddress = "ntp.example"\n', 0, "valid"),
        ('[observability]\nobserve-path = "/x"\n', 78, ":2: observability.observe-path"),
    ],
)
def test_validate_with_the_real_daemon(
    text: str, status: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    file = tmp_path / "ntp.toml"
    file.write_text(text)
    assert main(["validate", "-c", str(file)]) == status
    assert words in "".join(capfd.readouterr())


def test_validate_does_not_run_what_lies_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    _package(tmp_path / "here", "print('evil')")
    _package(tmp_path / "installed", "print('good')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"))
    monkeypatch.chdir(tmp_path / "here")
    assert main(["validate"]) == 0
    assert capfd.readouterr().out == "good\n"


def test_validate_reports_a_daemon_killed_by_a_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _package(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert main(["validate"]) == 137


def _command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "ntp_ctl", *argv]


def _environment_with(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **more}


def test_a_reader_that_has_seen_enough_is_no_error(path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with FakeDaemon(path, shows(synchronized())):
        done = subprocess.run(_command("sources", "-o", str(path)), stdout=writer, stderr=subprocess.PIPE, env=_environment_with(), check=False)
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == b""


def test_an_encoding_without_the_letters_gets_ascii_and_json_stays_utf8(path: Path) -> None:
    observation = document(reason="größer")
    ascii_only = _environment_with(PYTHONIOENCODING="ascii")
    with FakeDaemon(path, shows(observation)):
        status = subprocess.run(_command("status", "-o", str(path)), capture_output=True, env=ascii_only, check=True)
        whole = subprocess.run(_command("status", "--json", "-o", str(path)), capture_output=True, env=ascii_only, check=True)
    assert status.stdout.isascii()
    assert decode(whole.stdout) == observation


def test_prometheus_client_is_loaded_only_for_the_metrics(path: Path) -> None:
    code = "import sys; from ntp_ctl.__main__ import main; main(sys.argv[1:]); sys.exit('prometheus_client' in sys.modules)"
    with FakeDaemon(path, shows(synchronized())):
        for argv, loaded in ((["status"], 0), (["prometheus"], 1)):
            command = [sys.executable, "-c", code, *argv, "-o", str(path)]
            assert subprocess.run(command, stdout=subprocess.DEVNULL, env=_environment_with(), check=False).returncode == loaded


@pytest.mark.parametrize(
    ("argv", "request_"),
    [
        (["add", "192.0.2.1"], AddSourceRequest(address="192.0.2.1:123")),
        (["add", "A.Example:1123", "--poll", "4..6"], AddSourceRequest(address="a.example:1123", poll_minimum=4, poll_maximum=6)),
        (["add", "a.example", "--poll=-2..-1"], AddSourceRequest(address="a.example:123", poll_minimum=-2, poll_maximum=-1)),
        (["add", "2001:db8::1", "--pool", "--count", "3"], AddSourceRequest(address="[2001:db8::1]:123", pool=True, count=3)),
        (["remove", "a.example"], RemoveSourceRequest(address="a.example:123")),
        (["online"], SetOnlineRequest(online=True)),
        (["offline", "a.example"], SetOnlineRequest(online=False, address="a.example:123")),
        (["burst"], BurstRequest()),
        (["burst", "a.example"], BurstRequest(address="a.example:123")),
    ],
)
def test_sources_are_changed(argv: list[str], request_: Request, path: Path, asked: list[Request], capsys: Capture) -> None:
    assert main(["-s", str(path), "sources", *argv]) == 0
    assert asked == [request_]
    assert capsys.readouterr().out == "done as asked\n"


def test_the_socket_may_be_named_behind_the_action_too(path: Path, asked: list[Request]) -> None:
    assert main(["sources", "burst", "-s", str(path)]) == 0
    assert asked == [BurstRequest()]


def test_a_count_is_for_a_pool(capsys: Capture) -> None:
    assert main(["-s", "/nowhere", "sources", "add", "a.example", "--count", "2"]) == 2
    assert capsys.readouterr().err == "ntp-ctl: sources add: --count is for a --pool\n"
