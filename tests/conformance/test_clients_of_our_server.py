"""Our server as others see it: clients that we did not write follow it, and every packet is read by a dissector that we did not write.

All clients run at the same time, each behind a tap of its own, against one ntp-daemon that serves the system clock. None of them may set one.
NTPsec's programs ask port 123 only, and live in a network namespace; the tap carries their packets to our server.

Source: RFC 5905 §8 and §9.2 (what an answer holds); RFC 9769 §2 (interleaved mode).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from ntp_proto.datagram import Address
from support.clients import source, start_chronyd, start_daemon, write_config
from support.dissector import Dissected, dissect
from support.namespace import NETWORK, Namespace, namespace
from support.peers import peer
from support.programs import CAP_SYS_TIME, Program, python, run, without
from support.serving import serving_daemon
from support.wire import Seen, Tap

_STRATUM = 5
_REFERENCE_ID = "198.51.100.77"
_UNIX_EPOCH_S = 2_208_988_800
_STAMP_SLACK_NS = 1_000_000  # the kernel's clock and the tap's reading of it may be a clock adjustment apart


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, with this machine's time before the one and after the other, 2^-32 s since 1900."""

    request: Dissected
    answer: Dissected
    before: int
    after: int

    @property
    def is_interleaved(self) -> bool:
        return self.answer.origin == self.request.receive != 0


@dataclass(frozen=True, slots=True)
class Run:
    """What a client has made of our server, in its own words, and what was said on the wire."""

    verdict: str
    requests: list[Seen]
    answers: list[Seen]

    def exchanges(self) -> list[Exchange]:
        """Requests and answers in pairs: no client here asks again before it has its answer."""
        return [
            Exchange(dissect(request.data), dissect(answer.data), _ntp(request.clock_ns - _STAMP_SLACK_NS), _ntp(answer.clock_ns + _STAMP_SLACK_NS))
            for request, answer in zip(self.requests, self.answers, strict=False)
        ]


def _ntp(unix_ns: int) -> int:
    seconds, rest_ns = divmod(unix_ns, 1_000_000_000)
    return (seconds + _UNIX_EPOCH_S << 32) + (rest_ns << 32) // 1_000_000_000


def _chronyd(folder: Path, tap: Tap, options: str = "") -> str:
    line = f"server {tap.address.host} port {tap.address.port} minpoll -2 maxpoll -2 {options}"
    with start_chronyd(folder, "port 0", line) as chronyd:
        chronyd.wait_for(f"Selected source {tap.address.host}")
        tap.wait_requests(12)
        return chronyd.stdout + chronyd.stderr


def _chronyd_xleave(folder: Path, tap: Tap) -> str:
    return _chronyd(folder, tap, "xleave")


def _ours(folder: Path, tap: Tap) -> str:
    write_config(folder, source(tap.address, poll=-2))
    with start_daemon(folder) as daemon:
        waited = run(python("ntp_ctl", "-o", folder / "observe", "wait-sync", "--max-error", "100ms", "--timeout", "10s", "--json"))
        assert waited.process.returncode == 0, waited.stderr + daemon.stderr
    return waited.stdout


def _ntplib(folder: Path, tap: Tap) -> str:
    ntplib = pytest.importorskip("ntplib")
    statistics = [ntplib.NTPClient().request(tap.address.host, port=tap.address.port, version=version) for version in (3, 4)]
    return json.dumps([{"stratum": one.stratum, "offset": one.offset, "version": one.version, "mode": one.mode} for one in statistics])


def _ntpd(folder: Path, tap: Tap, network: Namespace) -> str:
    config = folder / "ntp.conf"
    config.write_text(f"""\
server {tap.address.host} iburst minpoll 3 maxpoll 3
disable ntp kernel
interface ignore wildcard
interface listen {NETWORK}.1
driftfile {folder / "drift"}
statsdir {folder}
logconfig =allall
""")
    command = network.command(without([peer("ntpd"), "-n", "-N", "-c", str(config)], CAP_SYS_TIME))
    # It keeps to itself what it has chosen for the first seconds of a burst, 2 s apart.
    with Program(command) as ntpd:
        return ntpd.wait_for(rf"{tap.address.host} .* sys_peer", timeout_s=30.0).string


def _ntpdig(folder: Path, tap: Tap, network: Namespace) -> str:
    done = run(network.command([peer("ntpdig"), "-j", "-p", "3", "-g", "10", tap.address.host]))
    assert done.process.returncode == 0, done.stderr
    return done.stdout


