"""The kernel's program, run by a small interpreter: loopback has one IPv6 address only."""

import ipaddress
import socket
import struct

import pytest

from ntp_udp.reuseport_steering import steering_program

U32 = 0xFFFFFFFF
NETWORK_HEADER = -0x100000 & U32
SOURCE_AT = {4: 12, 6: 8}


def run(program: bytes, source: str) -> int:  # noqa: C901 -- a case for each instruction
    """What the kernel would choose for a datagram from there."""
    address = ipaddress.ip_address(source)
    header = bytes(SOURCE_AT[address.version]) + address.packed + bytes(16)
    a = x = 0
    for operation, _, _, value in struct.iter_unpack("=HBBI", program):
        match operation:
            case 0x20:
                a = int.from_bytes(header[value - NETWORK_HEADER :][:4], "big")
            case 0x54:
                a &= value
            case 0xAC:
                a ^= x
            case 0x24:
                a = a * value & U32
            case 0x74:
                a >>= value
            case 0x94:
                a %= value
            case 0x01:
                x = value
            case 0x07:
                x = a
            case 0x87:
                a = x
            case 0x16:
                return a
            case _:
                raise AssertionError(f"{operation:#x}")
    raise AssertionError("no return")


def test_an_ipv6_client_is_a_prefix() -> None:
    program = steering_program(socket.AF_INET6, 5, 64, seed=0x5EED)
    for network in range(50):
        chosen = {run(program, f"2001:db8:0:{network:x}::{host:x}") for host in (0, 1, 0xFFFF)} | {run(program, f"2001:db8:0:{network:x}:9::")}
        assert len(chosen) == 1


@pytest.mark.parametrize(
    ("family", "prefix", "sources"),
    [
        (socket.AF_INET, 32, [f"192.0.2.{n}" for n in range(250)]),
        (socket.AF_INET, 24, [f"10.{n}.3.1" for n in range(250)]),
        (socket.AF_INET6, 64, [f"2001:db8:0:{n:x}::1" for n in range(250)]),
        (socket.AF_INET6, 56, [f"2001:db8:0:{n << 8:x}::1" for n in range(250)]),
        (socket.AF_INET6, 128, [f"2001:db8::{n:x}" for n in range(250)]),
    ],
)
@pytest.mark.parametrize("seed", [0, 0x9E3779B1, U32])
def test_clients_are_spread(family: int, prefix: int, sources: list[str], seed: int) -> None:
    program = steering_program(family, 3, prefix, seed)
    counts = [0, 0, 0]
    for source in sources:
        counts[run(program, source)] += 1
    assert min(counts) >= 50, counts


def test_bits_beyond_the_prefix_do_not_matter() -> None:
    program = steering_program(socket.AF_INET6, 64, 52, seed=0x1234567)
    assert run(program, "2001:db8:1:f000::1") == run(program, "2001:db8:1:ffff::2")
    assert run(program, "2001:db8:1:e000::1") != run(program, "2001:db8:1:f000::1")


def test_the_seed_decides_who_meets_whom() -> None:
    sources = [f"192.0.2.{n}" for n in range(64)]
    chosen = {tuple(run(steering_program(socket.AF_INET, 4, 32, seed), source) for source in sources) for seed in (11111, 22222, 33333)}
    assert len(chosen) == 3
