"""Who has connected, as the kernel says, and what he may."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ntp_daemon.unix_peer import UnixPeer, peer_of

ROOT, OWNER, MEMBER, OTHER = 0, 1000, 1001, 1002


def test_the_kernel_knows_us() -> None:
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert peer_of(one) == UnixPeer(os.geteuid(), frozenset({os.getegid(), *os.getgroups()}))


def test_an_old_kernel_knows_the_main_group_at_least() -> None:
    class Old(socket.socket):
        def getsockopt(self, level: int, optname: int, buflen: int = 0, /) -> bytes:  # type: ignore[override]  # the one form that is used
            if optname == 59:
                raise OSError(92, "Protocol not available")
            return super().getsockopt(level, optname, buflen)

    one, other = socket.socketpair(socket.AF_UNIX)
    with Old(fileno=one.detach()) as old, other:
        assert peer_of(old) == UnixPeer(os.geteuid(), frozenset({os.getegid()}))


class _Found:
    """A file of 1000:2000."""

    def __init__(self, mode: int) -> None:
        self.st_mode, self.st_uid, self.st_gid = 0o140000 | mode, OWNER, 2000


@pytest.mark.parametrize(
    ("mode", "who"),
    [
        (0o660, {ROOT, OWNER, MEMBER}),
        (0o600, {ROOT, OWNER}),
        (0o666, {ROOT, OWNER, MEMBER, OTHER}),
        (0o060, {ROOT, MEMBER}),
        (0o606, {ROOT, OWNER, OTHER}),
        (0o444, {ROOT}),
    ],
)
def test_permissions_mean_what_they_mean_to_the_kernel(monkeypatch: pytest.MonkeyPatch, mode: int, who: set[int]) -> None:
    monkeypatch.setattr(Path, "stat", lambda _path: _Found(mode))
    peers = {user: UnixPeer(user, frozenset({2000} if user == MEMBER else {3000})) for user in (ROOT, OWNER, MEMBER, OTHER)}
    assert {user for user, peer in peers.items() if peer.may_write(Path("x"))} == who


def test_nobody_may_write_what_is_not_there(tmp_path: Path) -> None:
    assert not UnixPeer(0, frozenset()).may_write(tmp_path / "none")
