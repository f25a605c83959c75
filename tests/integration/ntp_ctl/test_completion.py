"""The scripts of `ntp-ctl completion` in the shells that they are for: what a real shell offers after a real line."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from ntp_ctl.completion.outline import walk
from ntp_ctl.completion.programs import PROGRAMS, load
from support.programs import DEADLINE_S, environment, python, run

Offers = Callable[[str], set[str]]
"""From a line to the words that are offered for its last one."""


@cache
def made(shell: str, *arguments: str) -> str:
    done = run(python("ntp_ctl", "completion", shell, *arguments))
    assert (done.process.returncode, done.stderr) == (0, "")
    return done.stdout


def script(folder: Path, shell: str, *arguments: str) -> Path:
    path = folder / f"completion.{shell}"
    path.write_text(made(shell, *arguments))
    return path


def needs(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    return found


def in_bash(folder: Path) -> Offers:
    bash, path = needs("bash"), script(folder, "bash")

    def offers(line: str) -> set[str]:
        words = line.replace("=", " = ").split()
        if line.endswith((" ", "=")):
            words.append("" if line.endswith(" ") else "=")
            words = words if line.endswith(" ") else words[:-1]
        quoted = " ".join(f"'{word}'" for word in words)
        function = f"_{words[0].replace('-', '_')}"
        call = f'source {path}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; {function}; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run([bash, "--norc", "-euc", call], capture_output=True, text=True, check=True, cwd=folder, env=environment())
        assert not done.stderr
        return set(done.stdout.split())

    return offers


def in_fish(folder: Path) -> Offers:
    fish, path = needs("fish"), script(folder, "fish")

    def offers(line: str) -> set[str]:
        call = f"source {path}; complete -C '{line}'"
        home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")}
        done = subprocess.run([fish, "-c", call], capture_output=True, text=True, check=True, cwd=folder, env=environment(home))
        assert not done.stderr
        return {found.partition("\t")[0] for found in done.stdout.splitlines()}

    return offers


SHELLS = [pytest.param(in_bash, id="bash"), pytest.param(in_fish, id="fish", marks=pytest.mark.peer)]


@pytest.fixture(scope="module", params=SHELLS)
def offers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Offers:
    folder = tmp_path_factory.mktemp("completion")
    (folder / "some.conf").touch()
    (folder / "some-folder").mkdir()
    made: Offers = request.param(folder)
    return made


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ntp-ctl so", {"sources"}),
        ("ntp-ctl sources ", {"add", "remove", "online", "offline", "burst"}),
        ("ntp-ctl -o /x sources o", {"online", "offline"}),
        ("ntp-ctl sources add 192.0.2.1 --po", {"--pool", "--poll"}),
        ("ntp-ctl config --log-filter ", {"trace", "debug", "info", "warn", "error"}),
        ("ntp-ctl completion ", {"bash", "zsh", "fish"}),
        ("ntp-ctl migrate some.", {"some.conf"}),
        ("ntp-ctl --config some.", {"some.conf"}),
        ("ntp-ctl plot --only a", {"allan"}),
        ("ntp-daemon --cl", {"--clock"}),
        ("ntp-daemon --clock ", {"steer", "virtual", "mirror", "local"}),
        ("ntp-daemon --clock virtual --log-format ", {"text", "json"}),
        ("demobilize-server --kiss ", {"DENY", "RSTR"}),
        ("ntp-ctl sources remove ", set()),
    ],
)
def test_what_is_offered(offers: Offers, line: str, expected: set[str]) -> None:
    assert offers(line) == expected


def test_a_directory_is_offered_where_one_is_wanted(offers: Offers) -> None:
    assert {word.rstrip("/") for word in offers("ntp-daemon -r some")} == {"some-folder"}


def test_every_option_of_every_command_is_offered_by_bash(tmp_path: Path) -> None:
    offered = in_bash(tmp_path)
    for program in PROGRAMS:
        for command in walk(load(program)):
            names = {name for option in command.options for name in option.names}
            assert offered(f"{' '.join(command.path)} -") == names, command.path


def test_a_value_behind_an_equals_sign_is_one(tmp_path: Path) -> None:
    offered = in_bash(tmp_path)
    assert offered("ntp-daemon --clock=") == {"steer", "virtual", "mirror", "local"}
    assert offered("ntp-daemon --clock=vi") == {"virtual"}
    assert offered("ntp-daemon --clock=virtual --log-f") == {"--log-format"}


def test_a_script_for_one_program_has_no_other(tmp_path: Path) -> None:
    text = script(tmp_path, "bash", "--program", "ntp-serve").read_text()
    assert "complete -F _ntp_serve ntp-serve" in text
    assert "ntp-daemon" not in text


def test_an_unknown_program_is_wrong_usage() -> None:
    done = run(python("ntp_ctl", "completion", "bash", "--program", "ntpq"))
    assert done.process.returncode == 2
    assert "there is no program ntpq; there are ntp-daemon," in done.stderr


IN_ZSH = {
    "ntp-ctl relo": "ntp-ctl reload ",
    "ntp-ctl sources remo": "ntp-ctl sources remove ",
    "ntp-ctl sources add --poo": "ntp-ctl sources add --pool ",
    "ntp-ctl sources add --pool --poo": "ntp-ctl sources add --pool --poo",
    "ntp-daemon --clock virt": "ntp-daemon --clock virtual ",
    "ntp-ctl completion fi": "ntp-ctl completion fish ",
    "ntp-ctl migrate some.": "ntp-ctl migrate some.conf ",
}
"""What is typed before the tabulator, and what becomes of it."""


@pytest.mark.peer
@pytest.mark.parametrize("way", ["sourced", "fpath"])
def test_zsh_completes_lines(way: str, tmp_path: Path) -> None:
    zsh, path = needs("zsh"), script(tmp_path, "zsh")
    (tmp_path / "some.conf").touch()
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "_ntpd-py").write_text(path.read_text())
    before = f"fpath=({tmp_path}/functions $fpath); " if way == "fpath" else ""
    after = f"source {path}; " if way == "sourced" else ""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execve(zsh, [zsh, "-f", "-i"], environment({"HOME": str(tmp_path), "TERM": "dumb"}))
    try:
        start = f"{before}autoload -Uz compinit; compinit -u -D; {after}unsetopt beep; PS1=; echo start''ed\n"
        assert "started" in _type(terminal, start, "started")
        for typed, becomes in IN_ZSH.items():
            said = _type(terminal, f"\x15{typed}\t", becomes)
            assert becomes in said, said
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


def _type(terminal: int, keys: str, until: str) -> str:
    """What the shell shows after the keys, up to a text or the deadline."""
    os.write(terminal, keys.encode())
    said, deadline = "", time.monotonic() + DEADLINE_S
    while until not in said and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.05)[0]:
            said += os.read(terminal, 65536).decode(errors="replace").replace("\r", "")
    return said
