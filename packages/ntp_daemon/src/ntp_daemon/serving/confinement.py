"""What a worker gives up before it reads the first datagram: its user, every capability, and the way back.

Through ctypes, because it must work without a compiler; only workers load it.

Source: capabilities(7), prctl(2), capset(2).
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass

__all__ = ["ConfinementError", "User", "confine"]

_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_LAST_CAPABILITY = 63


class ConfinementError(OSError):
    """The kernel did not let go of a privilege: the worker must not begin."""


@dataclass(frozen=True, slots=True)
class User:
    """Numbers, not names: a worker looks nobody up."""

    uid: int
    gid: int


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def confine(user: User | None) -> None:
    """Become `user` where one is given, without capabilities and without a way to new ones. Before the first thread: they are each thread's own.

    Raises:
        ConfinementError: Something could not be given up.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _empty_bounding_set(libc)
    if user is not None and (os.getuid(), os.getgid()) != (user.uid, user.gid):
        try:
            os.setgroups([])
            os.setresgid(user.gid, user.gid, user.gid)
            os.setresuid(user.uid, user.uid, user.uid)
        except OSError as error:
            raise ConfinementError(error.errno, f"cannot become user {user.uid}: {error.strerror}") from error
    header, none = _Header(_CAPABILITY_VERSION_3, 0), (_Sets * 2)()
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if libc.capset(ctypes.byref(header), none) != 0:
        raise ConfinementError(ctypes.get_errno(), "cannot give up the capabilities")
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise ConfinementError(ctypes.get_errno(), "cannot set no_new_privs")


def _empty_bounding_set(libc: ctypes.CDLL) -> None:
    """So far as this process may: without CAP_SETPCAP it has nothing to lose, and `no_new_privs` keeps it so."""
    for capability in range(_LAST_CAPABILITY + 1):
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
