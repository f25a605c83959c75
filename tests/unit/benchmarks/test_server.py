"""The comparison of servers: its load counts what there is, and its table says what was measured."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks" / "server"
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


def call(*arguments: str, program: str = "run.py", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, FOLDER / program, *arguments], env=environment or None, capture_output=True, text=True, check=False)


def compiled(folder: Path, name: str) -> Path:
    command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", folder / name, FOLDER / f"{name}.c", "-lm"]
    subprocess.run(command, check=True)
    return folder / name


@needs_compiler
@pytest.mark.parametrize("options", [["-w", "8", "-n", "2"], ["-w", "8", "-c", "100", "-i"], ["-r", "2000", "-n", "2", "-t"]])
def test_the_load_gets_an_answer_to_each_request(tmp_path: Path, options: list[str]) -> None:
    echo = subprocess.Popen([compiled(tmp_path, "echo"), "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert echo.stdout is not None
        port = echo.stdout.readline().strip()
        command = [compiled(tmp_path, "load"), "-p", port, "-e", "-s", "0.5", "-u", "0", "-P", str(echo.pid), *options]
        figures = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    finally:
        echo.kill()
        echo.communicate()
    assert figures["answered"] > 100
    assert figures["server_cpu_us"] > 0.1
    assert [figures[name] for name in ("kisses", "invalid", "lost", "unknown", "refused")] == [0] * 5


@needs_compiler
def test_the_load_counts_what_is_lost(tmp_path: Path) -> None:
    command = [compiled(tmp_path, "load"), "-p", "9", "-w", "4", "-c", "4", "-s", "0.2", "-u", "0"]
    figures = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert figures["answered"] == 0
    assert figures["lost"] == figures["sent"] == 4


def test_wrong_usage_is_said_so() -> None:
    done = call("nonsense")
    assert done.returncode == 2
    assert "NAME@PORT=COMMAND" in done.stderr


@pytest.mark.parametrize("program", ["run.py", "flood.py", "scaling.py"])
def test_without_a_compiler_one_sentence_says_so(program: str, tmp_path: Path) -> None:
    done = call(program=program, PATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (3, "there is no C compiler, which makes the load; on Debian and Ubuntu: apt install gcc\n")
