import asyncio
import gc
import socket
import subprocess
import sys
import threading

import pytest

from ntp_proto.datagram import Address
from ntp_proto.server_address import ServerAddress
from ntp_udp.resolver import ResolveError, Resolver, look_up, preload

NAME = ServerAddress("a.example", 1123)
ADDRESSES = [Address("192.0.2.1", 1123), Address("2001:db8::1", 1123)]

pytestmark = pytest.mark.asyncio


class StuckLookup:
    """A name server that answers when it is told to."""

    def __init__(self, outcome: list[Address] | OSError) -> None:
        self.answer = threading.Event()
        self.calls = 0
        self.outcome = outcome

    def __call__(self, address: ServerAddress) -> list[Address]:
        self.calls += 1
        assert self.answer.wait(timeout=30)
        if isinstance(self.outcome, OSError):
            raise self.outcome
        return self.outcome


def never(address: ServerAddress) -> list[Address]:
    raise AssertionError(f"{address} was looked up")


def fails(error: OSError) -> Resolver:
    def lookup(address: ServerAddress) -> list[Address]:
        raise error

    return Resolver(lookup)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "fe80::1%lo"])
async def test_a_numeric_address_is_itself_and_needs_no_thread(host: str) -> None:
    before = threading.active_count()
    coroutine = Resolver(never).resolve(ServerAddress(host, 5))
    # It is done before it has waited for anything.
    with pytest.raises(StopIteration) as done:
        coroutine.send(None)
    assert done.value.value == [Address(host, 5)]
    assert threading.active_count() == before


async def test_a_name_is_looked_up_in_a_thread_that_does_not_hold_up_the_end() -> None:
    seen: list[threading.Thread] = []

    def lookup(address: ServerAddress) -> list[Address]:
        seen.append(threading.current_thread())
        return ADDRESSES

    assert await Resolver(lookup).resolve(NAME) == ADDRESSES
    assert seen[0] is not threading.main_thread()
    assert seen[0].daemon


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "cannot resolve a.example: there is no such name; check how it is written"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "the name servers do not answer; check the network and /etc/resolv.conf"),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure"), "cannot resolve a.example: Non-recoverable failure"),
        (OSError("odd"), "cannot resolve a.example: odd"),
    ],
)
async def test_a_name_that_cannot_be_resolved_is_one_clear_error(error: OSError, says: str) -> None:
    with pytest.raises(ResolveError, match=says):
        await fails(error).resolve(NAME)


async def test_a_name_without_addresses_is_an_error() -> None:
    with pytest.raises(ResolveError, match="the name has no IP address"):
        await Resolver(lambda _: []).resolve(NAME)


async def test_a_look_up_that_takes_too_long_goes_on_for_the_next_who_asks() -> None:
    lookup = StuckLookup(ADDRESSES)
    resolver = Resolver(lookup)
    for _ in range(3):
        with pytest.raises(ResolveError, match=r"no answer within 0\.001 s"):
            await resolver.resolve(NAME, timeout_s=0.001)
    lookup.answer.set()
    assert await resolver.resolve(NAME) == ADDRESSES
    assert lookup.calls == 1


async def test_one_look_up_serves_all_who_ask_at_a_time_and_survives_those_who_go() -> None:
    lookup = StuckLookup(ADDRESSES)
    resolver = Resolver(lookup)
    asked = [asyncio.create_task(resolver.resolve(NAME)) for _ in range(3)]
    await asyncio.sleep(0)
    asked[0].cancel()
    await asyncio.sleep(0)
    lookup.answer.set()
    assert await asyncio.gather(*asked[1:]) == [ADDRESSES, ADDRESSES]
    assert asked[0].cancelled()
    assert lookup.calls == 1


async def test_the_answer_is_not_kept() -> None:
    answers = iter([ADDRESSES[:1], ADDRESSES[1:]])
    resolver = Resolver(lambda _: next(answers))
    assert await resolver.resolve(NAME) == ADDRESSES[:1]
    assert await resolver.resolve(NAME) == ADDRESSES[1:]


async def test_a_failure_that_nobody_waits_for_is_nobodys_business() -> None:
    lookup = StuckLookup(OSError("late"))
    resolver = Resolver(lookup)
    with pytest.raises(ResolveError):
        await resolver.resolve(NAME, timeout_s=0.001)
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    (pending,) = resolver._pending.values()
    lookup.answer.set()
    await asyncio.wait([pending])
    # asyncio complains when the future is collected, and the error's traceback refers to it.
    del pending
    lookup.outcome = []
    gc.collect()
    assert resolver._pending == {}
    assert complaints == []


async def test_each_address_comes_once_in_the_order_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = ["192.0.2.2", "2001:db8::1", "192.0.2.2", "192.0.2.1"]
    asked: list[object] = []

    def getaddrinfo(host: object, port: int, **kinds: object) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        asked.append((host, port, kinds))
        return [(0, 0, 0, "", (found, port)) for found in hosts]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert look_up(NAME) == [Address(host, 1123) for host in ("192.0.2.2", "2001:db8::1", "192.0.2.1")]
    assert asked == [(b"a.example", 1123, {"type": socket.SOCK_DGRAM})]


async def test_the_system_resolves_localhost() -> None:
    assert set(await Resolver().resolve(ServerAddress("localhost", 5))) <= {Address("127.0.0.1", 5), Address("::1", 5)}


async def test_preload_loads_the_codec_of_other_scripts() -> None:
    preload()
    assert "encodings.idna" in sys.modules


PROGRAM = """
import asyncio, threading
from ntp_proto.server_address import ServerAddress
from ntp_udp.resolver import Resolver, ResolveError

async def main():
    try:
        await Resolver(lambda address: threading.Event().wait()).resolve(ServerAddress("a.example"), timeout_s=0.01)
    except ResolveError:
        print("ended")

asyncio.run(main())
"""


async def test_a_stuck_look_up_does_not_hold_up_the_end_of_the_program() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    async with asyncio.timeout(30):
        assert await process.communicate() == (b"ended\n", b"")
    assert process.returncode == 0
