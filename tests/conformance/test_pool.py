"""A pool in which one server refuses us: it is replaced and not asked again. Judged by the packets on the wire.

Our daemon only: chronyd does not act on DENY (see `test_kiss_of_death`), so it has nothing to replace.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.clients import start_daemon_with_names, write_config
from support.programs import serving
from support.wire import Tap

_NAME = "pool.example"


@pytest.fixture
def taps() -> Iterator[list[Tap]]:
    """Three servers of one pool, on one port as in a pool: the first refuses, the others tell the time."""
    with contextlib.ExitStack() as stack:
        _, refusing = stack.enter_context(serving("demobilize_server"))
        _, good = stack.enter_context(serving("rate_limit_server", "--interval", "0"))
        first = stack.enter_context(Tap(refusing, "127.0.0.21"))
        others = [stack.enter_context(Tap(good, host, first.address.port)) for host in ("127.0.0.22", "127.0.0.23")]
        yield [first, *others]


def test_a_pool_member_that_refuses_is_replaced_and_not_asked_again(tmp_path: Path, taps: list[Tap]) -> None:
    refusing, kept, replacement = taps
    write_config(
        tmp_path,
        f'[[source]]\nmode = "pool"\ncount = 2\naddress = "{_NAME}:{refusing.address.port}"\npoll-interval-limits = {{ min = -2, max = -2 }}\n',
    )
    with start_daemon_with_names(tmp_path, {_NAME: [tap.address.host for tap in taps]}) as daemon:
        daemon.wait_for(rf"{_NAME}:\d+ \(127\.0\.0\.21:\d+\) refuses to be asked \(DENY\); looking for another")
        replacement.wait_requests(1)
        # Passive, at four requests a second: long enough for five more to the one that refused, were it still asked.
        replacement.wait_more(5)
        kept.wait_more(1)
        assert daemon.stop() == 0
    assert len(refusing.requests) == 1
    assert replacement.requests[0].at > refusing.requests[0].at
