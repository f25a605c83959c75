"""What every client table does, in Python and in C: the same judgements for the same seed and the same requests."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

import pytest

from ntp_proto.server import WAYS, ClientLimits, ClientTable, PythonClientTable, Rate, pack_address

SEED = bytes(range(100, 132))
VICTIM = pack_address("192.0.2.7")


def v4(number: int) -> bytes:
    """Addresses one after another, from 10.0.0.0."""
    return bytes(10) + b"\xff\xff" + (0x0A000000 + number).to_bytes(4, "big")


def v6(site: int, host: int) -> bytes:
    """A host of a site, each of which has a /64."""
    return (0x2001_0DB8 << 96 | site << 64 | host).to_bytes(16, "big")


def answers(table: ClientTable, client: bytes, instants: list[float]) -> list[bool]:
    """What each of these requests comes to."""
    return [table.admit(client, now) for now in instants]


class ClientTableContract:
    """Subclasses say how a table is made."""

    def make(self, limits: ClientLimits, seed: bytes = SEED) -> ClientTable:
        """A table that has seen nobody."""
        raise NotImplementedError

    def test_without_a_limit_everybody_is_admitted_and_counted(self) -> None:
        table = self.make(ClientLimits(size=64))
        assert all(answers(table, VICTIM, [1.0] * 1000))
        (record,) = table.top(5, 1.0)
        assert (record.address, record.requests, record.drops, record.idle_s) == (VICTIM, 1000, 0, 0.0)

    def test_a_burst_then_the_rate(self) -> None:
        table = self.make(ClientLimits(rate=Rate(2.0, 4), leak=0))
        assert answers(table, VICTIM, [5.0] * 6) == [True] * 4 + [False] * 2
        assert answers(table, VICTIM, [5.499, 5.5, 5.5, 6.0]) == [False, True, False, True]

    def test_each_client_has_a_bucket_of_its_own(self) -> None:
        table = self.make(ClientLimits(rate=Rate(1.0, 1), leak=0))
        assert [table.admit(v4(number), 1.0) for number in range(20)] == [True] * 20
        assert [table.admit(v4(number), 1.0) for number in range(20)] == [False] * 20

    def test_the_minimum_gap_is_between_answers(self) -> None:
        table = self.make(ClientLimits(minimum_gap_s=1.0, leak=0))
        # A request that was refused does not start another gap, or who asks every 0.9 s would be refused for ever.
        assert answers(table, VICTIM, [10.0, 10.9, 11.0, 11.5, 12.4, 12.5]) == [True, False, True, False, True, False]

    def test_a_gap_at_the_start_of_the_clock(self) -> None:
        table = self.make(ClientLimits(minimum_gap_s=1.0, leak=0))
        assert answers(table, VICTIM, [0.0, 0.5, 1.0]) == [True, False, True]

    def test_without_a_limit_the_order_of_instants_does_not_matter(self) -> None:
        """Two paths that share a table read the clock in their own time."""
        assert all(answers(self.make(ClientLimits(leak=0)), VICTIM, [10.0, 9.999999, 1.0]))

    def test_bucket_and_gap_hold_together(self) -> None:
        table = self.make(ClientLimits(rate=Rate(1.0, 10), minimum_gap_s=0.5, leak=0))
        assert answers(table, VICTIM, [1.0, 1.0, 1.5, 1.9, 2.0]) == [True, False, True, False, True]

    def test_a_refused_request_takes_no_token(self) -> None:
        table = self.make(ClientLimits(rate=Rate(1.0, 1), leak=0))
        assert answers(table, VICTIM, [1.0, *[1.0 + step / 50 for step in range(1, 50)], 2.0]) == [True] + [False] * 49 + [True]

    @pytest.mark.parametrize("leak", [1, 2, 5])
    def test_the_leak_answers_its_share(self, leak: int) -> None:
        table = self.make(ClientLimits(rate=Rate(1e-6, 1), leak=leak))
        table.admit(VICTIM, 1.0)
        leaked = sum(answers(table, VICTIM, [1.0] * 4096))
        expected = 4096 / 2**leak
        assert abs(leaked - expected) < 5 * expected**0.5

    def test_a_spoofer_cannot_silence_a_victim(self) -> None:
        """One sends 100 requests a second under the address of the other, who asks once in 16 s for an hour."""
        table = self.make(ClientLimits(rate=Rate(1.0, 8), leak=2))
        answered, silence, longest = 0, 0, 0
        for poll in range(225):
            now = 100.0 + 16.0 * poll
            for step in range(200):
                table.admit(VICTIM, now - 2.0 + step / 100)
            is_answered = table.admit(VICTIM, now)
            answered += is_answered
            silence = 0 if is_answered else silence + 1
            longest = max(longest, silence)
        assert answered > 225 / 8
        assert longest < 30

    def test_what_leaks_takes_no_token(self) -> None:
        table = self.make(ClientLimits(rate=Rate(1.0, 1), leak=1))
        table.admit(VICTIM, 1.0)
        assert any(answers(table, VICTIM, [1.5] * 64))
        dry = self.make(ClientLimits(rate=Rate(1.0, 1), leak=32))
        dry.admit(VICTIM, 1.0)
        dry.admit(VICTIM, 1.5)
        assert table.admit(VICTIM, 2.0)
        assert dry.admit(VICTIM, 2.0)

    def test_an_ipv6_site_is_one_client(self) -> None:
        table = self.make(ClientLimits(rate=Rate(1.0, 1), leak=0))
        assert table.admit(v6(1, 1), 1.0)
        assert not table.admit(v6(1, 2**64 - 1), 1.0)
        assert table.admit(v6(2, 1), 1.0)
        assert [record.address for record in table.top(3, 1.0)] == [v6(1, 0), v6(2, 0)]

    @pytest.mark.parametrize("prefix", [16, 56, 63, 127, 128])
    def test_the_width_of_an_ipv6_client(self, prefix: int) -> None:
        table = self.make(ClientLimits(rate=Rate(1.0, 1), leak=0, ipv6_prefix=prefix))
        base = 0x2001_0DB8_5A5A_A5A5_5A5A_A5A5_5A5A_A5A5
        table.admit(base.to_bytes(16, "big"), 1.0)
        assert table.admit((base ^ 1 << 128 - prefix).to_bytes(16, "big"), 1.0)
        if prefix < 128:
            assert not table.admit((base ^ 1 << 127 - prefix).to_bytes(16, "big"), 1.0)

    @pytest.mark.parametrize("prefix", [8, 24, 31, 32])
    def test_the_width_of_an_ipv4_client(self, prefix: int) -> None:
        table = self.make(ClientLimits(rate=Rate(1.0, 1), leak=0, ipv4_prefix=prefix))
        table.admit(v4(0x5A5A), 1.0)
        assert table.admit(v4(0x5A5A ^ 1 << 32 - prefix), 1.0)
        if prefix < 32:
            assert not table.admit(v4(0x5A5A ^ 1 << 31 - prefix), 1.0)

    def test_ipv4_is_no_site_of_ipv6(self) -> None:
        """All IPv4-mapped addresses share one /64."""
        table = self.make(ClientLimits(rate=Rate(1.0, 1), leak=0))
        assert table.admit(v4(1), 1.0)
        assert table.admit(v4(2), 1.0)
        assert table.admit(bytes(15) + b"\x01", 1.0)

    def test_the_busiest_come_first_and_equals_by_address(self) -> None:
        table = self.make(ClientLimits(size=64))
        for number, requests in ((3, 2), (1, 5), (2, 2), (4, 1)):
            answers(table, v4(number), [1.0] * requests)
        assert [(record.address, record.requests) for record in table.top(3, 2.5)] == [(v4(1), 5), (v4(2), 2), (v4(3), 2)]
        assert table.top(1, 2.5)[0].idle_s == pytest.approx(1.5)
        assert table.top(0, 2.5) == ()

    def test_drops_are_counted(self) -> None:
        table = self.make(ClientLimits(rate=Rate(1.0, 3), leak=0))
        answers(table, VICTIM, [1.0] * 10)
        (record,) = table.top(1, 1.0)
        assert (record.requests, record.drops) == (10, 7)

    def test_the_idle_are_forgotten_and_come_back_as_new(self) -> None:
        table = self.make(ClientLimits(rate=Rate(1.0, 1), leak=0, idle_s=60.0))
        answers(table, VICTIM, [1.0] * 5)
        assert table.active(61.0) == 1
        assert table.active(61.1) == 0
        assert table.top(5, 61.1) == ()
        assert table.admit(VICTIM, 70.0)
        (record,) = table.top(5, 70.0)
        assert (record.requests, record.drops) == (1, 0)

    def test_at_the_last_instant_a_client_is_not_idle_yet(self) -> None:
        table = self.make(ClientLimits(idle_s=60.0))
        answers(table, VICTIM, [1.0, 61.0])
        assert table.top(1, 61.0)[0].requests == 2

    def test_a_full_set_gives_up_the_quietest(self) -> None:
        table = self.make(ClientLimits(rate=Rate(1.0, 1), leak=0, size=WAYS))
        for number in range(WAYS):
            table.admit(v4(number), 1.0 + number / 100)
        table.admit(v4(0), 1.2)  # no longer the quietest: 1 is
        table.admit(v4(99), 1.3)
        assert {record.address for record in table.top(99, 1.3)} == {v4(number) for number in (0, 2, 3, 4, 5, 6, 7, 99)}
        assert not table.admit(v4(0), 1.3)
        assert table.admit(v4(1), 1.3)

    def test_nothing_grows_with_the_number_of_clients(self) -> None:
        limits = ClientLimits(rate=Rate(1.0, 1), size=256)
        table = self.make(limits)
        for number in range(60_000):
            table.admit(v4(number) if number % 2 else v6(number, 1), 1.0 + number * 1e-6)
        assert table.active(2.0) == limits.sets * WAYS == 256
        assert len(table.top(10**6, 2.0)) == 256

    def test_who_keeps_asking_stays_in_the_table_through_a_flood(self) -> None:
        table = self.make(ClientLimits(size=1024))
        for number in range(40_000):
            table.admit(v4(number), 1.0 + number * 1e-6)
            if number % 200 == 0:
                table.admit(VICTIM, 1.0 + number * 1e-6)
        assert table.top(1, 2.0)[0].address == VICTIM
        assert table.top(1, 2.0)[0].requests == 200

    @pytest.mark.parametrize(
        "make_address", [v4, lambda number: v6(number, 0), lambda number: v6(number << 20, 0)], ids=["ipv4", "sites", "distant sites"]
    )
    def test_neighbours_are_spread_over_the_sets(self, make_address: Callable[[int], bytes]) -> None:
        for seed in range(5):
            table = self.make(ClientLimits(size=4096), random.Random(seed).randbytes(32))
            for number in range(4096):
                table.admit(make_address(number), 1.0 + number * 1e-6)
            # Of random places one in seven is empty when all have been thrown once.
            assert table.active(2.0) > 0.80 * 4096

    def test_other_seeds_make_other_sets(self) -> None:
        def survivors(seed: int) -> set[bytes]:
            table = self.make(ClientLimits(size=64), random.Random(seed).randbytes(32))
            for number in range(96):
                table.admit(v4(number), 1.0 + number * 1e-6)
            return {record.address for record in table.top(96, 2.0)}

        assert len({frozenset(survivors(seed)) for seed in range(8)}) == 8

    def test_it_is_the_model_without_bounds_while_there_is_room(self) -> None:
        limits = ClientLimits(rate=Rate(4.0, 3), minimum_gap_s=0.125, leak=0, size=4096, idle_s=1e6)
        table, rng = self.make(limits), random.Random(7)
        tokens: dict[bytes, tuple[Fraction, float]] = {}
        answered: dict[bytes, float] = {}
        now = 10.0
        for _ in range(4000):
            now += rng.randrange(0, 16) / 256  # exact in binary and in nanoseconds' tenths: the model needs no rounding
            client = v4(rng.randrange(12))
            level, before = tokens.get(client, (Fraction(3), now))
            level = min(Fraction(3), level + (Fraction(now) - Fraction(before)) * 4)
            expected = level >= 1 and now - answered.get(client, -1e9) >= 0.125
            if expected:
                level, answered[client] = level - 1, now
            tokens[client] = level, now
            assert table.admit(client, now) == expected

    def test_it_is_the_table_in_python(self) -> None:
        """The same seed and the same requests: the same sets, the same ones that leave, the same random numbers."""
        limits = ClientLimits(rate=Rate(3.0, 4), minimum_gap_s=0.01, leak=2, size=64, idle_s=5.0)
        table, model, rng = self.make(limits), PythonClientTable(limits, SEED), random.Random(11)
        now = 3.0
        for _ in range(20_000):
            now += rng.expovariate(400.0)
            client = v4(rng.randrange(40)) if rng.random() < 0.6 else v6(rng.randrange(200), rng.randrange(3))
            assert table.admit(client, now) == model.admit(client, now)
        assert table.active(now) == model.active(now)
        assert table.top(1000, now) == model.top(1000, now)
