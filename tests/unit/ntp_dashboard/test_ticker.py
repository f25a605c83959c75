"""One state for all who watch, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from ntp_dashboard.ticker import Events, Ticker
from support.virtual_loop import run_virtually


class Source:
    """Numbers its answers; takes `delay_s` for each."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.asked = 0
        self.delay_s = delay_s

    async def produce(self) -> Events:
        await asyncio.sleep(self.delay_s)
        self.asked += 1
        return (("stats", b"%d" % self.asked),)


def now() -> float:
    return asyncio.get_running_loop().time()


async def take(stream: AsyncIterator[bytes], count: int) -> list[bytes]:
    return [await anext(stream) for _ in range(count)]


def chunk(number: int) -> bytes:
    return b"id: %d\nevent: stats\ndata: %d\n\n" % (number, number)


def test_the_first_comes_at_once_and_then_one_every_two_seconds() -> None:
    async def scenario() -> None:
        ticker = Ticker(Source().produce)
        async with aclosing(ticker.watch()) as stream:
            assert await anext(stream) == chunk(1)
            assert now() == pytest.approx(0.0)
            assert await take(stream, 3) == [chunk(2), chunk(3), chunk(4)]
            assert now() == pytest.approx(6.0)

    run_virtually(scenario())


def test_nobody_asks_while_nobody_watches() -> None:
    async def scenario() -> None:
        source = Source()
        ticker = Ticker(source.produce)
        await asyncio.sleep(60)
        assert source.asked == 0
        async with aclosing(ticker.watch()) as stream:
            await take(stream, 2)
            assert ticker.readers == 1
        asked = source.asked
        await asyncio.sleep(60)
        assert (source.asked, ticker.readers) == (asked, 0)
        async with aclosing(ticker.watch()) as stream:
            assert await anext(stream) == b"id: 1\nevent: stats\ndata: %d\n\n" % (asked + 1), "a fresh one, not the old"

    run_virtually(scenario())


def test_many_who_watch_cost_one_question() -> None:
    async def scenario() -> None:
        source = Source()
        ticker = Ticker(source.produce)
        streams = [ticker.watch() for _ in range(200)]
        assert [await anext(stream) for stream in streams] == [chunk(1)] * 200
        assert [await anext(stream) for stream in streams] == [chunk(2)] * 200
        assert source.asked == 2
        for stream in streams:
            await stream.aclose()
        assert ticker.readers == 0

    run_virtually(scenario())


def test_a_slow_reader_finds_the_newest_and_no_heap_of_old_ones() -> None:
    async def scenario() -> None:
        ticker = Ticker(Source().produce)
        async with aclosing(ticker.watch()) as slow:
            assert await anext(slow) == chunk(1)
            await asyncio.sleep(20.5)
            assert await anext(slow) == chunk(11)
            assert await anext(slow) == chunk(12)

    run_virtually(scenario())


def test_silence_is_broken_by_a_heartbeat() -> None:
    async def scenario() -> None:
        ticker = Ticker(Source(delay_s=25.0).produce)
        async with aclosing(ticker.watch()) as stream:
            assert await take(stream, 3) == [b"", b"", chunk(1)]
            assert now() == pytest.approx(25.0)

    run_virtually(scenario())


def test_what_was_late_is_not_caught_up_with() -> None:
    async def scenario() -> None:
        source = Source()
        ticker = Ticker(source.produce)
        async with aclosing(ticker.watch()) as stream:
            await anext(stream)
            source.delay_s = 7.0
            assert await anext(stream) == chunk(2)
            source.delay_s = 0.0
            began = now()
            await take(stream, 2)
            assert now() - began == pytest.approx(2.0), "one at once, for it was due, and the next after the period"

    run_virtually(scenario())


def test_the_end_ends_every_stream() -> None:
    async def scenario() -> None:
        ticker = Ticker(Source().produce)
        stream = ticker.watch()
        await anext(stream)
        waiting = asyncio.ensure_future(anext(stream, b"the end"))
        await asyncio.sleep(0.1)
        ticker.close()
        assert await waiting == b"the end"
        assert [chunk async for chunk in ticker.watch()] == []

    run_virtually(scenario())
