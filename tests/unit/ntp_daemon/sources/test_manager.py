from __future__ import annotations

import asyncio
import itertools
import logging

import pytest

from ntp_daemon.config.load import parse
from ntp_daemon.sources import SourceManager
from ntp_proto.association import Demobilize, Reset
from ntp_proto.client import SourceLabel
from ntp_proto.datagram import Address
from ntp_proto.identifiers import KissCode
from support.virtual_loop import run_virtually
from unit.ntp_daemon.sources.bench import NUMERIC, POOL, SERVER, Bench, hosts


def test_numeric_addresses_are_asked_at_once() -> None:
    async def scenario() -> None:
        bench = Bench(NUMERIC, {})
        await bench.manager.add(bench.config.sources, bench.config)
        assert list(bench.host.asked.values()) == [Address("192.0.2.9", 1123)]
        assert asyncio.get_running_loop().time() == 0.0

    run_virtually(scenario())


def test_a_source_is_asked_as_the_configuration_says() -> None:
    async def scenario() -> None:
        bench = Bench(NUMERIC + "[source-defaults]\npoll-interval-limits = { min = 2, max = 3 }\nresponse-timeout = 1.5\n", {})
        await bench.start()
        (config,) = bench.host.configs.values()
        assert (config.poll_minimum.log2, config.poll_maximum.log2, config.response_timeout_s) == (2, 3, 1.5)

    run_virtually(scenario())


def test_a_pool_is_filled_and_labelled() -> None:
    async def scenario() -> None:
        bench = Bench(POOL, {"pool.example": hosts(1, 2, 3)})
        assert bench.manager.pending() == []
        await bench.start()
        assert bench.host.hosts == hosts(1, 2)
        assert bench.host.labels[1] == SourceLabel("pool.example:123", "pool")

    run_virtually(scenario())


def test_a_name_that_does_not_resolve_is_tried_again_ever_more_rarely(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        bench = Bench(SERVER, {})
        with caplog.at_level(logging.INFO):
            await bench.start(600.0)
        times = [when for when, _ in bench.names.asked]
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert gaps == pytest.approx([2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0], abs=0.1)
        assert [record.message for record in caplog.records] == ["cannot resolve time.example: it is unknown; trying again"], "said once"
        (pending,) = bench.manager.pending()
        assert (pending.name, pending.reason) == ("time.example:123", "cannot resolve time.example: it is unknown")
        bench.names.known["time.example"] = hosts(1)
        await asyncio.sleep(600.0)
        assert bench.host.hosts == hosts(1)
        assert bench.manager.pending() == []

    run_virtually(scenario())


def test_a_pool_that_is_not_full_is_filled_later() -> None:
    async def scenario() -> None:
        bench = Bench(POOL, {"pool.example": hosts(1)})
        await bench.start()
        assert bench.host.hosts == hosts(1)
        bench.names.known["pool.example"] = hosts(1, 2)
        await asyncio.sleep(10.0)
        assert bench.host.hosts == hosts(1, 2)

    run_virtually(scenario())


def test_a_dead_pool_member_is_replaced_and_not_taken_back_for_an_hour() -> None:
    async def scenario() -> None:
        bench = Bench(POOL, {"pool.example": hosts(1, 2, 3)})
        await bench.start()
        bench.manager.handle_ending(1, Reset())
        await asyncio.sleep(1.0)
        assert bench.host.hosts == hosts(2, 3)
        bench.names.known["pool.example"] = hosts(1, 2, 3)
        bench.manager.handle_ending(2, Reset())
        await asyncio.sleep(1.0)
        assert bench.host.hosts == hosts(2, 3), "only the dead one is left, so the silent one is kept"

    run_virtually(scenario())


def test_a_dead_server_moves_with_its_name() -> None:
    async def scenario() -> None:
        bench = Bench(SERVER, {"time.example": hosts(1)})
        await bench.start()
        bench.manager.handle_ending(1, Reset())
        await asyncio.sleep(1.0)
        assert list(bench.host.asked) == [1], "the same address: the association goes on"
        bench.names.known["time.example"] = hosts(7)
        bench.manager.handle_ending(1, Reset())
        await asyncio.sleep(1.0)
        assert bench.host.hosts == hosts(7)

    run_virtually(scenario())


@pytest.mark.parametrize("kiss", [KissCode.DENY, KissCode.RSTR])
def test_a_pool_member_that_refuses_is_replaced(kiss: KissCode) -> None:
    async def scenario() -> None:
        bench = Bench(POOL, {"pool.example": hosts(1, 2, 3)})
        await bench.start()
        bench.manager.handle_ending(2, Demobilize(kiss))
        await asyncio.sleep(1.0)
        assert bench.host.hosts == hosts(1, 3)
        bench.manager.handle_ending(1, Demobilize(kiss))
        await asyncio.sleep(1800.0)
        assert bench.host.hosts == hosts(3), "the refusing ones are not asked again for an hour"
        await asyncio.sleep(3600.0)
        assert len(bench.host.hosts) == 2

    run_virtually(scenario())


def test_a_single_server_that_refuses_is_asked_again_after_pauses_that_grow() -> None:
    async def scenario() -> None:
        bench = Bench(NUMERIC, {})
        await bench.start()
        pauses = []
        for _ in range(6):
            (member,) = bench.host.asked
            began = asyncio.get_running_loop().time()
            bench.manager.handle_ending(member, Demobilize(KissCode.DENY))
            while member in bench.host.asked:  # noqa: ASYNC110 — an event would need a hook in the manager, and virtual time costs nothing
                await asyncio.sleep(60.0)
            await asyncio.sleep(1.0)
            pauses.append((asyncio.get_running_loop().time() - began) / 3600.0)
        assert pauses == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0, 24.0], abs=0.05)

    run_virtually(scenario())


