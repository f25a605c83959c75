"""Servers on loopback, in worker processes and in this one: nothing is lost, nothing grows, nobody gets more than he should."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pwd
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from ntp_daemon.privileges import Account, Surrender
from ntp_daemon.serving import server as server_module
from ntp_daemon.serving import watchdog, worker_process
from ntp_daemon.serving import workers as workers_module
from ntp_daemon.serving.request_events import RequestEvent
from ntp_daemon.serving.serving import ServerStatus, Serving
from ntp_daemon.serving.settings import DnsPolicyConfig, RequestLogConfig, ServerSettings
from ntp_daemon.serving.worker_process import WorkerError, WorkerProcess
from ntp_proto.datagram import Address
from ntp_proto.errors import ConfigError
from ntp_proto.identifiers import LeapIndicator
from ntp_proto.server import (
    AccessList,
    AnswerKind,
    ClientLimits,
    DropReason,
    PrefixTable,
    Rate,
    RefusalAction,
    ServerPolicy,
    Snapshot,
    pack_address,
)
from ntp_proto.time_types import NtpDuration
from ntp_udp.fast_path import load_fast_server
from ntp_udp.server_socket import Buffers
from ntp_udp.socket import SocketError
from support.asking import DEADLINE_S, Asker, synchronized, until
from support.name_server import NameServer
from support.programs import environment

ANY = Address("127.0.0.1", 0)
pytestmark = pytest.mark.asyncio


@pytest.fixture(params=["fast", "slow"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to answer; workers inherit the choice."""
    if request.param == "slow":
        monkeypatch.setenv("NTP_NO_EXT", "1")
    elif load_fast_server() is None:
        pytest.skip("the extension is not compiled")
    return str(request.param)


def settings(workers: int, policy: ServerPolicy | None = None, listen: Address = ANY) -> ServerSettings:
    return ServerSettings(listen=listen, policy=policy or ServerPolicy(), workers=workers)


@contextlib.asynccontextmanager
async def serving(*servers: ServerSettings, snapshot: Snapshot | None = None, surrender: Surrender | None = None) -> AsyncIterator[Serving]:
    made = Serving(servers, snapshot or synchronized(), surrender=surrender or Surrender())
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def processes(made: Serving) -> list[WorkerProcess]:
    found = [place.service for server in made._servers if server._workers for place in server._workers._places]
    return [one for one in found if isinstance(one, WorkerProcess)]


def status(made: Serving) -> ServerStatus:
    (only,) = made.status()
    return only


def received(made: Serving) -> int:
    return status(made).counters.totals.received


def field_of(pid: int, name: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))


def inheritance_of(pid: int) -> tuple[bytes, list[str]]:
    """The environment of a process, and what its descriptors are beside the standard ones."""
    descriptors = [entry for entry in Path(f"/proc/{pid}/fd").iterdir() if int(entry.name) > 2]
    return Path(f"/proc/{pid}/environ").read_bytes(), [str(entry.readlink()) for entry in descriptors]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("workers", [0, 2])
async def test_it_answers_counts_and_knows_its_clients(path: str, workers: int) -> None:
    async with serving(settings(workers)) as made:
        (address,) = made.addresses
        with Asker(address) as client:
            for _ in range(5):
                reply = await client.ask()
                assert (reply.first_byte, reply.stratum) == (0x24, 2)
            client.send(first_byte=0x24)
            await until(lambda: received(made) == 6, "the malformed one is counted")
        counters = status(made).counters
        assert counters.totals.accepted == 5
        assert counters.totals.malformed == 1
        assert counters.tally.bytes_out == 5 * 48
        assert counters.slow == (6 if path == "slow" else 0)
        report = await made.clients(10)
        assert [(one.address, one.requests) for one in report.busiest] == [(pack_address("127.0.0.1"), 5)]
        assert status(made).running == status(made).workers == workers
    assert received(made) == 6, "the counts outlive the workers"
    assert status(made).running == 0


