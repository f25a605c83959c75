"""The daemon as a server: in each mode of its clock, under a reload, as another user, and when a port is taken."""

from __future__ import annotations

import os
import pwd
import re
import signal
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from ntp_ctl.client import send_control
from ntp_proto.control import ForceSyncRequest
from ntp_proto.datagram import Address
from ntp_proto.identifiers import LeapIndicator, ReferenceId
from ntp_proto.observation import ClockMode, SyncState
from ntp_proto.packet import Header
from support.clients import observe, source, start_daemon, wait_ready
from support.programs import DEADLINE_S, Program, python, run, wait_until
from support.serving import free_port, serving_daemon, write_server_config
from support.wire import Tap

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else, or change its root directory")
NOBODY = pwd.getpwnam("nobody")
REQUEST = bytes([0x23]) + bytes(39) + b"\xea\x00\x00\x00\x12\x34\x56\x78"


def ask(address: Address, timeout_s: float = DEADLINE_S) -> Header | None:
    """The answer to one request; None when there is none in time."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout_s)
        client.connect((address.host, address.port))
        client.send(REQUEST)
        try:
            return Header.parse(client.recv(1024))
        except (TimeoutError, ConnectionRefusedError):
            return None


def wait_answer(address: Address, leap: LeapIndicator) -> Header:
    """Ask until the answer has this leap indicator."""
    found: list[Header] = []

    def look() -> bool:
        header = ask(address, 1.0)
        if header is not None and header.leap is leap:
            found.append(header)
        return bool(found)

    wait_until(look, f"an answer with {leap.name}")
    return found[0]


def status_of_process(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_corrected(folder: Path) -> bool:
    """Whether what is served is the system clock and a little: a server on the same clock is seen over a path."""
    served = observe(folder).served
    return served is not None and 0.0 < abs(served.time_offset_s) < 0.1


@dataclass
class Load:
    """Sends requests one after the other until it is stopped, each when the one before was answered or is late."""

    address: Address
    sent: int = 0
    unanswered: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join()

    def wait_more(self, count: int) -> None:
        goal = self.sent + count
        wait_until(lambda: self.sent >= goal, f"{count} more requests")

    def _run(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(2.0)
            client.connect((self.address.host, self.address.port))
            while not self._stop.is_set():
                self.sent += 1
                client.send(REQUEST)
                try:
                    client.recv(1024)
                except (TimeoutError, ConnectionRefusedError):
                    self.unanswered += 1


@pytest.mark.parametrize("workers", [0, 2])
def test_local_needs_no_source(tmp_path: Path, workers: int) -> None:
    clock = 'mode = "local"\nlocal-stratum = 7\nlocal-reference-id = "192.0.2.99"'
    with serving_daemon(tmp_path, clock=clock, server=f"workers = {workers}") as (daemon, address):
        answer = ask(address)
        assert answer is not None
        assert (answer.leap, answer.stratum, answer.mode, answer.version) == (LeapIndicator.NO_WARNING, 7, 4, 4)
        assert answer.reference_id == ReferenceId.from_address("192.0.2.99")
        assert answer.origin_bits == 0xEA00000012345678
        shown = observe(tmp_path)
        assert (shown.program.clock, shown.system.state, shown.system.stratum) == (ClockMode.LOCAL, SyncState.SYNCHRONIZED, 7)
        assert len(children_of(daemon.process.pid)) == workers
        assert daemon.stop() == 0
    assert "going on" not in daemon.stderr
    assert ask(address, 0.2) is None


def test_virtual_serves_nothing_but_the_truth(tmp_path: Path, tap: Tap) -> None:
    listen = Address("127.0.0.1", free_port())
    write_server_config(tmp_path, listen, clock='mode = "virtual"', server="workers = 1", sources=source(tap.address, poll=-2))
    with start_daemon(tmp_path) as daemon:
        daemon.wait_for("synchronized: following")
        synchronized = ask(listen)
        assert synchronized is not None
        assert (synchronized.leap, synchronized.stratum) == (LeapIndicator.NO_WARNING, 2), "at once, not at the next look"
        assert synchronized.reference_id == ReferenceId.from_address(tap.address.host)
        shown = observe(tmp_path)
        assert shown.served is not None
        assert (shown.served.synchronized, shown.served.stratum) == (True, 2)
        assert daemon.stop() == 0


def test_without_a_source_there_is_no_time(tmp_path: Path) -> None:
    listen = Address("127.0.0.1", free_port())
    write_server_config(tmp_path, listen, clock='mode = "virtual"', server="workers = 0", sources=source("127.0.0.1:9"))
    with start_daemon(tmp_path) as daemon:
        daemon.wait_for("serving on ")
        answer = ask(listen)
        assert answer is not None
        assert (answer.leap, answer.stratum, answer.reference_id.to_text(1)) == (LeapIndicator.UNSYNCHRONIZED, 16, "INIT")
        assert daemon.stop() == 0


def test_who_wants_silence_instead_gets_it_and_it_is_counted(tmp_path: Path) -> None:
    listen = Address("127.0.0.1", free_port())
    server = "workers = 0\nserve-unsynchronized = false"
    write_server_config(tmp_path, listen, clock='mode = "virtual"', server=server, sources=source("127.0.0.1:9"))
    with start_daemon(tmp_path) as daemon:
        daemon.wait_for("serving on ")
        assert ask(listen, 0.3) is None
        assert observe(tmp_path).servers[0].drops["unsynchronized"] == 1
        assert daemon.stop() == 0


def test_mirror_passes_on_what_its_source_says(tmp_path: Path, time_server: Address) -> None:
    (tmp_path / "upstream").mkdir()
    upstream_clock = 'mode = "local"\nlocal-stratum = 4\nlocal-reference-id = "198.51.100.7"'
    with serving_daemon(tmp_path / "upstream", clock=upstream_clock, server="workers = 0") as (upstream, address):
        listen = Address("127.0.0.1", free_port())
        sources = source("127.0.0.1:9", poll=0) + source(address, poll=0)
        write_server_config(tmp_path, listen, clock='mode = "mirror"', server="workers = 0", sources=sources)
        with start_daemon(tmp_path) as daemon:
            answer = wait_answer(listen, LeapIndicator.NO_WARNING)
            assert (answer.stratum, answer.reference_id) == (4, ReferenceId.from_address("198.51.100.7"))
            shown = observe(tmp_path)
            assert (shown.program.clock, shown.system.stratum, shown.system.slewing) == (ClockMode.MIRROR, 4, False)
            assert daemon.stop() == 0
        assert upstream.stop() == 0
    assert "set the clock" not in daemon.stderr
    assert not (tmp_path / "drift").exists(), "what is found out of a clock that others keep is nobody's drift"


def test_the_median_leaves_out_who_is_too_far_off(tmp_path: Path, time_server: Address) -> None:
    listen = Address("127.0.0.1", free_port())
    clock = 'mode = "virtual"\nselect = "median"\nmax-accepted-offset = {}'
    write_server_config(tmp_path, listen, clock=clock.format(0), server="workers = 0", sources=source(time_server, poll=-2))
    with start_daemon(tmp_path) as daemon:
        wait_until(lambda: any(one.rejections.get("max-accepted-offset") for one in observe(tmp_path).sources), "no server is off by nothing at all")
        answer = ask(listen)
        assert answer is not None
        assert answer.leap is LeapIndicator.UNSYNCHRONIZED
        write_server_config(tmp_path, listen, clock=clock.format(1.5), server="workers = 0", sources=source(time_server, poll=-2))
        daemon.process.send_signal(signal.SIGHUP)
        answer = wait_answer(listen, LeapIndicator.NO_WARNING)
        assert (answer.stratum, answer.reference_id) == (2, ReferenceId.from_address("127.0.0.1"))
        wait_until(lambda: is_corrected(tmp_path), "the status shows it")
        assert daemon.stop() == 0


def test_it_does_not_learn_the_time_from_itself(tmp_path: Path) -> None:
    listen = Address("127.0.0.1", free_port())
    write_server_config(tmp_path, listen, clock='mode = "virtual"', server="workers = 0", sources=source(listen))
    with start_daemon(tmp_path) as daemon:
        daemon.wait_for(f"{listen} is this daemon itself; it is not asked")
        (shown,) = observe(tmp_path).sources
        assert shown.reason == f"{listen} is this daemon itself"
        assert daemon.stop() == 0


@pytest.mark.parametrize("workers", [0, 1])
def test_a_port_that_is_taken_ends_it_with_one_line(tmp_path: Path, workers: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        listen = Address("127.0.0.1", other.getsockname()[1])
        write_server_config(tmp_path, listen, server=f"workers = {workers}")
        done = run(python("ntp_daemon", "-c", tmp_path / "ntp.toml"))
    assert done.process.returncode == 1
    complaint = [line for line in done.stderr.splitlines() if line.startswith("ntp-daemon: ")]
    assert len(complaint) == 1
    assert re.fullmatch(rf"ntp-daemon: cannot listen on {listen}: .* \(pid {os.getpid()}\).*", complaint[0])


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["-s", "192.0.2.77:1123"], 1, "cannot listen on 192.0.2.77:1123: this machine does not have that address"),
        (["-s", "ntp.example"], 78, '-s: "ntp.example" is a name: give a numeric address of this machine, like 0.0.0.0 or [::]'),
        (["-s", "127.0.0.1:1123", "-u", "no-such-user"], 77, "there is no user 'no-such-user'"),
        (["-s", "127.0.0.1:1123", "-r", "/no/such/root"], 77, "there is no directory '/no/such/root' to become the root directory"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], status: int, message: str) -> None:
    sockets = ["--observation-socket", "", "--configuration-socket", ""]
    done = run(python("ntp_daemon", "--clock", "local", *sockets, *arguments), {"NTP_DAEMON_CONFIG": os.devnull})
    assert done.process.returncode == status
    assert done.stderr.splitlines()[-1] == f"ntp-daemon: {message}"


def test_a_request_log_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    log = tmp_path / "missing" / "requests.log"
    write_server_config(tmp_path, Address("127.0.0.1", free_port()), server=f'workers = 0\nrequest-log.path = "{log}"')
    done = run(python("ntp_daemon", "-c", tmp_path / "ntp.toml"))
    assert done.process.returncode == 1
    assert done.stderr.splitlines()[-1] == f"ntp-daemon: cannot serve: {log}: no such file or directory"


def test_what_options_leave_out_of_the_file_is_said(tmp_path: Path) -> None:
    write_server_config(tmp_path, Address("127.0.0.1", 1123), server='denylist.filter = ["10.0.0.0/8"]')
    done = run(python("ntp_daemon", "--check-config", "-c", tmp_path / "ntp.toml", "-s", "127.0.0.1:1124"))
    assert done.process.returncode == 0
    assert "with -s the [[server]] tables of the file do not count, their lists and limits included" in done.stderr


def test_who_serves_without_a_source_is_told_how(tmp_path: Path) -> None:
    done = run(python("ntp_daemon", "-s", "127.0.0.1:1124"), {"NTP_DAEMON_CONFIG": os.devnull})
    assert done.process.returncode == 78
    assert "no time sources: give -p HOST" in done.stderr
    assert done.stderr.endswith(", or --clock local to serve this machine's clock as it is\n")


def test_a_reload_changes_a_list_at_once_and_loses_nothing(tmp_path: Path, tap: Tap) -> None:
    listen = Address("127.0.0.1", free_port())
    clock, sources = 'mode = "virtual"', source(tap.address, poll=-2)
    write_server_config(tmp_path, listen, clock=clock, server="workers = 1", sources=sources)
    with start_daemon(tmp_path) as daemon:
        wait_answer(listen, LeapIndicator.NO_WARNING)
        before = observe(tmp_path)
        denied = 'workers = 1\ndenylist = { filter = ["127.0.0.0/8"], action = "deny" }'
        write_server_config(tmp_path, listen, clock=clock, server=denied, sources=sources)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("configuration reloaded")
        answer = ask(listen)
        assert answer is not None
        assert (answer.stratum, answer.reference_id.to_text(0)) == (0, "DENY")
        wait_until(lambda: observe(tmp_path).servers[0].kisses.get("denylist", 0) >= 1, "the kiss is counted")
        after = observe(tmp_path)
        assert after.servers[0].requests > before.servers[0].requests, "the counters go on"
        assert after.servers[0].worker_restarts == 0
        assert [one.id for one in after.sources] == [one.id for one in before.sources], "the source goes on"
        assert after.system.state is SyncState.SYNCHRONIZED
        write_server_config(tmp_path, listen, clock=clock, server='denylist.filter = ["127.0.0.1/8"]', sources=sources)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for(r"ntp.toml:\d+: server.denylist.filter: .* has bits beyond its prefix; did you mean 127.0.0.0/8\?")
        assert ask(listen) is not None, "an invalid file changes nothing"
        assert daemon.stop() == 0


@pytest.mark.parametrize("workers", [0, 2])
def test_no_request_is_lost_by_a_reload(tmp_path: Path, workers: int) -> None:
    with serving_daemon(tmp_path, server=f"workers = {workers}") as (daemon, listen), Load(listen) as load:
        for number in range(4):
            load.wait_more(200)
            write_server_config(tmp_path, listen, server=f"workers = {workers}\nrate-limiting-cache-size = {100 + number}")
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda count=number + 1: daemon.stderr.count("configuration reloaded") == count, "the reload")
        load.wait_more(200)
        load.__exit__()
        wait_until(lambda: observe(tmp_path).servers[0].requests == load.sent, "every request is counted")
        assert daemon.stop() == 0
    assert load.unanswered == 0


@pytest.mark.parametrize("workers", [0, 1])
def test_a_server_comes_and_goes_with_the_file(tmp_path: Path, workers: int) -> None:
    with serving_daemon(tmp_path, server=f"workers = {workers}") as (daemon, first):
        second = Address("127.0.0.1", free_port())
        write_server_config(tmp_path, second, server=f"workers = {workers}")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("configuration reloaded")
        assert ask(second) is not None
        assert ask(first, 0.2) is None
        wait_until(lambda: [server.address for server in observe(tmp_path).servers] == [str(second)], "the status shows it")
        asked = send_control(tmp_path / "configure", ForceSyncRequest())
        assert (asked.accepted, asked.message) == (False, "in this mode no clock is set: the system clock is only looked at")
        assert daemon.stop() == 0


def test_many_reloads_at_once_are_done_one_after_the_other(tmp_path: Path) -> None:
    with serving_daemon(tmp_path, server="workers = 1") as (daemon, listen):
        for number in range(10):
            write_server_config(tmp_path, listen, server=f"workers = 1\nrate-limiting-cache-size = {100 + number}")
            daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "configuration reloaded" in daemon.stderr, "a reload")
        assert ask(listen) is not None
        daemon.process.send_signal(signal.SIGHUP)
        assert daemon.stop() == 0, "in the middle of a reload too"
    assert "cannot" not in daemon.stderr


@needs_root
@pytest.mark.parametrize("workers", [0, 1])
def test_as_another_user_it_serves_and_reloads_and_ends(tmp_path: Path, workers: int) -> None:
    listen = Address("127.0.0.1", free_port())
    write_server_config(tmp_path, listen, server=f"workers = {workers}")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    os.chown(tmp_path, NOBODY.pw_uid, NOBODY.pw_gid)
    with start_daemon(tmp_path, "-u", "nobody") as daemon:
        daemon.wait_for("going on as user nobody")
        assert ask(listen) is not None
        for pid in (daemon.process.pid, *children_of(daemon.process.pid)):
            found = status_of_process(pid)
            assert found["Uid"].split() == [str(NOBODY.pw_uid)] * 4
            assert found["Gid"].split() == [str(NOBODY.pw_gid)] * 4
            assert (found["Groups"], found["NoNewPrivs"]) == ("", "1")
            assert {int(found[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
        assert {(tmp_path / name).stat().st_uid for name in ("observe", "configure")} == {NOBODY.pw_uid}
        write_server_config(tmp_path, listen, server=f"workers = {workers}\nlegacy-versions = true")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for("configuration reloaded")
        assert ask(listen) is not None
        assert daemon.stop() == 0
    assert not (tmp_path / "observe").exists(), "who owns the sockets can remove them"


@needs_root
@pytest.mark.parametrize("workers", [0, 1])
def test_in_another_root_it_goes_on(tmp_path: Path, workers: int) -> None:
    jail = tmp_path / "jail"
    jail.mkdir()
    listen = Address("127.0.0.1", free_port())
    write_server_config(tmp_path, listen, server=f"workers = {workers}", sources=source("time.example"), clock='mode = "virtual"')
    with start_daemon(tmp_path, "-u", "nobody", "-r", str(jail)) as daemon:
        daemon.wait_for(f"{jail} has no etc/resolv.conf: names such as time.example:123 cannot be resolved there")
        daemon.wait_for(f"going on as user nobody in {jail}")
        for pid in (daemon.process.pid, *children_of(daemon.process.pid)):
            assert Path(f"/proc/{pid}/root").readlink() == jail
            assert status_of_process(pid)["Uid"].split() == [str(NOBODY.pw_uid)] * 4
        daemon.wait_for(f"drift file {tmp_path}/drift cannot be written from now on: {tmp_path} is not there, or not this user's")
        assert ask(listen) is not None
        wait_ready(tmp_path)
        assert observe(tmp_path).served is not None
        for child in children_of(daemon.process.pid):
            os.kill(child, signal.SIGKILL)
            daemon.wait_for("this process answers in its place")
        assert ask(listen) is not None
        assert daemon.stop() == 0


@needs_root
def test_another_root_without_another_user_is_doubtful(tmp_path: Path) -> None:
    jail = tmp_path / "jail"
    jail.mkdir()
    listen = Address("127.0.0.1", free_port())
    write_server_config(tmp_path, listen, server="workers = 1")
    with start_daemon(tmp_path, "-r", str(jail)) as daemon:
        daemon.wait_for("root in another root directory can leave it; give -u as well as -r")
        daemon.wait_for(f"going on as root in {jail}")
        (worker,) = children_of(daemon.process.pid)
        assert Path(f"/proc/{worker}/root").readlink() == jail
        assert status_of_process(worker)["Uid"].split() == [str(NOBODY.pw_uid)] * 4, "workers are never root"
        assert ask(listen) is not None
        assert daemon.stop() == 0


@needs_root
def test_who_steers_keeps_the_right_to_do_so(tmp_path: Path) -> None:
    """Nothing is steered: the only source does not answer."""
    listen = Address("127.0.0.1", free_port())
    write_server_config(tmp_path, listen, clock='mode = "virtual"', server="workers = 0", sources=source("127.0.0.1:9"))
    program = """
