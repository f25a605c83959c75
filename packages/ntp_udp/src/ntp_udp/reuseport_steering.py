"""Which socket of a group a client meets: a small program in the kernel that chooses by the source address.

The kernel's own choice hashes the source port too, so a client that opens a socket for each request, as it should, would meet all workers
in turn, and each of them would grant it the whole rate. The program sees what the limits see: the address, or its prefix.

It is classic BPF, which needs no privilege. Should the program name a socket that the group does not have, the kernel takes its own choice:
a mistake here costs exactness, never an answer.

Source: Linux, socket(7) SO_ATTACH_REUSEPORT_CBPF; linux/filter.h.
"""

from __future__ import annotations

import array
import socket
import struct

__all__ = ["attach_steering", "steering_program"]

_SO_ATTACH_REUSEPORT_CBPF = 51  # asm-generic/socket.h; Python does not name it
_NETWORK_HEADER = -0x100000  # SKF_NET_OFF: offsets from there count from the IP header
_IPV4_SOURCE = 12
_IPV6_SOURCE = 8

_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS: A = the word there, in host order
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_XOR_X = 0xAC  # BPF_ALU | BPF_XOR | BPF_X
_MULTIPLY = 0x24  # BPF_ALU | BPF_MUL | BPF_K
_SHIFT_RIGHT = 0x74  # BPF_ALU | BPF_RSH | BPF_K
_MODULO = 0x94  # BPF_ALU | BPF_MOD | BPF_K
_LOAD_X = 0x01  # BPF_LDX | BPF_W | BPF_IMM
_TO_X = 0x07  # BPF_MISC | BPF_TAX: X = A
_FROM_X = 0x87  # BPF_MISC | BPF_TXA: A = X
_RETURN_A = 0x16  # BPF_RET | BPF_A

_MIXER = 0x85EBCA6B  # odd, so that no bit is lost; Appleby's, of MurmurHash3 (public domain)

_INSTRUCTION = struct.Struct("=HBBI")
_PROGRAM = struct.Struct("@HP")


def steering_program(family: int, sockets: int, prefix: int, seed: int) -> bytes:
    """The instructions.

    Args:
        family: AF_INET or AF_INET6.
        sockets: How many are in the group; 1 or more.
        prefix: How many bits of the address make a client, 0 to 32 or 128.
        seed: Any number: which client meets which socket, so that nobody can choose one worker to be flooded.
    """
    start, words = (_IPV6_SOURCE, 4) if family == socket.AF_INET6 else (_IPV4_SOURCE, 1)
    code = [_instruction(_LOAD_X, seed)]
    for word in range(words):
        bits = min(32, max(0, prefix - 32 * word))
        if bits:
            mask = 0xFFFFFFFF << (32 - bits)
            mixing = [(_LOAD_WORD, _NETWORK_HEADER + start + 4 * word), (_AND, mask), (_XOR_X, 0), (_MULTIPLY, _MIXER)]
            code += [_instruction(operation, value) for operation, value in mixing]
            code += _fold()
            code.append(_instruction(_TO_X, 0))
    return b"".join([*code, _instruction(_FROM_X, 0), _instruction(_MODULO, sockets), _instruction(_RETURN_A, 0)])


def _fold() -> list[bytes]:
    """The high half of a product depends on all bits below, the low half does not: bring the former down."""
    return [_instruction(_TO_X, 0), _instruction(_SHIFT_RIGHT, 15), _instruction(_XOR_X, 0)]


def _instruction(operation: int, value: int) -> bytes:
    return _INSTRUCTION.pack(operation, 0, 0, value & 0xFFFFFFFF)


def attach_steering(sock: socket.socket, program: bytes) -> None:
    """Give the program to the group that the socket is in, in the place of an earlier one.

    Raises:
        OSError: The kernel refused; it goes on with its own choice.
    """
    code = array.array("B", program)
    address, _ = code.buffer_info()
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, _PROGRAM.pack(len(program) // _INSTRUCTION.size, address))
