from __future__ import annotations

import random

import pytest

from ntp_proto.datagram import Address
from ntp_proto.identifiers import KissCode, Mode
from ntp_proto.packet import Packet, client_request
from ntp_proto.time_types import NtpTimestamp, PollInterval
from ntp_sim import Behaviour, Link, SimServer, World, exponential

REQUEST = client_request(NtpTimestamp(0xDEADBEEF), PollInterval(6)).to_bytes()


def test_a_link_has_a_base_delay_and_queues() -> None:
    rng = random.Random(1)
    delays = [Link(0.01, exponential(1e-3)).delay(rng, 0.0) for _ in range(5000)]
    assert all(delay is not None and delay >= 0.01 for delay in delays)
    assert sum(delay - 0.01 for delay in delays if delay) / 5000 == pytest.approx(1e-3, rel=0.06)


def test_a_link_loses_its_share() -> None:
    rng = random.Random(1)
    assert sum(Link(0.01, loss=0.3).delay(rng, 0.0) is None for _ in range(5000)) == pytest.approx(1500, abs=120)


def exchange(behaviour: Behaviour, data: bytes = REQUEST) -> list[tuple[float, bytes]]:
    world, answers = World(1), []
    server = SimServer(world, Address("192.0.2.1", 123), Link(0.010), Link(0.020), behaviour)
    server.carry(data, lambda answer: answers.append((world.now, answer)))
    world.run(1.0)
    assert server.requests == [0.010]
    return answers


def test_an_honest_server_answers_with_true_time() -> None:
    ((when, data),) = exchange(Behaviour())
    header = Packet.parse(data).header
    assert when == pytest.approx(0.030)
    assert header.mode is Mode.SERVER
    assert header.origin == NtpTimestamp(0xDEADBEEF)
    assert (header.receive - World(1).timestamp()).to_seconds() == pytest.approx(0.010, abs=1e-9)


def test_a_liar_is_ahead() -> None:
    ((_, data),) = exchange(Behaviour(ahead_s=lambda now: 5.0 + now))
    assert (Packet.parse(data).header.receive - World(1).timestamp()).to_seconds() == pytest.approx(5.020, abs=1e-9)


def test_a_kiss_a_silent_server_and_garbage() -> None:
    ((_, data),) = exchange(Behaviour(kiss=KissCode.DENY))
    assert Packet.parse(data).header.stratum == 0
    assert exchange(Behaviour(is_silent=True)) == []
    assert exchange(Behaviour(), b"garbage") == []