def test_removed_sources_ask_nobody_any_more() -> None:
    async def scenario() -> None:
        bench = Bench(POOL + SERVER, {"pool.example": hosts(1, 2), "time.example": hosts(5)})
        await bench.start()
        await bench.manager.exchange(bench.config.sources[:1], (), bench.config)
        assert bench.host.hosts == hosts(5)
        bench.manager.handle_ending(1, Reset())
        await asyncio.sleep(3600.0)
        assert bench.host.hosts == hosts(5)
        await bench.manager.close()

    run_virtually(scenario())


@pytest.mark.parametrize("text", [NUMERIC, SERVER], ids=["address", "name"])
def test_an_exchange_makes_no_gap(text: str) -> None:
    async def scenario() -> None:
        bench = Bench(POOL, {"pool.example": hosts(1, 2), "time.example": hosts(9)})
        await bench.start()
        asked = bench.host.history
        asked.clear()
        await bench.manager.exchange(bench.config.sources, parse(text).sources, bench.config)
        await asyncio.sleep(1.0)
        assert asked == [hosts(1, 2, 9), hosts(2, 9), hosts(9)]
        await bench.manager.close()

    run_virtually(scenario())


def test_a_name_that_does_not_resolve_does_not_keep_what_it_replaces() -> None:
    async def scenario() -> None:
        bench = Bench(NUMERIC, {})
        await bench.start()
        await bench.manager.exchange(bench.config.sources, parse(SERVER).sources, bench.config)
        assert bench.host.hosts == hosts(9)
        await asyncio.sleep(1.0)
        assert bench.host.hosts == []
        await bench.manager.close()

    run_virtually(scenario())


def test_a_source_whose_defaults_have_changed_is_exchanged_for_itself() -> None:
    async def scenario() -> None:
        bench = Bench(NUMERIC, {})
        await bench.start()
        await bench.manager.exchange(bench.config.sources, bench.config.sources, bench.config)
        assert list(bench.host.asked) == [2], "a new association, and the old one is gone"
        await bench.manager.exchange(bench.config.sources, (), bench.config)
        assert bench.host.hosts == []
        await bench.manager.close()

    run_virtually(scenario())


def test_a_source_that_is_removed_while_its_name_is_resolved_is_not_asked() -> None:
    async def scenario() -> None:
        bench = Bench(SERVER, {"time.example": hosts(5)})
        await bench.start(0.0)
        await bench.manager.exchange(bench.config.sources, (), bench.config)
        await asyncio.sleep(10.0)
        assert bench.host.hosts == []

    run_virtually(scenario())


def test_closing_ends_what_is_being_resolved() -> None:
    async def scenario() -> None:
        bench = Bench(POOL, {"pool.example": hosts(1, 2)})
        await bench.manager.add(bench.config.sources, bench.config)
        await bench.manager.close()
        await asyncio.sleep(10.0)
        assert bench.host.hosts == []

    run_virtually(scenario())


def test_members_are_told_in_the_order_of_the_configuration_whenever_they_came() -> None:
    async def scenario() -> None:
        bench = Bench(POOL + NUMERIC, {"pool.example": hosts(1, 2)})
        await bench.start()
        asked = bench.host.asked
        assert [asked[member].host for member in bench.manager.in_order(bench.config.sources)] == [*hosts(1, 2), "192.0.2.9"]
        reversed_ = bench.manager.in_order(bench.config.sources[::-1])
        assert [asked[member].host for member in reversed_] == ["192.0.2.9", *hosts(1, 2)]
        assert bench.manager.in_order(bench.config.sources[1:]) == reversed_, "a source that the configuration does not name comes last"

    run_virtually(scenario())


def test_nobody_asks_himself(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        bench = Bench(POOL + NUMERIC, {"pool.example": hosts(1, 2)})
        own = {Address(hosts(1)[0], 123), Address("192.0.2.9", 1123)}
        bench.manager = SourceManager(bench.host, bench.names, asyncio.get_running_loop().time, own.__contains__)
        with caplog.at_level(logging.INFO):
            await bench.start(600.0)
        assert bench.host.hosts == hosts(2)
        (pending,) = bench.manager.pending()
        assert pending.reason == "192.0.2.9:1123 is this daemon itself"
        assert [record.message for record in caplog.records] == ["192.0.2.9:1123 is this daemon itself; it is not asked"], "said once"
        own.clear()
        with caplog.at_level(logging.INFO):
            await asyncio.sleep(600.0)
        assert "192.0.2.9" in bench.host.hosts, "the server has moved elsewhere"
        assert bench.manager.pending() == []

    run_virtually(scenario())
    assert "resolves" not in caplog.text, "it always did"
