"""What the tests of whole processes need: a server that tells the time behind a tap, and our daemon with its files in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ntp_proto.datagram import Address
from support.clients import source, start_daemon, write_config
from support.programs import Program, serving
from support.wire import Tap


@pytest.fixture(scope="session")
def time_server() -> Iterator[Address]:
    """A server that tells the time to everybody."""
    with serving("rate_limit_server", "--interval", "0") as (_, address):
        yield address


@pytest.fixture
def tap(time_server: Address) -> Iterator[Tap]:
    """The same behind a tap of the test's own."""
    with Tap(time_server) as tap:
        yield tap


@pytest.fixture
def daemon(tmp_path: Path, tap: Tap) -> Iterator[Program]:
    """Our daemon, which follows `tap`; its configuration, sockets and drift file are in `tmp_path`."""
    write_config(tmp_path, source(tap.address, poll=-2))
    with start_daemon(tmp_path) as daemon:
        daemon.wait_for("configuration: ")
        yield daemon
