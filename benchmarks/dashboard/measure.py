"""What the dashboard costs, and what it bears: memory, first byte, requests a second, 200 readers of a stream, and the daemon with and without it.

    ./dev python benchmarks/dashboard/measure.py [--minutes 5]

Everything runs on this machine, on loopback, with a daemon that keeps a virtual clock and answers clients in its own loop.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "test_servers" / "src"), *map(str, sorted(ROOT.glob("packages/*/src")))]

from support.dashboards import TOKEN, Dashboard, Load, free_port, honest_servers, start_dashboard, start_scene, write_scene  # noqa: E402

READERS = 200
TICK_S = 2.0


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def resident_mib(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) / 1024


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def percentiles(values: list[float]) -> str:
    ordered = sorted(values)
    return f"median {1e3 * statistics.median(ordered):.2f} ms, 99 % {1e3 * ordered[int(0.99 * (len(ordered) - 1))]:.2f} ms"


def first_byte(dashboard: Dashboard, path: str, count: int = 200) -> str:
    """From the connection to the first byte, a new connection each time."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n".encode()
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", dashboard.port)) as connection:
            connection.sendall(request)
            connection.recv(1)
            taken.append(time.perf_counter() - began)
            while connection.recv(65536):
                pass
    return percentiles(taken)


async def requests_per_second(dashboard: Dashboard, path: str, seconds: float = 5.0, connections: int = 8) -> str:
    """As many as come back, over connections that stay; and what one costs, which other programs on this machine do not change."""
    pid = dashboard.program.process.pid
    used = cpu_s(pid)
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
    until = time.perf_counter() + seconds

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", dashboard.port)
        done = 0
        while time.perf_counter() < until:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = re.search(rb"content-length: (\d+)", head)
            assert length
            await reader.readexactly(int(length[1]))
            done += 1
        writer.close()
        return done

    done = sum(await asyncio.gather(*(one() for _ in range(connections))))
    return f"{done / seconds:.0f} requests/s, {1e6 * (cpu_s(pid) - used) / done:.0f} us of CPU each"


async def read_streams(dashboard: Dashboard, seconds: float, daemon: int) -> None:
    """Readers of the stream of states: how late is each event, and is one missed?"""
    until = time.perf_counter() + seconds
    gaps: list[float] = []
    events = [0] * READERS
    troubles: set[bytes] = set()

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", dashboard.port, limit=1 << 20)
        writer.write(f"GET /v1/stats/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        before = 0.0
        while time.perf_counter() < until:
            line = await reader.readline()
            if line.startswith(b"event: status"):
                now = time.perf_counter()
                if before:
                    gaps.append(now - before)
                before = now
                events[number] += 1
            elif line.startswith(b"event: unavailable"):
                troubles.add(await reader.readline())
        writer.close()

    pid = dashboard.program.process.pid
    memory, used, daemon_memory, daemon_used = resident_mib(pid), cpu_s(pid), resident_mib(daemon), cpu_s(daemon)
    tasks = [asyncio.ensure_future(one(number)) for number in range(READERS)]
    await asyncio.sleep(seconds / 2)
    half = resident_mib(pid)
    await asyncio.gather(*tasks)
    say(f"{READERS} readers for {seconds / 60:.1f} min: events each {min(events)} to {max(events)} of {seconds / TICK_S:.0f}")
    say(f"  from event to event: median {statistics.median(gaps):.3f} s, longest {max(gaps):.3f} s")
    for trouble in troubles:
        say(f"  {trouble.decode()}")
    share, daemon_share = (cpu_s(pid) - used) / seconds, (cpu_s(daemon) - daemon_used) / seconds
    say(f"  dashboard: {memory:.1f} MiB before, {half:.1f} at half time, {resident_mib(pid):.1f} at the end; {100 * share:.1f} % of a core")
    say(f"  daemon: {daemon_memory:.1f} MiB before, {resident_mib(daemon):.1f} at the end; {100 * daemon_share:.2f} % of a core")


def latency(port: int, count: int = 2000) -> str:
    """Of the daemon's answers to NTP requests."""
    taken = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        for number in range(count):
            client.bind(("127.0.0.77", 0)) if number == 0 else None
            began = time.perf_counter()
            client.sendto(bytes([0x23]) + bytes(47), ("127.0.0.1", port))
            client.recv(100)
            taken.append(time.perf_counter() - began)
            time.sleep(0.002)
    return percentiles(taken)


@contextlib.contextmanager
def idle(pid: int, name: str, seconds: float = 20.0) -> Iterator[None]:
    used = cpu_s(pid)
    began = time.perf_counter()
    yield
    time.sleep(max(0.0, seconds - (time.perf_counter() - began)))
    say(f"{name}: daemon {resident_mib(pid):.1f} MiB, {100 * (cpu_s(pid) - used) / (time.perf_counter() - began):.2f} % of a core")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as name, honest_servers(3) as servers:
        folder, port = Path(name), free_port()
        write_scene(folder, servers, port=port, poll=4)
        file = folder / "ntp.toml"
        file.write_text(file.read_text(encoding="utf-8").replace("rate-limit = 5", "rate-limit = 100000"), encoding="utf-8")
        with start_scene(folder) as daemon, Load(port, interval_s=0.1):
            pid = daemon.process.pid
            time.sleep(5)
            with idle(pid, "without the dashboard"):
                say(f"daemon's answers without it: {latency(port)}")
            with start_dashboard(folder) as dashboard:
                ours = dashboard.program.process.pid
                dashboard.ask("/v1/status")
                say(f"dashboard after its first answer: {resident_mib(ours):.1f} MiB")
                for path in ("/", "/healthz", "/v1/status", "/v1/series", "/metrics"):
                    say(f"first byte of {path}: {first_byte(dashboard, path)}")
                for path in ("/healthz", "/v1/status", "/v1/stats", "/v1/sources", "/v1/series"):
                    say(f"{path}: {asyncio.run(requests_per_second(dashboard, path))}")
                say(f"dashboard after that: {resident_mib(ours):.1f} MiB")
                asyncio.run(read_streams(dashboard, 60 * minutes, pid))
                connection = http.client.HTTPConnection("127.0.0.1", dashboard.port)
                connection.request("GET", "/v1/stats/stream", headers={"Authorization": f"Bearer {TOKEN}"})
                connection.getresponse()
                with idle(pid, "with the dashboard and a reader"):
                    say(f"daemon's answers with it: {latency(port)}")
                connection.close()


if __name__ == "__main__":
    main()
