from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

import pytest

from ntp_daemon.config.load import parse
from ntp_daemon.sources.orders import SourceOrders, SourceRequest
from ntp_proto.association import Reset
from ntp_proto.control import AddSourceRequest, BurstRequest, RemoveSourceRequest, SetOnlineRequest
from support.virtual_loop import run_virtually
from unit.ntp_daemon.sources.bench import NUMERIC, POOL, SERVER, Bench, hosts

NAMES = {"pool.example": hosts(1, 2, 3), "time.example": hosts(9), "other.example": hosts(7)}
OFFLINE = SetOnlineRequest(online=False)
ONLINE = SetOnlineRequest(online=True)


class Ordered(Bench):
    """A bench that takes orders."""

    def __init__(self, text: str) -> None:
        super().__init__(text, dict(NAMES))
        self.orders = SourceOrders(self.manager, lambda: self.config)

    async def done(self, request: SourceRequest) -> str:
        reply = await self.orders.handle(request)
        assert reply.accepted, reply.message
        await asyncio.sleep(0.1)  # until names are resolved
        return reply.message

    async def refused(self, request: SourceRequest) -> str:
        before = self.manager.sources, self.host.hosts
        reply = await self.orders.handle(request)
        assert not reply.accepted, reply.message
        assert (self.manager.sources, self.host.hosts) == before
        return reply.message

    async def reload(self, text: str) -> None:
        """As the daemon does it: by the difference of the files."""
        from ntp_daemon.config.diff import diff  # noqa: PLC0415 — beside its only use

        config = parse(text)
        changes = diff(self.config, config)
        self.config = config
        await self.manager.exchange(changes.removed, changes.added, config)
        await asyncio.sleep(0.1)


def with_orders(text: str) -> Callable[[Callable[[Ordered], Coroutine[None, None, None]]], Callable[[], None]]:
    """Runs a test in virtual time, on a bench with this configuration."""

    def decorate(test: Callable[[Ordered], Coroutine[None, None, None]]) -> Callable[[], None]:
        def run() -> None:
            async def scenario() -> None:
                bench = Ordered(text)
                await bench.start()
                await test(bench)
                await bench.manager.close()

            run_virtually(scenario())

        run.__name__ = test.__name__
        return run

    return decorate


@with_orders(NUMERIC)
async def test_a_server_is_added_with_its_limits(bench: Ordered) -> None:
    assert await bench.done(AddSourceRequest(address="Other.Example", poll_minimum=3, poll_maximum=5)) == "added server other.example:123"
    assert bench.host.hosts == hosts(9, 7)
    config = bench.host.configs[2]
    assert (config.poll_minimum.log2, config.poll_initial.log2, config.poll_maximum.log2) == (3, 3, 5)
    assert bench.host.labels[2].mode == "server"


@with_orders(NUMERIC)
async def test_a_pool_is_added(bench: Ordered) -> None:
    assert await bench.done(AddSourceRequest(address="pool.example", pool=True, count=3)) == "added pool pool.example:123"
    assert bench.host.hosts == [*hosts(9), *hosts(1, 2, 3)]


@with_orders(SERVER)
async def test_nobody_votes_twice(bench: Ordered) -> None:
    assert "time.example:123 is asked already: it is server time.example:123" in await bench.refused(AddSourceRequest(address="time.example"))
    assert "it is server time.example:123" in await bench.refused(AddSourceRequest(address=hosts(9)[0])), "by the address that it has now"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (AddSourceRequest(address="a.example", poll_minimum=18), "a poll interval is from -6 to 17"),
        (AddSourceRequest(address="a.example", poll_maximum=-7), "a poll interval is from -6 to 17"),
        (AddSourceRequest(address="a.example", poll_minimum=12), "the shortest poll interval \\(12\\) must not be above the longest \\(10\\)"),
        (AddSourceRequest(address="a.example", pool=True, count=17), "count is from 1 to 16, got 17"),
        (RemoveSourceRequest(address="a.example"), "there is no source a.example:123"),
        (RemoveSourceRequest(address="192.0.2.9:124"), "there is no source 192.0.2.9:124"),
        (BurstRequest(address="a.example"), "there is no source"),
    ],
)
def test_what_cannot_be_done_changes_nothing(request_: SourceRequest, reason: str) -> None:
    @with_orders(NUMERIC)
    async def scenario(bench: Ordered) -> None:
        import re  # noqa: PLC0415 — beside its only use

        assert re.search(reason, await bench.refused(request_))

    scenario()


@with_orders(NUMERIC)
async def test_there_is_an_end_to_adding(bench: Ordered) -> None:
    for number in range(255):
        await bench.orders.handle(AddSourceRequest(address=f"198.51.100.{number}"))
    assert await bench.refused(AddSourceRequest(address="203.0.113.1")) == "there are 256 sources already"


@with_orders(SERVER + POOL)
async def test_a_source_is_removed_by_name_or_by_address_but_a_pool_only_by_name(bench: Ordered) -> None:
    message = await bench.refused(RemoveSourceRequest(address=hosts(1)[0]))
    assert "192.0.2.1:123 is one of the servers of pool pool.example:123" in message
    assert await bench.done(RemoveSourceRequest(address=hosts(9)[0])) == "removed server time.example:123; 1 source left"
    assert await bench.done(RemoveSourceRequest(address="pool.example")) == "removed pool pool.example:123; 0 sources left"
    assert bench.host.hosts == []
    assert await bench.refused(OFFLINE) == "there are no sources"


