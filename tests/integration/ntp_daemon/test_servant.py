"""The servant on real sockets: how old the time can be that it serves."""

from __future__ import annotations

import contextlib
import dataclasses
import select
import socket
import threading

import pytest

from contracts import responder_contract
from contracts.loopback import system_now
from contracts.responder_contract import packet
from ntp_daemon.serving.counters import CounterPage
from ntp_daemon.serving.servant import Judges, Servant
from ntp_proto.datagram import Address
from ntp_proto.server import ServerPolicy, Snapshot
from ntp_udp.server_socket import bind_sockets

CLOCK = dataclasses.replace(responder_contract.CLOCK, as_of=system_now())


@pytest.mark.parametrize("way", ["fast", "slow"])
def test_the_snapshot_is_read_when_a_request_is_there(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before the wait for it, which may be long."""
    if way == "slow":
        monkeypatch.setenv("NTP_NO_EXT", "1")
    with contextlib.ExitStack() as stack:
        [server] = bind_sockets(Address("127.0.0.1", 0))
        stack.callback(server.close)
        poll = select.poll()
        poll.register(server.fileno(), select.POLLIN)
        was_ready: list[bool] = []

        def snapshot() -> Snapshot:
            was_ready.append(bool(poll.poll(0)))
            return CLOCK

        servant = Servant([server], ServerPolicy(), snapshot, Judges(), CounterPage())
        client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        client.settimeout(5)
        client.connect(("127.0.0.1", server.local.port))
        servant.serve(timeout_s=0.0)
        was_ready.clear()
        timer = threading.Timer(0.05, lambda: client.send(packet()))
        timer.start()
        servant.serve(timeout_s=10.0)
        timer.join()
        assert len(client.recv(100)) == 48
        assert was_ready == [True]
