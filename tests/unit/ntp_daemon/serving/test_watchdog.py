"""Whether a worker goes on, in virtual time: looks in vain count, time alone does not."""

from __future__ import annotations

import asyncio

from ntp_daemon.serving.watchdog import Watchdog
from support.virtual_loop import run_virtually


class Worker:
    """Makes a turn when it is nudged, as long as it lives."""

    def __init__(self) -> None:
        self.turns = 0
        self.nudges = 0
        self.is_alive = True
        self.silences: list[tuple[float, float]] = []
        self.began_at = asyncio.get_running_loop().time()
        self.watchdog = Watchdog(lambda: self.turns, self._nudge, self._fall_silent)

    def _nudge(self) -> None:
        self.nudges += 1
        self.turns += self.is_alive

    def _fall_silent(self, silent_s: float) -> None:
        self.silences.append((asyncio.get_running_loop().time() - self.began_at, silent_s))


def test_one_that_goes_on_is_left_alone() -> None:
    async def watch() -> Worker:
        worker = Worker()
        await asyncio.sleep(3600.0)
        worker.watchdog.stop()
        return worker

    worker = run_virtually(watch())
    assert worker.silences == []
    assert 700 <= worker.nudges <= 722, "and costs a look every 5 s"


def test_one_that_hangs_is_told_of_once() -> None:
    async def watch() -> Worker:
        worker = Worker()
        await asyncio.sleep(3601.0)
        worker.is_alive = False
        await asyncio.sleep(3600.0)
        return worker

    (silence,) = run_virtually(watch()).silences
    assert 3601.0 + 15.0 <= silence[0] <= 3601.0 + 20.0
    assert silence[1] == 15.0


def test_one_that_never_began_is_too() -> None:
    async def watch() -> Worker:
        worker = Worker()
        worker.is_alive, worker.turns = False, 0
        await asyncio.sleep(30.0)
        return worker

    assert [silent_s for _, silent_s in run_virtually(watch()).silences] == [15.0]


def test_one_that_was_held_up_for_two_looks_is_forgiven() -> None:
    async def watch() -> Worker:
        worker = Worker()
        for _ in range(20):
            worker.is_alive = False
            await asyncio.sleep(10.0)
            worker.is_alive = True
            await asyncio.sleep(5.0)
        worker.watchdog.stop()
        return worker

    assert run_virtually(watch()).silences == []


def test_nobody_is_told_after_the_end() -> None:
    async def watch() -> Worker:
        worker = Worker()
        worker.is_alive = False
        await asyncio.sleep(14.0)
        worker.watchdog.stop()
        worker.watchdog.stop()
        await asyncio.sleep(60.0)
        return worker

    assert run_virtually(watch()).silences == []
