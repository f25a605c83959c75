"""Events: bounded, in order, and never in the server's way."""

import asyncio

import pytest

from ntp_daemon.serving.event_hub import EventHub
from ntp_daemon.serving.request_events import RequestEvent
from ntp_proto.datagram import Address
from ntp_proto.time_types import NtpTimestamp


def event(number: int) -> RequestEvent:
    return RequestEvent(NtpTimestamp(number), Address("192.0.2.1", 123), 48, 4, 3, 2, "answered")


@pytest.mark.asyncio
async def test_a_subscriber_gets_what_comes_after_him_in_order() -> None:
    hub = EventHub()
    hub.publish(event(1))
    async with hub.subscribe() as subscription:
        hub.publish(event(2))
        hub.publish(event(3))
        assert [(await anext(subscription)).at.bits for _ in range(2)] == [2, 3]


@pytest.mark.asyncio
async def test_a_slow_subscriber_loses_the_newest_and_is_told_how_many() -> None:
    hub = EventHub()
    slow, quick = hub.subscribe(), hub.subscribe(1000)
    for number in range(200):
        hub.publish(event(number))
    hub.close()
    assert [one.at.bits async for one in slow] == list(range(128))
    assert slow.lost == 72
    assert len([one async for one in quick]) == 200
    assert quick.lost == 0


@pytest.mark.asyncio
async def test_a_waiting_subscriber_is_woken_by_an_event_and_by_the_end() -> None:
    hub = EventHub()
    subscription = hub.subscribe()

    async def collect() -> list[int]:
        return [one.at.bits async for one in subscription]

    task = asyncio.get_running_loop().create_task(collect())
    await asyncio.sleep(0)
    hub.publish(event(7))
    await asyncio.sleep(0)
    subscription.close()
    subscription.close()
    hub.publish(event(8))
    assert await task == [7]


@pytest.mark.asyncio
async def test_a_buffer_of_zero_is_zero() -> None:
    hub = EventHub()
    subscription = hub.subscribe(0)
    hub.publish(event(1))
    hub.close()
    assert [one async for one in subscription] == []
    assert subscription.lost == 1


@pytest.mark.parametrize(("size", "kept"), [(0, []), (3, [7, 8, 9]), (500, list(range(10)))])
def test_the_history_keeps_the_newest_in_order(size: int, kept: list[int]) -> None:
    hub = EventHub(size)
    for number in range(10):
        hub.publish(event(number))
    assert [one.at.bits for one in hub.history()] == kept
    hub.close()
    assert [one.at.bits for one in hub.history()] == kept


def test_nothing_is_wanted_where_nobody_looks() -> None:
    hub = EventHub(0)
    assert not hub.is_wanted
    assert EventHub(1).is_wanted
