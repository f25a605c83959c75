"""Ring two of giving up privileges: the capabilities of this thread, and the way back to more of them.

Capabilities belong to threads: what is given up here stays with every other thread that exists already. So it is to be done before the first.

Source: capabilities(7), prctl(2), capset(2).
"""

from __future__ import annotations

import os
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ntp_daemon._privileges import PrivilegesFfi, PrivilegesLib

__all__ = ["Capability", "bound_to", "keep_through_change_of_user", "limit_to", "may_bind", "permitted"]

_KEEP = 8  # PR_SET_KEEPCAPS
_DROP_FROM_BOUNDING_SET = 24  # PR_CAPBSET_DROP
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS
_AMBIENT = 47  # PR_CAP_AMBIENT
_CLEAR_ALL = 4  # PR_CAP_AMBIENT_CLEAR_ALL
_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3: two words of 32 capabilities
_NUMBERS = range(64)


class Capability(IntEnum):
    """The capabilities that are used here."""

    NET_BIND_SERVICE = 10
    """To listen on a port below 1024."""
    SYS_TIME = 25
    """To set the clock."""


def _load() -> tuple[PrivilegesFfi, PrivilegesLib]:
    """The compiled binding, or the one through libffi where it is missing or NTP_NO_EXT asks for it."""
    if not os.environ.get("NTP_NO_EXT"):
        try:
            from ntp_daemon._privileges import ffi, lib  # noqa: PLC0415 -- which of the two exists is known only now
        except ImportError:
            pass
        else:
            return ffi, lib
    from ntp_daemon._privileges_abi import ffi as abi  # noqa: PLC0415 -- as above

    return abi, abi.dlopen(None)


_FFI, _LIB = _load()
"""Bound when this module is: in another root the file could not be found."""


def keep_through_change_of_user() -> None:
    """Let the next change from root to another user leave the permitted capabilities as they are, and not only that of the user.

    Raises:
        OSError: The kernel refuses.
    """
    _check(_LIB.prctl(_KEEP, _long(1), _long(0), _long(0), _long(0)))


def bound_to(kept: frozenset[Capability]) -> None:
    """Let no program that is started from now on have more than those; to be done as root, before the rest.

    So far as this process may: without CAP_SETPCAP nothing is changed, and the `no_new_privs` of `limit_to` keeps that from mattering.
    """
    for number in _NUMBERS:
        if number not in kept and _LIB.prctl(_DROP_FROM_BOUNDING_SET, _long(number), _long(0), _long(0), _long(0)) != 0:
            break


def limit_to(kept: frozenset[Capability]) -> None:
    """Give up every capability but those, as far as they are there, and every way to a new one: a set-user-id program is one like others then.

    Raises:
        OSError: The kernel refuses.
    """
    _LIB.prctl(_AMBIENT, _long(_CLEAR_ALL), _long(0), _long(0), _long(0))  # a kernel without ambient ones refuses
    mask = sum(1 << capability for capability in kept & permitted())
    header = _FFI.new("struct capability_header *", (_VERSION, 0))
    words = [(mask & 0xFFFFFFFF,) * 2 + (0,), (mask >> 32,) * 2 + (0,)]
    _check(_LIB.capset(header, _FFI.new("struct capability_sets[2]", words)))
    _check(_LIB.prctl(_NO_NEW_PRIVILEGES, _long(1), _long(0), _long(0), _long(0)))


def permitted() -> frozenset[int]:
    """The numbers of the capabilities that this thread has or may take."""
    sets = _FFI.new("struct capability_sets[2]")
    _check(_LIB.capget(_FFI.new("struct capability_header *", (_VERSION, 0)), sets))
    mask = sets[0].permitted | sets[1].permitted << 32
    return frozenset(number for number in _NUMBERS if mask >> number & 1)


def may_bind(port: int) -> bool:
    """Whether this thread may listen on the port, so far as its privileges matter.

    Source: ip(7), ip_unprivileged_port_start.
    """
    try:
        first_free = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="ascii"))
    except (OSError, ValueError):
        first_free = 1024
    return port >= first_free or Capability.NET_BIND_SERVICE in permitted()


def _long(number: int) -> object:
    """The type that prctl takes, which its declaration does not tell C."""
    return _FFI.cast("unsigned long", number)


def _check(result: int) -> None:
    if result != 0:
        raise OSError(_FFI.errno, os.strerror(_FFI.errno))
