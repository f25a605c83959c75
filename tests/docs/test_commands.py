"""What the documents tell people to type works.

A block ```console is run, line by line in one directory, unless it says ```console skip: REASON. A block ```python is run, unless its document
is in NEEDS_A_DAEMON. Both may say `with: COMMAND`: the command runs meanwhile, and port 12300 stands for a free one. The directory has the files
that blocks of the document call `file: NAME`, and is empty otherwise. A block ```toml is a valid configuration.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ntp_daemon.config.load import parse
from support.peers import peer
from support.programs import Program, python, run
from support.serving import free_port

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
MODULES = {
    "ntp-daemon": "ntp_daemon",
    "ntp-ctl": "ntp_ctl",
    "ntp-query": "ntp_ctl.query",
    "ntp-serve": "ntp_daemon.serve_command",
    "ntp-mirror": "ntp_daemon.mirror_command",
    "ntp-metrics-exporter": "ntp_metrics_exporter",
    "ntp-dashboard": "ntp_dashboard",
    "ntp-sim": "ntp_sim",
}
NOT_FROM_HERE = {"./dev test": "it is what runs this test"}
NEEDS_A_DAEMON = {
    Path("docs/protocol-sockets.md"): "its example reads the socket of a running daemon",
    Path("docs/guide/dashboard.md"): "its example asks a running dashboard; tests/system/test_dashboard.py runs it",
}
READY = {"ntp-serve": "Waiting for", "ntp-daemon": "serving on"}
"""What a program that runs meanwhile says when it can be asked."""
PORT_OF_EXAMPLES = "12300"
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCES = [
    (document, name, rest.strip(), text)
    for document in DOCUMENTS
    for name, rest, text in _FENCE.findall((ROOT / document).read_text(encoding="utf-8"))
]
"""(document, language, what follows it, text) of each block."""


def blocks(language: str) -> list[tuple[Path, str, str]]:
    """(document, what follows the language, text) of each block."""
    return [(document, rest, text) for document, name, rest, text in FENCES if name == language]


def run_line(line: str, folder: Path) -> None:
    program, *arguments = shlex.split(line)
    if line in NOT_FROM_HERE:
        return
    if line == "./dev run":
        with Program(python("ntp_daemon", "--demo"), {"TMPDIR": str(folder)}, folder) as demo:
            demo.wait_for(r" 1 s ")
            assert demo.stop(signal.SIGINT) == 0, demo.stderr
        return
    # chronyd gives up its privileges to a user that only its package makes.
    command = (
        [peer("chronyd"), "-u", pwd.getpwuid(os.geteuid()).pw_name, *arguments] if program == "chronyd" else python(MODULES[program], *arguments)
    )
    done = run(command, cwd=folder)
    assert done.wait() == 0, done.stderr


@contextlib.contextmanager
def meanwhile(rest: str, text: str, folder: Path) -> Iterator[str]:
    """Run what the block says that is to run meanwhile; gives the text of the block with the port in it."""
    if not rest:
        yield text
        return
    asked = re.fullmatch(r"with: (\S+) (.*)", rest)
    assert asked, f"{rest!r} is not 'with: COMMAND' nor 'skip: REASON'"
    port = str(free_port())
    program, arguments = asked[1], shlex.split(asked[2].replace(PORT_OF_EXAMPLES, port))
    with Program(python(MODULES[program], *arguments), cwd=folder) as running:
        running.wait_for(READY[program], timeout_s=30.0)  # an interpreter has to start, on a machine that may be busy
        yield text.replace(PORT_OF_EXAMPLES, port)
        assert running.stop() == 0, running.stderr


def write_files(document: Path, folder: Path) -> None:
    for name, _, rest, text in FENCES:
        if name == document and (file := re.fullmatch(r"file: ([\w.-]+)", rest)):
            (folder / file[1]).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("document", "rest", "text"), [pytest.param(*block, id=f"{block[0]}: {block[2].splitlines()[0]}") for block in blocks("console")]
)
def test_console_blocks_run(document: Path, rest: str, text: str, tmp_path: Path) -> None:
    lines = [line for line in text.splitlines() if line]
    assert all(line.startswith("$ ") for line in lines), f"{document}: a console block has lines that begin with $ and no output"
    if re.fullmatch(r"skip: .{10,}", rest):
        pytest.skip(rest)
    write_files(document, tmp_path)
    with meanwhile(rest, text, tmp_path) as typed:
        for line in typed.splitlines():
            if line:
                run_line(line.removeprefix("$ "), tmp_path)


@pytest.mark.parametrize(("document", "rest", "text"), [pytest.param(*block, id=f"{block[0]}-{n}") for n, block in enumerate(blocks("python"))])
def test_python_blocks_run(document: Path, rest: str, text: str, tmp_path: Path) -> None:
    if document in NEEDS_A_DAEMON:
        pytest.skip(NEEDS_A_DAEMON[document])
    with meanwhile(rest, text, tmp_path) as typed:
        exec(compile(typed, str(document), "exec"), {})


@pytest.mark.parametrize(("document", "text"), [pytest.param(block[0], block[2], id=f"{block[0]}-{n}") for n, block in enumerate(blocks("toml"))])
def test_toml_blocks_are_configurations(document: Path, text: str) -> None:
    parse(text)


def test_the_readme_names_the_two_commands() -> None:
    commands = [block[2].splitlines() for block in blocks("console") if block[0] == Path("README.md")]
    assert commands[0] == ["$ ./dev run", "$ ./dev test"]


@pytest.mark.parametrize("module", [*MODULES.values(), "test_servers.demobilize_server", "test_servers.rate_limit_server"])
def test_every_program_explains_itself(module: str) -> None:
    done = run(python(module, "--help"))
    assert done.wait() == 0
    assert "exit status: 0" in " ".join(done.stdout.split())
