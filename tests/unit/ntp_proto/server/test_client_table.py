from __future__ import annotations

import sys
from array import array

import pytest

from contracts.client_table_contract import SEED, VICTIM, ClientTableContract, v4
from ntp_proto.server import WAYS, ClientLimits, ClientTable, PythonClientTable, Rate


class TestPythonClientTable(ClientTableContract):
    def make(self, limits: ClientLimits, seed: bytes = SEED) -> ClientTable:
        return PythonClientTable(limits, seed)

    def test_its_memory_is_the_same_after_a_million_clients_as_after_the_first_few(self) -> None:
        table = PythonClientTable(ClientLimits(size=512), SEED)

        def octets() -> int:
            return sum(sys.getsizeof(part) for part in vars(table).values() if isinstance(part, list | dict | array))

        for number in range(2000):
            table.admit(v4(number), 1.0)
        full = octets()
        for number in range(2000, 250_000):
            table.admit(v4(number * 17), 1.0)
        assert octets() <= full * 1.5
        assert table.active(1.0) == 512

    def test_counts_stop_at_their_width(self) -> None:
        table = PythonClientTable(ClientLimits(rate=Rate(1e-6, 1), leak=0, size=8), SEED)
        table.admit(VICTIM, 1.0)
        # By hand, for four thousand million requests take too long.
        slot = table._slots[int.from_bytes(VICTIM, "big")]
        table._requests[slot] = table._drops[slot] = 2**32 - 2
        for _ in range(3):
            table.admit(VICTIM, 1.0)
        (record,) = table.top(1, 1.0)
        assert (record.requests, record.drops) == (2**32 - 1, 2**32 - 1)

    def test_the_first_random_numbers(self) -> None:
        """SplitMix64 from 1234567, as its authors print it: what the C must draw too."""
        table = PythonClientTable(ClientLimits(rate=Rate(1e-6, 1), leak=2, size=8), bytes(24) + (1234567).to_bytes(8, "little"))
        published = (6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821)
        table.admit(VICTIM, 1.0)
        assert [table.admit(VICTIM, 1.0) for _ in published] == [number >> 62 == 0 for number in published]

    @pytest.mark.parametrize("length", [0, 31, 33])
    def test_a_seed_of_another_length(self, length: int) -> None:
        with pytest.raises(ValueError, match="32 octets"):
            PythonClientTable(ClientLimits(), bytes(length))


class TestClientLimits:
    @pytest.mark.parametrize(("size", "sets"), [(1, 1), (8, 1), (9, 2), (16, 2), (17, 4), (100_000, 16384)])
    def test_sets_are_a_power_of_two_and_hold_the_size(self, size: int, sets: int) -> None:
        assert ClientLimits(size=size).sets == sets
        assert sets * WAYS >= size

    @pytest.mark.parametrize(
        "wrong",
        [
            {"minimum_gap_s": -0.1},
            {"minimum_gap_s": float("nan")},
            {"leak": -1},
            {"leak": 33},
            {"ipv4_prefix": 7},
            {"ipv4_prefix": 33},
            {"ipv6_prefix": 15},
            {"ipv6_prefix": 129},
            {"size": 0},
            {"size": (1 << 24) + 1},
            {"idle_s": 0.5},
        ],
    )
    def test_what_is_out_of_range_is_named(self, wrong: dict[str, int]) -> None:
        (name,) = wrong
        with pytest.raises(ValueError, match=name):
            ClientLimits(**wrong)
