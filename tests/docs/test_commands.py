"""What the documents tell people to type works.

A block ```console is run, line by line in one empty directory, unless it says ```console skip: REASON. A block ```python is run, unless its document
is in NEEDS_A_DAEMON. A block ```toml is a valid configuration.
"""

from __future__ import annotations

import re
import shlex
import signal
from pathlib import Path

import pytest

from ntp_daemon.config.load import parse
from support.programs import Program, python, run

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
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
_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[Path, str, str]]:
    """(document, what follows the language, text) of each block."""
    found = []
    for document in DOCUMENTS:
        for name, rest, text in _FENCE.findall((ROOT / document).read_text(encoding="utf-8")):
            if name == language:
                found.append((document, rest.strip(), text))
    return found


def run_line(line: str, folder: Path) -> None:
    program, *arguments = shlex.split(line)
    if line in NOT_FROM_HERE:
        return
    if line == "./dev run":
        with Program(python("ntp_daemon", "--demo"), {"TMPDIR": str(folder)}, folder) as demo:
            demo.wait_for(r" 1 s ")
            assert demo.stop(signal.SIGINT) == 0, demo.stderr
        return
    done = run(python(MODULES[program], *arguments), cwd=folder)
    assert done.wait() == 0, done.stderr


@pytest.mark.parametrize(
    ("document", "rest", "text"), [pytest.param(*block, id=f"{block[0]}: {block[2].splitlines()[0]}") for block in blocks("console")]
)
def test_console_blocks_run(document: Path, rest: str, text: str, tmp_path: Path) -> None:
    lines = [line for line in text.splitlines() if line]
    assert all(line.startswith("$ ") for line in lines), f"{document}: a console block has lines that begin with $ and no output"
    if rest:
        assert re.fullmatch(r"skip: .{10,}", rest), f"{document}: {rest!r} is not 'skip: REASON'"
        pytest.skip(rest)
    for line in lines:
        run_line(line.removeprefix("$ "), tmp_path)


@pytest.mark.parametrize(("document", "text"), [pytest.param(block[0], block[2], id=f"{block[0]}-{n}") for n, block in enumerate(blocks("python"))])
def test_python_blocks_run(document: Path, text: str) -> None:
    if document in NEEDS_A_DAEMON:
        pytest.skip(NEEDS_A_DAEMON[document])
    exec(compile(text, str(document), "exec"), {})


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