@pytest.mark.parametrize("workers", [0, 1])
async def test_a_published_snapshot_is_served_at_once(path: str, workers: int) -> None:
    async with serving(settings(workers)) as made:
        with Asker(made.addresses[0]) as client:
            for stratum in (3, 4, 5):
                made.publish(synchronized(stratum), clock_set=True)
                assert (await client.ask()).stratum == stratum


@pytest.mark.parametrize("workers", [0, 1])
async def test_a_step_of_the_clock_ends_what_was_remembered_of_former_answers(path: str, workers: int) -> None:
    async with serving(settings(workers)) as made:
        with Asker(made.addresses[0]) as client:
            for clock_set in (False, True):
                is_interleaved, former = await client.ask_interleaved(await client.ask())
                assert not is_interleaved, "a basic answer is not remembered"
                made.publish(synchronized(), clock_set=clock_set)
                is_interleaved, _ = await client.ask_interleaved(former)
                assert is_interleaved is not clock_set


@pytest.mark.parametrize("workers", [0, 1])
async def test_when_nothing_is_published_any_more_the_time_ends_by_itself(path: str, workers: int) -> None:
    dying = replace(synchronized(), dispersion_rate=0.1, dispersion_limit=NtpDuration.from_seconds(0.03))
    async with serving(settings(workers), snapshot=dying) as made:
        with Asker(made.addresses[0]) as client:
            async with asyncio.timeout(DEADLINE_S):
                while (reply := await client.ask()).stratum != 16:
                    assert reply.stratum == 2
            assert reply.first_byte >> 6 == LeapIndicator.UNSYNCHRONIZED
            made.publish(synchronized(3))
            assert (await client.ask()).stratum == 3


async def test_a_killed_worker_is_replaced_counted_and_said_and_loses_nothing_queued(path: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(settings(1)) as made:
        (victim,) = processes(made)
        with Asker(made.addresses[0]) as client:
            await client.ask()
            await until(lambda: received(made) == 1, "it is counted after it is answered")
            with caplog.at_level(logging.WARNING):
                os.kill(victim.pid, signal.SIGKILL)
                await until(lambda: not is_alive(victim.pid), "it is dead")
                for _ in range(100):
                    client.send()
                await client.wait_all()
        (successor,) = processes(made)
        assert successor.pid != victim.pid
        assert status(made).counters.worker_restarts == 1
        await until(lambda: received(made) == 101, "what the dead one had counted is kept")
        (said,) = [record.getMessage() for record in caplog.records]
        assert said.startswith("worker 1 of 1 for 127.0.0.1:0 (process")
        assert "was killed by SIGKILL" in said


async def test_a_reload_under_load_loses_no_request_and_answers_none_twice(path: str) -> None:
    async with serving(settings(2)) as made:
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Asker(made.addresses[0], f"127.0.0.{number}")) for number in range(1, 9)]
            done = asyncio.Event()

            async def load() -> None:
                while not done.is_set():
                    for client in clients:
                        client.send()
                        client.collect()
                    await asyncio.sleep(0.001)

            task = asyncio.get_running_loop().create_task(load())
            first = {one.pid for one in processes(made)}
            for workers, size in ((2, 100), (1, 200), (3, 300), (0, 400), (0, 500), (2, 600)):
                policy = ServerPolicy(clients=ClientLimits(size=size))
                assert await made.apply([settings(workers, policy)]) == ()
                assert status(made).workers == status(made).running == workers
            done.set()
            await task
            for client in clients:
                await client.wait_all()
            asked = sum(len(client.asked) for client in clients)
        assert asked > 100
        assert not any(map(is_alive, first)), "the old ones have gone"
        assert status(made).counters.worker_restarts == 0
        await until(lambda: received(made) == asked, "each was counted once")
        assert status(made).counters.kernel_drops == 0