import sys
from ntp_daemon import clocks
from ntp_proto.observation import ClockMode
real = clocks.open_clock
clocks.open_clock = lambda mode, select: real(ClockMode.VIRTUAL)._replace(mode=ClockMode.STEER)  # says that it steers, and does not
from ntp_daemon.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    start, *_ = python("ntp_daemon")
    with Program([start, "-P", "-c", program, "-c", str(tmp_path / "ntp.toml"), "-u", "nobody"]) as daemon:
        daemon.wait_for("going on as user nobody")
        found = status_of_process(daemon.process.pid)
        assert found["Uid"].split() == [str(NOBODY.pw_uid)] * 4
        assert {int(found[name], 16) for name in ("CapPrm", "CapEff", "CapBnd")} == {1 << 25}
        assert daemon.stop() == 0


def test_a_killed_worker_is_replaced_counted_and_said(tmp_path: Path) -> None:
    with serving_daemon(tmp_path, server="workers = 1") as (daemon, listen):
        assert ask(listen) is not None
        (child,) = children_of(daemon.process.pid)
        os.kill(child, signal.SIGKILL)
        daemon.wait_for(r"worker 1 of 1 for \S+ \(process \d+\) was killed by SIGKILL; another is started")
        wait_until(lambda: ask(listen, 1.0) is not None, "an answer of the new worker")
        assert observe(tmp_path).servers[0].worker_restarts == 1
        assert daemon.stop() == 0


def test_a_client_alone_loads_nothing_of_a_server(tmp_path: Path) -> None:
    (tmp_path / "ntp.toml").write_text(source("127.0.0.1:9") + '[synchronization]\ndrift-file = ""\n[clock]\nmode = "virtual"\n')
    program = (
        "import asyncio, sys\n"
        "from ntp_daemon import daemon as module\n"
        "real = module.Daemon._watch\n"
        "async def watch(self, stop):\n"
        "    print(sorted(name for name in sys.modules if '.serv' in name and name.startswith('ntp_')))\n"
        "module.Daemon._watch = watch\n"
        "from ntp_daemon.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    sockets = ["--observation-socket", "", "--configuration-socket", ""]
    start, *_ = python("ntp_daemon")
    done = run([start, "-P", "-c", program, "-c", str(tmp_path / "ntp.toml"), *sockets])
    assert done.stdout == "['ntp_daemon.server_slot', 'ntp_proto.server_address']\n"
