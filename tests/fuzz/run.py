"""Fuzz every target: with atheris (coverage-guided) where it is installed, otherwise with seeded mutations.

    python tests/fuzz/run.py [--seconds N] [--target NAME]... [--seed N] [--engine atheris|mutation]

A failure prints the input in hexadecimal; `--input HEX --target NAME` runs that one again.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
sys.path[:0] = [str(TESTS), str(ROOT / "packages/ntp_proto/src")]

from fuzz.mutation import mutated  # noqa: E402 — after the path, so that a plain checkout will do
from fuzz.targets import SEEDS, TARGETS  # noqa: E402


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def run_once(target: Callable[[bytes], None], data: bytes) -> None:
    try:
        target(data)
    except BaseException:
        say(f"failing input: {data.hex()}")
        raise


def run_mutations(name: str, seconds: float, seed: int) -> None:
    """Mutations of the seeds, and of mutations that came before, for that long."""
    rng = random.Random(f"{name} {seed}")
    corpus = list(SEEDS[name])
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(200):
            data = mutated(rng.choice(corpus), rng)
            run_once(TARGETS[name], data)
            if rng.random() < 0.01:
                corpus[len(SEEDS[name]) :] = [*corpus[len(SEEDS[name]) :][-200:], data]
            count += 1
    say(f"{name}: {count} inputs in {seconds:g} s, seed {seed}, mutations")


def run_atheris(name: str, seconds: float, seed: int) -> None:
    """In a process of its own, since libFuzzer ends the one that it runs in."""
    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(SEEDS[name]):
            (Path(corpus) / str(number)).write_bytes(data)
        options = [
            f"-max_total_time={max(1, round(seconds))}",
            f"-seed={seed}",
            "-max_len=4096",
            "-verbosity=0",
            f"-artifact_prefix={corpus}/",
            corpus,
        ]
        done = subprocess.run([sys.executable, __file__, "--atheris-child", name, *options], check=False)
    if done.returncode:
        sys.exit(f"{name}: failed, see above")
    say(f"{name}: {seconds:g} s, seed {seed}, atheris")


def atheris_child(name: str, options: list[str]) -> None:
    import atheris  # noqa: PLC0415 — not installed everywhere

    for module in [module for key, module in sys.modules.items() if key.startswith("ntp_proto.")]:
        for value in vars(module).values():
            if callable(value) and getattr(value, "__module__", None) == module.__name__ and hasattr(value, "__code__"):
                atheris.instrument_func(value)
    atheris.Setup([name, *options], lambda data: run_once(TARGETS[name], data))
    atheris.Fuzz()


def main(argv: list[str]) -> None:
    if argv[:1] == ["--atheris-child"]:
        atheris_child(argv[1], argv[2:])
        return
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each target (default %(default)s)")
    parser.add_argument("--target", action="append", choices=list(TARGETS), help="one or more; default all")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same mutations (default %(default)s)")
    parser.add_argument("--engine", choices=["atheris", "mutation"], default="atheris" if importlib.util.find_spec("atheris") else "mutation")
    parser.add_argument("--input", metavar="HEX", help="run one input on each target instead")
    arguments = parser.parse_args(argv)
    run = run_atheris if arguments.engine == "atheris" else run_mutations
    for name in arguments.target or TARGETS:
        if arguments.input is not None:
            run_once(TARGETS[name], bytes.fromhex(arguments.input))
        else:
            run(name, arguments.seconds, arguments.seed)


if __name__ == "__main__":
    main(sys.argv[1:])
