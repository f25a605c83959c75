"""A short run of every fuzz target and of the flood, so that they cannot rot; the long runs are `make fuzz` and `flood.py --count 10000000`."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.flood import flood
from fuzz.mutation import mutated
from fuzz.run import run_once
from fuzz.targets import SEEDS, TARGETS
from ntp_proto.association import Rejection

RUN = Path(__file__).with_name("run.py")
RESPOND = Path(__file__).with_name("respond.py")


@pytest.mark.parametrize("name", list(TARGETS))
def test_target(name: str) -> None:
    rng = random.Random(name)
    for data in SEEDS[name]:
        TARGETS[name](data)
        for _ in range(300):
            TARGETS[name](mutated(data, rng))


def test_mutations_are_reproducible_and_differ() -> None:
    first, second = ([mutated(b"0123456789", rng) for _ in range(1000)] for rng in (random.Random(3), random.Random(3)))
    assert first == second
    assert len(set(first)) > 800
    assert any(len(data) < 10 for data in first)
    assert any(len(data) > 10 for data in first)


def test_flood() -> None:
    reasons = flood(count=30_000, seed=1)
    assert sum(reasons.values()) == 30_000
    assert set(reasons) == {Rejection.MALFORMED, Rejection.WRONG_MODE, Rejection.WRONG_VERSION, Rejection.WRONG_ORIGIN}
    assert min(reasons.values()) > 100


@pytest.mark.parametrize("engine", ["mutation"])
def test_the_command(engine: str) -> None:
    done = subprocess.run(
        [sys.executable, RUN, "--seconds", "0.05", "--engine", engine, "--target", "header"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("header: ")


def test_the_command_shows_the_failing_input(capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run([sys.executable, RUN, "--target", "observation", "--input", "ff00"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    with pytest.raises(ZeroDivisionError):
        run_once(lambda _: 1 // 0, b"\x12\xab")
    assert capsys.readouterr().out == "failing input: 12ab\n"


@pytest.mark.skipif(shutil.which("clang") is None, reason="there is no clang")
def test_the_target_in_c(tmp_path: Path) -> None:
    command = [sys.executable, RESPOND, "--seconds", "1", "--artifacts", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = re.fullmatch(r"respond: (\d+) inputs in 1 s, seed 1, (\d+) edges, libFuzzer with ASan and UBSan\n", done.stdout)
    assert found, done.stdout
    assert int(found[1]) > 1000
    assert int(found[2]) > 100, "the inputs reach the answers"


def test_without_clang_the_target_in_c_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, RESPOND], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "there is no clang, which libFuzzer is a part of; on Debian: apt install clang libclang-rt-14-dev\n"
