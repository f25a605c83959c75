"""How clients bear a kiss of death: our daemon and chronyd against the real test servers, judged by the packets on the wire.

Each client runs once, for all its tests, with one server of each kind behind a tap:

    good     tells the time; what it sees shows that the client is alive
    deny     DENY to everything
    rstr     RSTR to everything
    rate     RATE to whoever asks again within 1.5 s, polled each second
    burst    RATE to whoever asks again within 32 s, polled each 8 s after a burst with requests each 2 s
    forged   tells the time, but before each answer somebody who has not seen the request sends DENY, RSTR and RATE

The run ends when every server has seen enough to judge. "No more requests" can only be shown by waiting: the window is that of the good
server's next requests, so it is as long as it must be and no longer.

Source: RFC 5905 §7.4; RFC 8633 §5.4 (a kiss with the wrong origin is not to be obeyed).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from ntp_proto.identifiers import KissCode, Mode
from ntp_proto.packet import Header, kiss_to
from ntp_proto.time_types import NtpTimestamp
from support.clients import Chronyd, Client, OurDaemon, Server
from support.programs import serving
from support.wire import Tap

_POLL_S = 1.0
_RATE_LIMIT_S = 1.5
_BURST_SPACING_S = 2.0
_NAMES = ("good", "deny", "rstr", "rate", "burst", "forged")


@dataclass(frozen=True, slots=True)
class Run:
    """What the servers of one client have seen, and how long after its last request the one in the burst was still watched, s."""

    client: str
    taps: dict[str, Tap]
    watched_s: float

    def gaps(self, name: str) -> list[float]:
        return self.taps[name].gaps


def _forge(data: bytes) -> list[bytes]:
    request = Header.parse(data)
    blind = request._replace(transmit_bits=(request.transmit_bits + 1) % 2**64)
    zero = request._replace(transmit_bits=NtpTimestamp(0).bits)
    return [kiss_to(origin, kiss).to_bytes() for origin in (blind, zero) for kiss in (KissCode.DENY, KissCode.RSTR, KissCode.RATE)]


@contextlib.contextmanager
def _taps(subnet: int) -> Iterator[dict[str, Tap]]:
    with contextlib.ExitStack() as stack:

        def tap(number: int, module: str, *arguments: str, forged: bool = False) -> Tap:
            # chronyd knows a server by its address alone, so each has one of its own.
            _, server = stack.enter_context(serving(module, *arguments))
            return stack.enter_context(Tap(server, f"127.0.{subnet}.{number}", forge=_forge if forged else lambda _request: []))

        yield {
            "good": tap(10, "rate_limit_server", "--interval", "0"),
            "deny": tap(11, "demobilize_server"),
            "rstr": tap(12, "demobilize_server", "--kiss", "RSTR"),
            "rate": tap(13, "rate_limit_server", "--interval", str(_RATE_LIMIT_S)),
            "burst": tap(14, "rate_limit_server"),
            "forged": tap(15, "rate_limit_server", "--interval", "0", forged=True),
        }


def _observe(client: Client, folder: Path, taps: dict[str, Tap]) -> Run:
    servers = [Server(tap.address, poll=3, burst=True) if name == "burst" else Server(tap.address) for name, tap in taps.items()]
    with client.start(folder, servers) as process:
        for name in ("deny", "rstr"):
            taps[name].wait_requests(1)
        taps["burst"].wait_requests(2)
        taps["rate"].wait_requests(4, timeout_s=12.0)  # chronyd sits out four intervals after RATE
        taps["good"].wait_more(2)
        remaining_s = taps["burst"].requests[1].at + 1.5 * _BURST_SPACING_S - time.monotonic()
        if remaining_s > 0:
            taps["good"].wait_more(int(remaining_s / _POLL_S) + 1)
        assert process.process.poll() is None, process.stderr
        return Run(client.name, taps, time.monotonic() - taps["burst"].requests[1].at)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Run]]]:
    """All clients at the same time, each with servers of its own: most of a run is waiting."""
    clients: list[Client] = [OurDaemon(), Chronyd()]
    with contextlib.ExitStack() as stack:
        taps = [stack.enter_context(_taps(subnet)) for subnet, _ in enumerate(clients, start=1)]
        pool = stack.enter_context(ThreadPoolExecutor())  # the last to be entered: it ends before the taps do
        yield {
            client.name: pool.submit(_observe, client, tmp_path_factory.mktemp(client.name), own) for client, own in zip(clients, taps, strict=True)
        }


@pytest.fixture(params=["ntp-daemon", pytest.param("chronyd", marks=pytest.mark.peer)])
def run(request: pytest.FixtureRequest, runs: dict[str, Future[Run]]) -> Run:
    name: str = request.param
    return runs[name].result()


def _expect_chronyd_to_ask_on(run: Run, request: pytest.FixtureRequest) -> None:
    if run.client == "chronyd":
        reason = "chrony 4.3 obeys RATE and no other kiss: it asks on at the usual rate"
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))


def test_the_good_server_is_asked_all_the_while(run: Run) -> None:
    assert all(0.8 * _POLL_S <= gap <= 1.5 * _POLL_S for gap in run.gaps("good")[1:]), run.gaps("good")
    assert len(run.taps["good"].requests) >= 5


@pytest.mark.parametrize("name", ["deny", "rstr"])
def test_a_server_that_refuses_us_is_not_asked_again(run: Run, name: str, request: pytest.FixtureRequest) -> None:
    _expect_chronyd_to_ask_on(run, request)
    tap = run.taps[name]

    assert len(tap.requests) == 1
    (answer,) = tap.answers
    assert answer.header.stratum == 0
    assert answer.header.reference_id.kiss_code is KissCode[name.upper()]


def test_after_rate_the_interval_is_longer(run: Run) -> None:
    first, after_the_kiss, *_ = run.gaps("rate")
    kiss = run.taps["rate"].answers[1].header

    assert kiss.reference_id.kiss_code is KissCode.RATE
    assert first < _RATE_LIMIT_S
    assert after_the_kiss >= 1.9 * first


def test_our_interval_stays_longer_after_rate(run: Run) -> None:
    if run.client == "chronyd":
        pytest.skip("chrony waits once and then goes back to the interval that was too short")
    first, *later = run.gaps("rate")

    assert all(gap >= 1.9 * first for gap in later), later
    assert [answer.header.stratum for answer in run.taps["rate"].answers] == [1, 0, 1, 1], "one kiss, then it is content"


def test_rate_ends_a_burst(run: Run) -> None:
    (gap,) = run.gaps("burst")  # two requests, and no third

    assert gap == pytest.approx(_BURST_SPACING_S, abs=0.5), "the second was the burst's, not the poll interval's"
    assert run.watched_s >= 1.4 * _BURST_SPACING_S


def test_a_kiss_that_does_not_know_the_request_changes_nothing(run: Run) -> None:
    assert len(run.taps["forged"].requests) >= 5
    assert all(0.8 * _POLL_S <= gap <= 1.5 * _POLL_S for gap in run.gaps("forged")[1:]), run.gaps("forged")


def test_requests_are_client_requests_of_version_4(run: Run) -> None:
    for name in _NAMES:
        for seen in run.taps[name].requests:
            assert len(seen.data) == 48
            assert (seen.header.mode, seen.header.version) == (Mode.CLIENT, 4)


def test_our_requests_tell_nothing_and_come_from_ever_new_ports(run: Run) -> None:
    if run.client == "chronyd":
        pytest.skip("chrony fills in its precision, and has a socket for each server")
    for name in _NAMES:
        requests = run.taps[name].requests
        for seen in requests:
            assert seen.data[1] == 0, "stratum"
            assert seen.data[3:40] == bytes(37), "everything between poll and transmit timestamp"
        nonces = {seen.header.transmit for seen in requests}
        assert len(nonces) == len(requests)
        # Of the 28000 ephemeral ports the same one may come twice, but hardly twice in a dozen.
        assert len({seen.client_port for seen in requests}) >= len(requests) - 1
