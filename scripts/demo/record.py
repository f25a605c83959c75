"""A run of the daemon, recorded: what it says of itself once a second, and how wrong its clock really is, seen from outside."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from demo.network import ReferenceClock, serving
from ntp_ctl.client import DaemonError, fetch_observation
from ntp_proto.packet import Header, client_request
from ntp_proto.time_types import NtpTimestamp, PollInterval

__all__ = ["Point", "Result", "record"]

_STEP_S = 1.0
_COMPARISONS = 40
_SHARP_NS = 50_000
_PATIENCE_S = 15.0


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One second of the run; times in seconds, None for what is not known yet.

    Attributes:
        at_s: Since the start of the daemon.
        error_s: How far its clock is ahead of the truth; None without a truth to compare with, and where it could not be seen to 50 us.
        resolution_s: How exactly that could be seen.
        estimate_s: The offset that it still sees, positive when its clock is behind.
        standard_error_s: Of that.
        statistical_error_s: What it says that its error stays below 99.9 % of the time.
        maximum_error_s: What it says that its error stays below in any case.
        frequency: Correction in force, s/s.
    """

    at_s: float
    error_s: float | None
    resolution_s: float | None
    estimate_s: float
    standard_error_s: float | None
    statistical_error_s: float | None
    maximum_error_s: float | None
    frequency: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What the page is made from.

    Attributes:
        runAt: When, ISO 8601 in UTC.
        ntp: What `ntp-query` says of the daemon at the end.
        status: What `ntp-ctl status --json` says then.
        series: The run.
    """

    runAt: str  # noqa: N815 -- a name of the file's format
    ntp: dict[str, object]
    status: dict[str, object]
    series: tuple[Point, ...]


def record(seconds: float, peers: list[str], say: Callable[[str], None]) -> Result:
    """Run the daemon with a virtual clock for so long.

    Args:
        seconds: How long to record.
        peers: Whom to follow; none: the servers of `demo.network`, and the truth is known.
        say: Takes a line of progress.

    Raises:
        RuntimeError: The daemon does not start, or ends too soon.
    """
    if peers:
        return _run(seconds, peers, None, say)
    truth = ReferenceClock()
    with serving(truth) as addresses:
        return _run(seconds, addresses, truth, say)


def _run(seconds: float, peers: list[str], truth: ReferenceClock | None, say: Callable[[str], None]) -> Result:
    run_at = datetime.fromtimestamp(time.time_ns() // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
    with tempfile.TemporaryDirectory(prefix="ntpd-py-demo-") as folder:
        port = _free_port()
        with _daemon(Path(folder), peers, port, is_fast=truth is not None) as (daemon, observe):
            series = []
            began = time.monotonic()
            while (at_s := time.monotonic() - began) < seconds:
                if daemon.poll() is not None:
                    raise RuntimeError(f"the daemon has ended with status {daemon.returncode}")
                series.append(_point(at_s, observe, port, truth))
                say(f"{at_s:4.0f} s of {seconds:.0f}, error {_shown(series[-1].error_s)}")
                time.sleep(max(0.0, began + (len(series)) * _STEP_S - time.monotonic()))
            queried = _json("ntp_ctl.query", "127.0.0.1", str(port))
            status = _json("ntp_ctl", "-o", str(observe), "status", "--json")
    return Result(runAt=run_at, ntp=queried, status=status, series=tuple(series))


@contextmanager
def _daemon(folder: Path, peers: list[str], port: int, *, is_fast: bool) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    limits = "poll-interval-limits = { min = 0, max = 2 }\n" if is_fast else ""
    sources = "".join(f'[[source]]\nmode = "{"server" if is_fast else "pool"}"\naddress = "{peer}"\n{limits}' for peer in peers)
    configuration = f"""\
{sources}
[[server]]
listen = "127.0.0.1:{port}"
workers = 0
[clock]
mode = "virtual"
[synchronization]
drift-file = ""
[observability]
observation-path = "{folder}/observe"
configuration-path = ""
log-level = "warn"
"""
    (folder / "ntp.toml").write_text(configuration)
    daemon = subprocess.Popen([sys.executable, "-m", "ntp_daemon", "-c", str(folder / "ntp.toml")])  # noqa: S603 -- a program of this tree
    try:
        _wait_for(folder / "observe", daemon)
        yield daemon, folder / "observe"
    finally:
        daemon.terminate()
        daemon.wait(10.0)


def _wait_for(path: Path, daemon: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fetch_observation(path)
        except DaemonError as error:
            if daemon.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the daemon does not start: {error}") from None
            time.sleep(0.02)
        else:
            return


def _point(at_s: float, observe: Path, port: int, truth: ReferenceClock | None) -> Point:
    system = fetch_observation(observe).system
    error_s, resolution_s = (None, None) if truth is None else _true_error(port, truth)
    return Point(
        at_s=round(at_s, 3),
        error_s=error_s,
        resolution_s=resolution_s,
        estimate_s=system.offset_s,
        standard_error_s=system.offset_error_s,
        statistical_error_s=system.statistical_error_s,
        maximum_error_s=system.maximum_error_s,
        frequency=system.frequency,
    )


def _true_error(port: int, truth: ReferenceClock) -> tuple[float, float] | tuple[None, None]:
    """How far the daemon's clock is ahead of the truth, and how exactly that is known: of some requests the one with the shortest round trip.

    On a busy machine every one of them may be slow; what is not known to 50 us then is not shown.
    """
    best: tuple[int, float] | None = None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2.0)
        client.connect(("127.0.0.1", port))
        for number in range(_COMPARISONS):
            request = client_request(NtpTimestamp(number + 1), PollInterval(0)).to_bytes()
            before_ns = truth.read_ns()
            client.send(request)
            data = client.recv(1024)
            round_trip_ns = truth.read_ns() - before_ns
            answer = Header.parse(data)
            middle = NtpTimestamp.from_unix_ns(before_ns + round_trip_ns // 2)
            receive, transmit = NtpTimestamp(answer.receive_bits), NtpTimestamp(answer.transmit_bits)
            ahead_s = (receive - middle).to_seconds() / 2 + (transmit - middle).to_seconds() / 2
            if best is None or round_trip_ns < best[0]:
                best = round_trip_ns, ahead_s
            if best[0] < 2 * _SHARP_NS and number >= _COMPARISONS // 4:
                break
    assert best is not None, "there is one comparison at least"
    return (best[1], best[0] * 0.5e-9) if best[0] < 2 * _SHARP_NS else (None, None)


def _json(module: str, *arguments: str) -> dict[str, object]:
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=True)  # noqa: S603 -- as above
    document: dict[str, object] = json.loads(done.stdout)
    return document


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _shown(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e6:+.1f} us"
