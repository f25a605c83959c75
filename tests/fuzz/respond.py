"""Fuzz the C of the fast path with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer.

    python tests/fuzz/respond.py [--seconds N] [--seed N] [--input FILE]

A failure leaves its input in tests/fuzz/failing (`--artifacts` for another place); `--input FILE` runs that one again.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parents[1] / "packages/ntp_udp/src/ntp_udp/_ffi"
SANITIZERS = "-fsanitize=fuzzer,address,undefined,float-cast-overflow,integer-divide-by-zero"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def build(target: Path) -> None:
    """Compile it.

    Raises:
        SystemExit: There is no clang, or no runtime of its sanitizers.
    """
    if shutil.which("clang") is None:
        sys.exit("there is no clang, which libFuzzer is a part of; on Debian: apt install clang libclang-rt-14-dev")
    command = ["clang", "-g", "-O1", SANITIZERS, "-fno-sanitize-recover=all", f"-I{SOURCES}", HERE / "respond_target.c", "-lm", "-o", target]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the target was not compiled; should a library be missing, on Debian: apt install libclang-rt-14-dev\n{done.stderr}")


def write_seeds(corpus: Path, seed: int) -> None:
    """Sequences of requests under some policies; the format is that of respond_target.c."""
    rng = random.Random(seed)
    request = bytes([0x23, 0, 6, 0xEC]) + bytes(36) + b"\x01\x23\x45\x67\x89\xab\xcd\xef"
    for number in range(32):
        policy = bytes([rng.randrange(256)]) + rng.randbytes(160)
        records = b"".join(
            bytes([48]) + request[: rng.choice([48, 48, 24])].ljust(48, b"\x01") + bytes(12) + rng.randbytes(4) + b"\x50" + rng.randbytes(15)
            for _ in range(rng.randrange(1, 6))
        )
        (corpus / str(number)).write_bytes(policy + records)


def fuzz(binary: Path, seconds: int, seed: int, artifacts: Path) -> int:
    """Run it for that long; its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        write_seeds(Path(folder), seed)
        options = [f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=2048", "-print_final_stats=1", f"-artifact_prefix={artifacts}/"]
        done = subprocess.run([binary, *options, folder], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        say(done.stderr)
        return done.returncode
    units = next(line.split()[-1] for line in done.stderr.splitlines() if line.startswith("stat::number_of_executed_units"))
    covered = next(word for line in reversed(done.stderr.splitlines()) if "cov:" in line for word in [line.split("cov:")[1].split()[0]])
    say(f"respond: {units} inputs in {seconds} s, seed {seed}, {covered} edges, libFuzzer with ASan and UBSan")
    return 0


def main(argv: list[str]) -> int:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=10, help="(default %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--artifacts", type=Path, default=HERE / "failing", help="where a failing input is left (default %(default)s)")
    parser.add_argument("--input", type=Path, help="run one input instead")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "respond"
        build(binary)
        if arguments.input is not None:
            return subprocess.run([binary, arguments.input], check=False).returncode
        arguments.artifacts.mkdir(exist_ok=True)
        try:
            return fuzz(binary, arguments.seconds, arguments.seed, arguments.artifacts)
        finally:
            if not any(arguments.artifacts.iterdir()):
                arguments.artifacts.rmdir()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