async def test_a_reload_changes_whom_it_serves_and_adds_and_removes_servers(path: str) -> None:
    nobody = ServerPolicy(denylist=AccessList(PrefixTable(["0.0.0.0/0"]), RefusalAction.DENY))
    other = Address("127.0.0.2", 0)
    async with serving(settings(1), settings(0, listen=Address("127.0.0.3", 0))) as made:
        assert await made.apply([settings(1, nobody), settings(1, listen=other)]) == ()
        first, second = made.addresses
        assert (first.host, second.host) == ("127.0.0.1", "127.0.0.2")
        with Asker(first) as denied, Asker(second) as served:
            assert (await denied.ask()).stratum == 0
            assert (await served.ask()).stratum == 2
        assert made.status()[0].counters.tally.kissed[list(DropReason).index(DropReason.DENYLIST)] == 1


async def test_a_reload_that_fails_changes_nothing_and_says_why(path: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        busy = Address("127.0.0.1", taken.getsockname()[1])
        async with serving(settings(1)) as made:
            broken = replace(settings(1), dns_policy=DnsPolicyConfig(nameservers=("not-an-address",)))
            problems = await made.apply([broken, settings(1, listen=busy)])
            assert len(problems) == 2
            assert "ConfigError: the DNS policy cannot work" in problems[0]
            assert f"cannot listen on {busy}: " in problems[1]
            with Asker(made.addresses[0]) as client:
                assert (await client.ask()).stratum == 2


@pytest.mark.parametrize("workers", [0, 1])
async def test_what_cannot_start_leaves_nothing_behind(workers: int) -> None:
    broken = replace(settings(workers), dns_policy=DnsPolicyConfig(nameservers=("not-an-address",)))
    made = Serving([settings(1), broken], synchronized())
    with pytest.raises(WorkerError if workers else ConfigError, match="the DNS policy cannot work"):
        await made.start()
    assert made.status()[0].running == 0
    await made.stop()


async def test_a_taken_port_is_an_error_that_names_it(path: str) -> None:
    async with serving(settings(1)) as made:
        with pytest.raises(SocketError, match=f"cannot listen on {made.addresses[0]}"):
            Serving([settings(1, listen=made.addresses[0])], synchronized()).bind()


async def test_stopping_twice_answers_what_was_queued(path: str) -> None:
    made = Serving([settings(1)], synchronized())
    await made.start()
    with Asker(made.addresses[0]) as client:
        await client.ask()
        for _ in range(200):
            client.send()
        await made.stop()
        await made.stop()
        client.collect()
        assert client.replies.keys() == client.asked
    assert status(made).counters.totals.accepted == 201


async def test_a_worker_that_hangs_is_killed_in_time(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(server_module, "_STOP_S", 0.1)
    made = Serving([settings(1)], synchronized())
    await made.start()
    (worker,) = processes(made)
    os.kill(worker.pid, signal.SIGSTOP)
    async with asyncio.timeout(5.0):
        await made.stop()
    assert not is_alive(worker.pid)
    assert [record.getMessage() for record in caplog.records] == ["a worker did not end within 0.1 s and was killed"]


async def test_a_worker_that_hangs_without_dying_is_replaced_counted_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watchdog, "_INTERVAL_S", 0.25)
    async with serving(settings(1)) as made:
        (victim,) = processes(made)
        with Asker(made.addresses[0]) as client:
            await client.ask()
            os.kill(victim.pid, signal.SIGSTOP)
            for _ in range(20):
                client.send()
            await client.wait_all()
        (successor,) = processes(made)
        assert successor.pid != victim.pid
        assert not is_alive(victim.pid)
        turns = successor._page.turns
        await until(lambda: successor._page.turns >= turns + 5, "the other one goes on, without requests too")
        assert status(made).counters.worker_restarts == 1
        (said,) = [record.getMessage() for record in caplog.records]
        assert said.startswith("worker 1 of 1 for 127.0.0.1:0 (process")
        assert "did nothing for 0.75 s and was killed; another is started in" in said


async def test_signals_of_the_terminal_and_the_service_manager_are_the_daemons(path: str) -> None:
    async with serving(settings(1)) as made:
        (worker,) = processes(made)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(worker.pid, number)
        with Asker(made.addresses[0]) as client:
            await client.ask()
        assert is_alive(worker.pid)
        assert os.getpgid(worker.pid) != os.getpgid(0)
        assert status(made).counters.worker_restarts == 0


@pytest.mark.parametrize("name", ["nobody", None])
async def test_a_worker_has_no_capability_and_is_who_it_was_told_to_be(name: str | None) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has what is to be given up")
    nobody = pwd.getpwnam(name or "root")
    surrender = Surrender(None if name is None else Account(name, nobody.pw_uid, nobody.pw_gid))
    async with serving(settings(1), surrender=surrender) as made:
        (worker,) = processes(made)
        with Asker(made.addresses[0]) as client:
            await client.ask()
        assert field_of(worker.pid, "Uid").split() == [str(nobody.pw_uid)] * 4
        assert field_of(worker.pid, "Gid").split() == [str(nobody.pw_gid)] * 4
        assert name is None or field_of(worker.pid, "Groups") == ""
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(field_of(worker.pid, capabilities), 16) == 0, capabilities
        assert field_of(worker.pid, "NoNewPrivs") == "1"


async def test_a_worker_has_nothing_of_the_daemons_but_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    monkeypatch.setenv("SECRET_TOKEN", "secret")
    with socket.socket() as other:
        other.set_inheritable(True)
        async with serving(settings(2)) as made:
            for worker in processes(made):
                environ, links = inheritance_of(worker.pid)
                assert b"PYTHONPATH=" in environ
                assert b"NOTIFY_SOCKET" not in environ
                assert b"SECRET_TOKEN" not in environ
                sockets = [link for link in links if link.startswith("socket:")]
                assert len(sockets) == 2, "one to serve, one to the daemon"
                assert {link.split()[0] for link in links if link not in sockets} == {"/memfd:ntp-counters", "/memfd:ntp-snapshot"}


async def test_nobody_else_can_join_the_sockets_of_the_workers() -> None:
    """As root this shows another user's refusal, whether he shares or not. That the same user could join is the kernel's rule."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    script = (
        "import os, socket, sys\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "for option in (None, socket.SO_REUSEADDR, socket.SO_REUSEPORT):\n"
        "    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "    if option is not None: s.setsockopt(socket.SOL_SOCKET, option, 1)\n"
        "    try: s.bind(('127.0.0.1', int(sys.argv[1])))\n"
        "    except OSError as error: print(error.errno)\n"
        "    else: print('joined')\n"
    )
    async with serving(settings(2)) as made:
        done = subprocess.run([sys.executable, "-c", script, str(made.addresses[0].port)], capture_output=True, text=True, check=True)  # noqa: ASYNC221 -- short
        assert done.stdout.split() == ["98"] * 3, "EADDRINUSE"


async def test_a_worker_ends_with_the_daemon() -> None:
    script = """
import asyncio
from ntp_daemon.serving.serving import Serving
from ntp_daemon.serving.settings import ServerSettings
from ntp_proto.datagram import Address
from ntp_proto.server import ServerPolicy
from support.asking import synchronized

async def main():
    made = Serving([ServerSettings(listen=Address("127.0.0.1", 0), policy=ServerPolicy(), workers=1)], synchronized())
    await made.start()
    print(made._servers[0]._workers._places[0].service.pid, flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""
    paths = os.pathsep.join(path for path in sys.path if path)
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, env=environment({"PYTHONPATH": paths})
    )
    assert daemon.stdout is not None
    pid = int(await daemon.stdout.readline())
    assert is_alive(pid)
    daemon.kill()
    await daemon.wait()
    await until(lambda: not is_alive(pid), "it has gone too")


async def test_where_no_worker_can_be_started_the_daemon_answers_itself(
    path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a change of the root directory."""
    async with serving(settings(1)) as made:
        monkeypatch.setattr(worker_process.sys, "executable", "/does/not/exist")
        with Asker(made.addresses[0]) as client:
            (worker,) = processes(made)
            os.kill(worker.pid, signal.SIGKILL)
            await until(lambda: not is_alive(worker.pid), "it is dead")
            await client.ask()
        assert (status(made).running, status(made).workers) == (0, 1)
        assert "this process answers in its place" in caplog.records[-1].getMessage()


@pytest.mark.parametrize("workers", [0, 1])
async def test_events_and_the_request_log(path: str, workers: int, tmp_path: Path) -> None:
    log = tmp_path / "requests.log"
    policy = ServerPolicy(clients=ClientLimits(rate=Rate(0.01, 2), leak=0), limit_action=RefusalAction.DENY)
    async with serving(replace(settings(workers, policy), request_log=RequestLogConfig(log))) as made, made.events.subscribe() as subscription:
        with Asker(made.addresses[0]) as client:
            for _ in range(3):
                await client.ask()
            client.send(first_byte=0x1C)
            async with asyncio.timeout(DEADLINE_S):
                events = [await anext(subscription) for _ in range(4)]
    assert [(one.outcome, one.version, one.mode, one.stratum) for one in events] == [
        ("time", 4, 3, 2),
        ("time", 4, 3, 2),
        ("kiss: client-rate", 4, 3, 0),
        ("bad-mode", 3, 4, None),
    ]
    assert all(one.client.host == "127.0.0.1" and one.length == 48 for one in events)
    lines = log.read_text().splitlines()
    assert lines == [one.to_line() for one in events]
    assert lines[2].endswith(f"{events[2].client} v=4 mode=3 stratum=0 len=48 result='kiss: client-rate'")


async def test_nobody_pays_for_events_that_nobody_wants() -> None:
    async with serving(settings(1)) as made:
        seen: list[RequestEvent] = []
        with Asker(made.addresses[0]) as client:
            async with made.events.subscribe() as subscription:
                await client.ask()
                async with asyncio.timeout(DEADLINE_S):
                    seen.append(await anext(subscription))
            await client.ask()
            assert [one async for one in subscription] == []
        assert len(seen) == 1
        assert made.events.history() == ()


async def test_a_flood_of_strangers_keeps_memory_flat(path: str) -> None:
    """10 000 requests from 2000 addresses, half of them denied and a tenth malformed, into a table of 64."""
    denied = PrefixTable(f"127.1.{number}.0/25" for number in range(256))
    policy = ServerPolicy(denylist=AccessList(denied), clients=ClientLimits(rate=Rate(1.0, 1), size=64), interleaved_size=64)

    async with serving(settings(1, policy)) as made:
        (worker,) = processes(made)

        async def flood(first: int) -> None:
            before = received(made)
            for number in range(1000):
                low = number % 256
                with Asker(made.addresses[0], f"127.1.{first + number // 256}.{low}") as client:
                    for turn in range(5):
                        client.send(first_byte=0x24 if (number + turn) % 10 == 0 else 0x23)
                if number % 50 == 49:  # no faster than it works: what the kernel drops is no load
                    await until(lambda sent=5 * (number + 1): received(made) == before + sent, "counted")  # type: ignore[misc]

        await flood(0)
        resident = int(field_of(worker.pid, "VmRSS").split()[0])
        await flood(4)
        grown = int(field_of(worker.pid, "VmRSS").split()[0]) - resident
        assert grown <= 256, f"kB more after as many strangers again: {grown}"
        totals = status(made).counters.totals
        assert totals.received == 10_000
        assert totals.malformed == 1000
        assert totals.acl_denied > 4000
        assert totals.rate_limited > 2000
        assert (await made.clients(1000)).active <= 64


async def test_each_client_meets_one_worker_so_that_limits_are_exact(path: str) -> None:
    policy = ServerPolicy(clients=ClientLimits(rate=Rate(0.001, 3), leak=0), limit_action=RefusalAction.IGNORE)
    async with serving(settings(3, policy)) as made:
        for host in range(1, 9):
            for _ in range(6):
                with Asker(made.addresses[0], f"127.0.0.{host}") as client:  # a fresh port each time, as a careful client has it
                    client.send()
        await until(lambda: received(made) == 48, "all were judged")
        tally = status(made).counters.tally
        assert tally.answered[list(AnswerKind).index(AnswerKind.TIME)] == 8 * 3
        assert tally.dropped[list(DropReason).index(DropReason.CLIENT_RATE)] == 8 * 3


@pytest.mark.parametrize("workers", [0, 1])
async def test_whom_it_serves_by_name(workers: int) -> None:
    names = NameServer("host.bad.example.")
    dns_policy = DnsPolicyConfig(deny_suffixes=("bad.example",), nameservers=(names.place,), timeout_s=5.0, fail_open=False)
    policy = ServerPolicy(name_action=RefusalAction.DENY)
    try:
        async with serving(replace(settings(workers, policy), dns_policy=dns_policy)) as made, contextlib.AsyncExitStack() as stack:
            client = stack.enter_context(Asker(made.addresses[0]))
            client.send()
            await until(lambda: names.asked == 1, "it is looked up")
            async with asyncio.timeout(DEADLINE_S):
                while not client.replies:  # silence while the name is not known
                    client.send()
                    await asyncio.sleep(0.01)
                    client.collect()
            (kiss,) = client.replies.values()
            assert (kiss.stratum, kiss.reference_id_bits.to_bytes(4, "big")) == (0, b"DENY")
            assert names.asked == 1, "one look-up for all its requests"
        await until(lambda: status(made).counters.totals.dns_denied == len(client.asked), "counted")
        assert status(made).counters.tally.refused_for(DropReason.NAME_PENDING) >= 1
        assert status(made).counters.slow == len(client.asked)
    finally:
        names.close()


async def test_a_worker_that_cannot_live_is_started_more_and_more_slowly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(workers_module, "_SHORTEST_PAUSE_S", 0.001)
    monkeypatch.setattr(workers_module, "_LONGEST_PAUSE_S", 0.004)
    program = tmp_path / "short-lived"
    program.write_text(
        f"#!{sys.executable}\nimport socket, sys\nfrom ntp_daemon.serving.messages import load_setup\n"
        "socket.socket(fileno=load_setup(int(sys.argv[-1])).control).send(b'r')\n"
    )
    program.chmod(0o700)
    monkeypatch.setattr(worker_process.sys, "executable", str(program))
    async with serving(settings(1)) as made:
        await until(lambda: status(made).counters.worker_restarts >= 4, "it dies again and again")
    pauses = [float(record.getMessage().split()[-2]) for record in caplog.records]
    assert pauses[:4] == [0.001, 0.002, 0.004, 0.004]


async def test_a_reload_changes_the_buffers_and_counters_never_go_back() -> None:
    async with serving(settings(1)) as made:
        (socket_before,) = made._servers[0]._sockets
        before = socket_before.receive_buffer
        with Asker(made.addresses[0]) as client:
            for number in range(1, 3):
                await client.ask()
                seen = [received(made)]
                reload = asyncio.get_running_loop().create_task(made.apply([replace(settings(1), buffers=Buffers(receive=before // 2 + number))]))
                while not reload.done():
                    await asyncio.sleep(0)
                    seen.append(received(made))
                assert seen == sorted(seen)
                assert seen[-1] == number
        assert made._servers[0]._sockets == [socket_before]
        assert socket_before.receive_buffer == before // 2 + 2