_CLIENTS: dict[str, Callable[[Path, Tap], str]] = {"chronyd": _chronyd, "chronyd-xleave": _chronyd_xleave, "ntp-daemon": _ours, "ntplib": _ntplib}
_CLIENTS_OF_PORT_123: dict[str, Callable[[Path, Tap, Namespace], str]] = {"ntpd": _ntpd, "ntpdig": _ntpdig}
_NAMES = [pytest.param(name, marks=[] if name == "ntp-daemon" else pytest.mark.peer, id=name) for name in (*_CLIENTS, *_CLIENTS_OF_PORT_123)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    clock = f'mode = "local"\nlocal-stratum = {_STRATUM}\nlocal-reference-id = "{_REFERENCE_ID}"'
    with serving_daemon(tmp_path_factory.mktemp("server"), clock=clock, server="workers = 1") as (_, address):
        yield address


@pytest.fixture(scope="module")
def runs(server: Address, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Callable[[], Run]]]:
    """All clients at the same time: most of a run is waiting. What a client's run raises, or why it is skipped, is its own tests' business."""
    with contextlib.ExitStack() as stack, ThreadPoolExecutor() as pool:

        def begin(name: str, tap: Tap, observe: Callable[[Path, Tap], str]) -> Callable[[], Run]:
            stack.enter_context(tap)
            future: Future[str] = pool.submit(observe, tmp_path_factory.mktemp(name), tap)
            return lambda: Run(future.result(), tap.requests, tap.answers)

        begun = {name: begin(name, Tap(server, f"127.0.3.{number}"), client) for number, (name, client) in enumerate(_CLIENTS.items(), 1)}
        try:
            network = stack.enter_context(namespace())
        except pytest.skip.Exception as reason:
            begun |= dict.fromkeys(_CLIENTS_OF_PORT_123, _raising(reason))
        else:
            for number, (name, client) in enumerate(_CLIENTS_OF_PORT_123.items(), 2):
                tap = Tap(server, f"{NETWORK}.{number}", 123, network=network)
                begun[name] = begin(name, tap, lambda folder, tap, client=client: client(folder, tap, network))
        yield begun


def _raising(reason: BaseException) -> Callable[[], Run]:
    def fail() -> Run:
        raise reason

    return fail


@pytest.fixture(params=_NAMES)
def run_of(request: pytest.FixtureRequest, runs: dict[str, Callable[[], Run]]) -> tuple[str, Run]:
    name: str = request.param
    return name, runs[name]()


def test_the_client_follows_us(run_of: tuple[str, Run]) -> None:
    name, run_ = run_of
    match name:
        case "chronyd" | "chronyd-xleave":
            assert "Selected source 127.0.3." in run_.verdict
        case "ntp-daemon":
            system = json.loads(run_.verdict)
            assert (system["state"], system["stratum"]) == ("synchronized", _STRATUM + 1)
            assert abs(system["offset_s"]) < 0.01, "both read the same system clock"
        case "ntplib":
            for one, version in zip(json.loads(run_.verdict), (3, 4), strict=True):
                assert (one["stratum"], one["mode"], one["version"]) == (_STRATUM, 4, version)
                assert abs(one["offset"]) < 0.1
        case "ntpd":
            assert "sys_peer" in run_.verdict
        case "ntpdig":
            report = json.loads(run_.verdict)
            assert report["stratum"] == _STRATUM
            assert abs(report["offset"]) < 0.1
        case _:
            raise AssertionError(f"what does {name} say when it follows us?")


def test_every_request_is_answered_and_by_no_more_than_was_asked(run_of: tuple[str, Run]) -> None:
    _, run_ = run_of
    assert 0 <= len(run_.requests) - len(run_.answers) <= 1, "the last one may have been on its way when the client ended"
    assert run_.answers
    assert all(len(answer.data) == 48 <= len(request.data) for request, answer in zip(run_.requests, run_.answers, strict=False))


def test_every_field_of_every_answer_is_right(run_of: tuple[str, Run]) -> None:
    _, run_ = run_of
    for exchange in run_.exchanges():
        request, answer = exchange.request, exchange.answer
        assert (answer.leap, answer.mode, answer.version) == (0, 4, request.version)
        assert (answer.stratum, answer.reference_id) == (_STRATUM, _REFERENCE_ID)
        assert answer.poll == request.poll
        assert -32 <= answer.precision <= -10
        assert answer.root_delay == 0, "the system clock itself is the reference of mode local"
        assert answer.root_dispersion < 1 << 16, "below a second"
        assert exchange.before <= answer.receive <= exchange.after
        assert answer.reference <= answer.receive
        if not exchange.is_interleaved:
            assert answer.origin == request.transmit, "bit for bit"
            assert answer.receive < answer.transmit <= exchange.after


def test_only_who_asks_for_interleaved_mode_gets_it(run_of: tuple[str, Run]) -> None:
    name, run_ = run_of
    interleaved = [exchange for exchange in run_.exchanges() if exchange.is_interleaved]
    if name == "chronyd-xleave":
        assert len(interleaved) >= 8, f"of {len(run_.answers)} answers"
    else:
        assert interleaved == []


@pytest.mark.peer
def test_an_interleaved_answer_tells_when_the_one_before_really_left(runs: dict[str, Callable[[], Run]]) -> None:
    exchanges = runs["chronyd-xleave"]().exchanges()
    earlier = {exchange.answer.receive: exchange for exchange in exchanges}
    for exchange in exchanges:
        if exchange.is_interleaved:
            former = earlier[exchange.request.origin]
            # In basic mode the answer could only say when it was about to leave; now it may be known when it did.
            about_to_leave = former.answer.receive if former.is_interleaved else former.answer.transmit
            assert about_to_leave < exchange.answer.transmit <= former.after
