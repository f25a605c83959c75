"""What starts `ntp-serve` on systems that we cannot run here: read by parsers of their formats, and by the program's own."""

from __future__ import annotations

import plistlib
import re
import subprocess
from pathlib import Path

import pytest

from ntp_daemon.serve_command import make_parser
from support.linters import linter

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRIPTS = sorted(DEPLOY.glob("windows/*.ps1"))
OF_LAUNCHD = {
    # launchd.plist(5): what we use of it, with the type that it has to have
    "Label": str,
    "ProgramArguments": list,
    "UserName": str,
    "RunAtLoad": bool,
    "KeepAlive": bool,
    "ThrottleInterval": int,
    "ProcessType": str,
    "WorkingDirectory": str,
    "StandardOutPath": str,
    "StandardErrorPath": str,
}
_PARSE = """\
import sys, tree_sitter, tree_sitter_powershell
parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
todo, wrong = [parser.parse(sys.stdin.buffer.read()).root_node], []
while todo:
    node = todo.pop()
    wrong += [f"line {node.start_point[0] + 1}: {node.text[:60]!r}"] if node.type == "ERROR" or node.is_missing else []
    todo += node.children
sys.exit("\\n".join(wrong) or 0)
"""


def parse_powershell(text: str) -> str:
    """What is wrong with it; "" when nothing is."""
    done = subprocess.run([linter("python-of-linters"), "-c", _PARSE], input=text, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def test_the_plist_has_known_keys_of_the_right_types() -> None:
    (path,) = DEPLOY.glob("launchd/*.plist")
    plist = plistlib.loads(path.read_bytes())
    assert {key: type(value) for key, value in plist.items()} == OF_LAUNCHD
    assert path.name == f"{plist['Label']}.plist"
    assert plist["RunAtLoad"]
    assert plist["KeepAlive"]


@pytest.mark.peer
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_are_powershell(script: Path) -> None:
    assert parse_powershell(script.read_text(encoding="utf-8")) == ""


@pytest.mark.peer
def test_the_parser_finds_what_is_wrong() -> None:
    assert "line 2" in parse_powershell("Get-Date\nif ($true {\n")


def test_the_scripts_are_for_the_same_task_and_the_program_understands_its_command_line() -> None:
    install, uninstall = ((DEPLOY / "windows" / f"{name}-service.ps1").read_text(encoding="utf-8") for name in ("install", "uninstall"))
    (name,) = set(re.findall(r"\[string\]\$Name = '(.*)'", install)) & set(re.findall(r"\[string\]\$Name = '(.*)'", uninstall))
    assert name == "ntp-serve"
    (default,) = re.findall(r"\[string\]\$Listen = '(.*)'", install)
    (command,) = re.findall(r'-Argument "(.*)"', install)
    arguments = make_parser().parse_args(command.replace("$Listen", default).split())
    assert arguments.listen == default
    (pattern,) = re.findall(r"\[ValidatePattern\('(.*)'\)\]", install)
    assert re.fullmatch(pattern, default)
    assert re.fullmatch(pattern, "[::1]:123")
    assert not re.fullmatch(pattern, "0.0.0.0:123; Remove-Item C:")
