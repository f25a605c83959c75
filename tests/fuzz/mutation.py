"""Mutations of bytes, reproducible from a seed: the engine for machines that have no coverage-guided one."""

from __future__ import annotations

import random

__all__ = ["mutated"]

_INTERESTING = [b"\0", b"\xff", b"\x7f", b"\x80", b"\0\0", b"\xff\xff", b"\0\x10", b"\0\x1c", b"\xff\xfc", bytes(8), b"\xff" * 8]
# Changes that keep the length are more frequent: a packet of a wrong length is refused before anything else is looked at.
_KINDS = ["bit"] * 6 + ["byte"] * 6 + ["number"] * 4 + ["cut", "repeat", "delete", "append"]


def mutated(seed: bytes, rng: random.Random) -> bytes:
    """`seed` with one to four random changes: bits, bytes, interesting numbers, cuts, repetitions and random ends."""
    data = bytearray(seed)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        match rng.choice(_KINDS):
            case "bit" if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case "byte" if at < len(data):
                data[at] = rng.randrange(256)
            case "number":
                number = rng.choice(_INTERESTING)
                data[at : at + len(number)] = number
            case "cut":
                del data[at:]
            case "repeat":
                data[at:at] = data[at : at + rng.randrange(1, 40)]
            case "delete":
                del data[at : at + rng.randrange(1, 8)]
            case _:
                data += rng.randbytes(rng.randrange(40))
    return bytes(data)
