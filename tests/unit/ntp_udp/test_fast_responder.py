"""The C of the fast path, without sockets: the contracts that Python keeps too, and what only C can get wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cffi import FFI
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.client_table_contract import SEED, VICTIM, ClientTableContract
from contracts.datagrams import arrivals, policies, snapshots
from contracts.responder_contract import CLOCK, LATER, NONCE, NOW, Respond, ResponderContract, packet, request
from ntp_proto.packet import Header
from ntp_proto.server import (
    WAYS,
    Answer,
    AnswerKind,
    ClientLimits,
    ClientTable,
    DropReason,
    PythonClientTable,
    Rate,
    Responder,
    ServerPolicy,
    Snapshot,
    Verdict,
)
from ntp_proto.server.request import Request
from ntp_proto.time_types import NtpDuration, NtpTimestamp

pytest.importorskip("ntp_udp._fast_server", reason="the extension is not compiled")

from ntp_udp._fast_server import ffi, lib
from ntp_udp.fast_responder import FastClientTable, FastResponder

HERE = Path(__file__).parents[3] / "packages/ntp_udp/src/ntp_udp/_ffi"


class TestFastClientTable(ClientTableContract):
    def make(self, limits: ClientLimits, seed: bytes = SEED) -> ClientTable:
        return FastClientTable(limits, seed)

    def test_counts_stop_at_their_width(self) -> None:
        table = FastClientTable(ClientLimits(rate=Rate(1e-6, 1), leak=0, size=8), SEED)
        table.admit(VICTIM, 1.0)
        places = [table._sets[0].client[way] for way in range(WAYS)]  # by hand, for four thousand million requests take too long
        slot = next(place for place in places if place.requests)
        slot.requests = slot.drops = 2**32 - 2
        for _ in range(3):
            table.admit(VICTIM, 1.0)
        (record,) = table.top(1, 1.0)
        assert (record.requests, record.drops) == (2**32 - 1, 2**32 - 1)

    def test_a_seed_has_32_octets(self) -> None:
        with pytest.raises(ValueError, match="32 octets, got 31"):
            FastClientTable(ClientLimits(), bytes(31))


class TestFastResponder(ResponderContract):
    """The fast path, with the slow one behind it for what it leaves."""

    def make(self, policy: ServerPolicy) -> Respond:
        fast = FastResponder(policy, SEED)
        slow = Responder(policy, fast.clients, global_bucket=fast.global_bucket)

        def respond(request: Request, transmit_at: NtpTimestamp, snapshot: Snapshot, now: float) -> Verdict:
            return fast.respond(request, transmit_at, snapshot, now) or slow.respond(request, transmit_at, snapshot, now)

        return respond


def test_the_enumerations_are_the_same() -> None:
    assert (len(AnswerKind), len(DropReason)) == (lib.NTP_KINDS, lib.NTP_REASONS)
    source = (HERE / "respond.c").read_text()
    for enum, members, spelled in (("reason", DropReason, {}), ("kind", AnswerKind, {"UNSYNCHRONIZED": "NO_TIME"})):
        [names] = re.findall(rf"enum {enum} {{(?: /\*.*?\*/)?([^}}]*)}}", source)
        assert names.replace(",", " ").split() == [spelled.get(member.name, member.name) for member in members]


_DELAYS = st.integers(-(1 << 8), 1 << 20) | st.integers((1 << 32) - 4, (1 << 32) + 4) | st.integers(-(1 << 62), 1 << 62)
"""From the timestamp of an answer to its departure, 2^-32 s."""


@settings(max_examples=300, deadline=None)
@given(policies(), st.lists(snapshots(), min_size=1, max_size=3), arrivals(), st.binary(min_size=32, max_size=32), st.lists(_DELAYS, min_size=1))
def test_the_fast_path_may_refuse_and_never_disagrees(
    policy: ServerPolicy, clocks: list[Snapshot], arrived: list[tuple[Request, NtpTimestamp, float]], seed: bytes, departures: list[int]
) -> None:
    """Over sequences: what is counted for one datagram shows in the verdict on another."""
    reference = Responder(policy, PythonClientTable(policy.clients, seed))
    fast = FastResponder(policy, seed)
    slow = Responder(policy, fast.clients, global_bucket=fast.global_bucket)
    for number, (one, transmit_at, now) in enumerate(arrived):
        snapshot = clocks[number % len(clocks)]
        said = fast.respond(one, transmit_at, snapshot, now)
        assert said is not None or policy.serves_legacy, "only the old versions are left to Python"
        both = said or slow.respond(one, transmit_at, snapshot, now)
        assert both == reference.respond(one, transmit_at, snapshot, now)
        if isinstance(both, Answer):
            departed_at = transmit_at + NtpDuration(departures[number % len(departures)])
            for responder in (fast, slow, reference):
                responder.handle_sent(both.data, departed_at, snapshot)
    last = arrived[-1][2]
    assert fast.clients.top(5, last) == reference.clients.top(5, last)
    assert fast.clients.active(last) == reference.clients.active(last)


@pytest.mark.parametrize(("is_set", "origin"), [(False, 5), (True, NONCE)])
def test_a_step_of_the_clock_is_a_new_beginning_for_interleaved_mode(is_set: bool, origin: int) -> None:
    fast = FastResponder(ServerPolicy(), SEED)

    def ask(origin: int) -> Header:
        verdict = fast.respond(request(packet(origin=origin, receive=5)), LATER, CLOCK, 1.0)
        assert isinstance(verdict, Answer)
        return Header.parse(verdict.data)

    first = ask(NOW.bits | 1)
    if is_set:
        fast.handle_clock_set()
    assert ask(first.receive_bits).origin_bits == origin


@pytest.mark.parametrize(("delay", "is_believed"), [(0, True), (2, True), (1 << 20, True), (1 << 32, True), (-2, False), ((1 << 32) + 2, False)])
def test_the_kernels_stamp_is_what_the_next_answer_carries(delay: int, is_believed: bool) -> None:
    fast = FastResponder(ServerPolicy(), SEED)
    first = fast.respond(request(packet(origin=NOW.bits | 1, receive=5)), LATER, CLOCK, 1.0)
    assert isinstance(first, Answer)
    said = Header.parse(first.data)
    fast.handle_sent(first.data, NtpTimestamp(said.transmit_bits + delay), CLOCK)
    second = fast.respond(request(packet(origin=said.receive_bits, receive=5)), LATER, CLOCK, 1.0)
    assert isinstance(second, Answer)
    assert (second.kind, Header.parse(second.data).transmit_bits) == (AnswerKind.INTERLEAVED, said.transmit_bits + (delay if is_believed else 0))


def test_the_layout_is_the_one_that_c_and_python_agree_on() -> None:
    """By the compiler's account (sizes and offsets of the compiled module) against that of the declarations (cffi's own)."""
    declared = FFI()
    declared.cdef((HERE / "fast_server.cdef.h").read_text())
    structs = re.findall(r"^struct (\w+) \{", (HERE / "fast_server.cdef.h").read_text(), re.MULTILINE)
    assert len(structs) == 15
    for name in structs:
        kind = f"struct {name}"
        assert ffi.sizeof(kind) == declared.sizeof(kind), kind
        for field, _ in declared.typeof(kind).fields:
            assert ffi.offsetof(kind, field) == declared.offsetof(kind, field), (kind, field)
