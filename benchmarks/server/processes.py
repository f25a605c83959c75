"""What the benchmarks of the server start and look at."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

__all__ = ["MISSING", "MissingError", "SilentError", "build", "family", "free_port", "memory_mib", "run_before_all_others"]

HERE = Path(__file__).resolve().parent
MISSING = 3
"""The exit status of one that lacks something."""


class MissingError(Exception):
    """Something needed is not here; the text says what."""


class SilentError(Exception):
    """A program did not do its part."""


def build(folder: Path, *names: str) -> None:
    """Compile programs in C of this folder."""
    if shutil.which("cc") is None:
        raise MissingError("there is no C compiler, which makes the load; on Debian and Ubuntu: apt install gcc")
    for name in names:
        command = ["cc", "-O2", "-Wall", "-Wextra", "-o", folder / name, HERE / f"{name}.c", "-lm"]
        subprocess.run(command, check=True)


def run_before_all_others() -> None:
    """Let nothing on this machine disturb this process and what it starts: servers and loads are measured, not what else is at work here."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
    except PermissionError as error:
        raise MissingError("only root may run before all others") from error


def free_port() -> int:
    """A UDP port that nobody has at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def family(pid: int) -> list[int]:
    """A process and all that it has started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(member for child in children for member in family(int(child)))]


def memory_mib(pids: list[int]) -> float:
    """What they keep in memory, shared pages counted once for each."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return sum(int(line.split()[1]) for line in lines) / 1024
