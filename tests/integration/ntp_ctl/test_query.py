"""The query over real sockets on loopback: whom it asks, how long it waits, and what it says when nobody answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from ntp_ctl.query import NoAnswerError, QueryError, UnknownServerError, UnreachableError, query, query_sync
from ntp_proto.association import Rejection
from ntp_proto.datagram import Address, StampSource
from ntp_proto.errors import NtpError, UsageError
from ntp_proto.identifiers import KissCode
from ntp_proto.packet import Header, kiss_to, response_to
from ntp_proto.time_types import NtpDuration, NtpTimestamp
from support.wire import Tap

Say = Callable[[Header], list[Header]]


def now() -> NtpTimestamp:
    return NtpTimestamp.from_unix_ns(time.time_ns())


def tell_time(request: Header) -> list[Header]:
    return [response_to(request, receive=now(), transmit=now(), stratum=3)]


@contextlib.contextmanager
def server(say: Say = tell_time, host: str = "127.0.0.1") -> Iterator[Tap]:
    with Tap(None, host, forge=lambda data: [header.to_bytes() for header in say(Header.parse(data))]) as tap:
        yield tap


def test_the_answer_is_measured_by_kernel_stamps() -> None:
    with server() as tap:
        result = query_sync(tap.address.host, tap.address.port)
    measurement = result.measurement
    assert measurement is not None
    assert (result.server, result.address, result.stratum) == (str(tap.address), tap.address, 3)
    assert abs(measurement.offset.to_seconds()) < 0.1, "both read the same clock"
    assert measurement.destination_source is StampSource.KERNEL
    assert len(tap.requests) == 1


def test_an_offset_is_remote_minus_local() -> None:
    def ahead(request: Header) -> list[Header]:
        later = now() + NtpDuration.from_seconds(10.0)
        return [response_to(request, receive=later, transmit=later)]

    with server(ahead) as tap:
        result = query_sync(str(tap.address))
    assert result.offset is not None
    assert result.offset.to_seconds() == pytest.approx(10.0, abs=0.1)


def test_a_port_in_the_host_counts() -> None:
    with server() as tap:
        assert query_sync(str(tap.address), 9).address == tap.address


def test_forged_answers_are_passed_over() -> None:
    def forge(request: Header) -> list[Header]:
        blind = request._replace(transmit_bits=request.transmit_bits ^ 1)
        return [kiss_to(blind, KissCode.DENY), *tell_time(blind), *tell_time(request)]

    with server(forge) as tap:
        result = query_sync(str(tap.address))
    assert result.rejection is None
    assert result.stratum == 3


def test_several_samples_are_taken_from_fresh_ports() -> None:
    with server() as tap:
        result = query_sync(str(tap.address), samples=3, interval_s=0.0)
    assert len(result.measurements) == 3
    assert len(tap.requests) == 3
    assert len({seen.header.transmit for seen in tap.requests}) == 3


def test_a_kiss_ends_the_samples() -> None:
    with server(lambda request: [kiss_to(request, KissCode.RATE)]) as tap:
        result = query_sync(str(tap.address), samples=3, interval_s=0.0)
        assert len(tap.requests) == 1
    assert (result.kiss_code, result.rejection) == ("RATE", Rejection.KISS)


def test_a_sample_that_is_lost_does_not_spoil_the_rest() -> None:
    answers = iter([tell_time, lambda _request: [], tell_time])

    def say(request: Header) -> list[Header]:
        return next(answers)(request)

    with server(say) as tap:
        result = query_sync(str(tap.address), samples=3, interval_s=0.0, timeout_s=0.2)
        assert len(tap.requests) == 3
    assert len(result.measurements) == 2


def test_silence_ends_in_time() -> None:
    with server(lambda _request: []) as tap, pytest.raises(NoAnswerError, match=r"no answer from 127\.0\.0\.1:\d+ within 0\.\d+ s$") as caught:
        query_sync(str(tap.address), timeout_s=0.1)
    assert not caught.value.rejections


def test_whoever_answered_wrongly_is_counted() -> None:
    with (
        server(lambda request: [request, request]) as tap,
        pytest.raises(NoAnswerError, match=r"not answers: 2 wrong-mode$") as caught,
    ):
        query_sync(str(tap.address), timeout_s=0.2)
    assert caught.value.rejections == {Rejection.WRONG_MODE: 2}


def test_where_nobody_listens_is_known_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        free = Address(*taken.getsockname())
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="nobody answers on"):
        query_sync(str(free), timeout_s=60.0)
    assert time.monotonic() - started < 30.0


def test_the_next_address_of_a_name_is_asked_when_the_first_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    with server() as tap, server(lambda _request: []) as silent:
        places = [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (host, tap.address.port)) for host in ("127.0.0.9", tap.address.host)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: places)
        assert query_sync("ntp.example.net", tap.address.port).address == tap.address
        assert silent.requests == []


def test_silent_addresses_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(lambda _request: [], "127.0.0.8") as silent, server() as tap, contextlib.ExitStack() as stack:
        # the same port on another address, for the one that answers
        other = stack.enter_context(Tap(None, "127.0.0.7", silent.address.port, forge=lambda data: [tell_time(Header.parse(data))[0].to_bytes()]))
        places = [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (host, silent.address.port)) for host in ("127.0.0.8", "127.0.0.7")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: places)
        assert query_sync("ntp.example.net", silent.address.port, timeout_s=0.4).address == other.address
        assert (len(silent.requests), tap.requests) == (1, [])


@pytest.mark.parametrize("host", ["", "-", "256.1.1.1", "a..b"])
def test_what_is_no_name_is_said(host: str) -> None:
    with pytest.raises(UnknownServerError):
        query_sync(host)


def test_a_name_without_an_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(UnknownServerError, match="there is no such name"):
        query_sync("ntp.example.net")


@pytest.mark.parametrize(
    "wrong",
    [{"timeout_s": 0.0}, {"timeout_s": float("inf")}, {"samples": 0}, {"interval_s": -1.0}, {"version": 2}, {"port": 0}, {"port": 65536}],
    ids=str,
)
def test_parameters_out_of_range_are_the_callers_fault(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        query_sync("127.0.0.1", **wrong)  # type: ignore[arg-type] — that is what is tried


def test_there_is_one_tree_of_errors() -> None:
    assert issubclass(QueryError, NtpError)
    assert {UnknownServerError, UnreachableError, NoAnswerError} <= set(QueryError.__subclasses__())


def test_queries_run_side_by_side_in_one_loop() -> None:
    async def both(first: Address, second: Address) -> list[int]:
        return [result.stratum for result in await asyncio.gather(query(str(first)), query(str(second)))]

    with server() as one, server(lambda request: [tell_time(request)[0]._replace(stratum=7)]) as two:
        assert asyncio.run(both(one.address, two.address)) == [3, 7]


def test_a_query_that_is_cancelled_leaves_nothing_behind() -> None:
    async def cancel(address: Address) -> None:
        task = asyncio.create_task(query(str(address)))
        await asyncio.to_thread(tap.wait_requests, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with server(lambda _request: []) as tap:
        asyncio.run(cancel(tap.address))  # an open socket would be a ResourceWarning, and so an error