@with_orders(NUMERIC)
async def test_what_was_added_survives_a_reload_that_does_not_mention_it(bench: Ordered) -> None:
    await bench.done(AddSourceRequest(address="other.example"))
    await bench.reload(NUMERIC + POOL)
    assert bench.host.hosts == [*hosts(9, 7), *hosts(1, 2)]
    await bench.reload(POOL)
    assert bench.host.hosts == [*hosts(7), *hosts(1, 2)]


@with_orders(NUMERIC + POOL)
async def test_what_was_removed_stays_away_over_a_reload_that_does_not_change_it(bench: Ordered) -> None:
    await bench.done(RemoveSourceRequest(address="192.0.2.9:1123"))
    await bench.reload(NUMERIC + POOL + SERVER)
    assert bench.host.hosts == [*hosts(1, 2), *hosts(9)]
    assert [address.port for address in bench.host.asked.values()] == [123, 123, 123]
    await bench.reload(POOL)
    assert bench.host.hosts == hosts(1, 2), "that it leaves the file as well does no harm"


@with_orders(NUMERIC)
async def test_the_file_outranks_an_order_where_it_says_something_new_of_the_same_address(bench: Ordered) -> None:
    await bench.done(AddSourceRequest(address="time.example", poll_minimum=3))
    assert [config.poll_minimum.log2 for config in bench.host.configs.values()] == [6, 3]
    await bench.reload(NUMERIC + SERVER)
    assert sorted(bench.host.asked) == [1, 3], "asked anew with the limits of the file, and only once"
    assert bench.host.configs[3].poll_minimum.log2 == 6


@with_orders(NUMERIC)
async def test_a_file_that_says_the_same_as_an_order_disturbs_nothing(bench: Ordered) -> None:
    await bench.done(AddSourceRequest(address="time.example"))
    await bench.reload(NUMERIC + SERVER)
    assert sorted(bench.host.asked) == [1, 2]
    await bench.reload(NUMERIC)
    assert sorted(bench.host.asked) == [1], "from then on it is the file's"


@with_orders(SERVER + POOL)
async def test_sources_go_offline_and_come_back_with_all_that_is_known(bench: Ordered) -> None:
    assert await bench.done(OFFLINE) == "2 sources offline"
    assert bench.host.offline == {1, 2, 3}
    assert await bench.done(SetOnlineRequest(online=True, address="pool.example")) == "pool pool.example:123 online"
    assert bench.host.offline == {1}
    assert await bench.done(ONLINE) == "2 sources online"
    assert bench.host.offline == set()
    assert sorted(bench.host.asked) == [1, 2, 3], "the same associations"


@with_orders('[[source]]\nmode = "server"\naddress = "later.example"\n')
async def test_a_source_without_a_server_looks_for_one_only_while_it_is_online(bench: Ordered) -> None:
    await bench.done(OFFLINE)
    asked = len(bench.names.asked)
    bench.names.known["later.example"] = hosts(4)
    await asyncio.sleep(5000.0)
    assert len(bench.names.asked) == asked
    assert [pending.reason for pending in bench.manager.pending()] == ["it is offline, as ordered"]
    assert "there is no server to ask" in await bench.refused(BurstRequest())
    await bench.done(ONLINE)
    assert bench.host.hosts == hosts(4)


@with_orders('[[source]]\nmode = "server"\naddress = "slow.example"\n')
async def test_a_name_that_is_resolved_after_the_order_is_not_asked(bench: Ordered) -> None:
    bench.names.known["slow.example"] = hosts(4)
    await asyncio.sleep(1.015)  # the second look-up begins 2 s after the end of the first, at 2.01 s, and takes 10 ms
    assert len(bench.names.asked) == 2
    await bench.orders.handle(OFFLINE)
    await asyncio.sleep(10.0)
    assert bench.host.hosts == []


@with_orders(POOL)
async def test_a_server_that_is_lost_while_offline_is_not_replaced(bench: Ordered) -> None:
    bench.manager.handle_ending(1, Reset())
    await bench.orders.handle(OFFLINE)
    await asyncio.sleep(10.0)
    assert bench.host.hosts == hosts(1, 2)


@with_orders(SERVER + POOL)
async def test_a_burst_is_for_all_or_for_one_and_not_for_those_offline(bench: Ordered) -> None:
    assert await bench.done(BurstRequest()) == "asking 3 servers in a burst"
    assert await bench.done(BurstRequest(address="time.example")) == "asking 1 server in a burst"
    await bench.done(SetOnlineRequest(online=False, address="pool.example"))
    assert await bench.done(BurstRequest()) == "asking 1 server in a burst"
    assert bench.host.bursts == [[1], [2, 3], [1], [1]]


def test_orders_are_logged_and_refusals_are_not(caplog: pytest.LogCaptureFixture) -> None:
    @with_orders(NUMERIC)
    async def scenario(bench: Ordered) -> None:
        await bench.refused(RemoveSourceRequest(address="a.example"))
        await bench.done(AddSourceRequest(address="192.0.2.7"))

    with caplog.at_level(logging.INFO):
        scenario()
    assert [record.message for record in caplog.records] == ["added server 192.0.2.7:123, as ordered"]
