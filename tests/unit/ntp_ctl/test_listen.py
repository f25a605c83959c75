from __future__ import annotations

import os
import socket

import pytest

from ntp_ctl.listen import ListenError, address_text, open_listener


def _refusal(where: str) -> str:
    with pytest.raises(ListenError) as caught:
        open_listener(where)
    return str(caught.value)


@pytest.mark.parametrize(("where", "host"), [("127.0.0.1:0", "127.0.0.1"), ("localhost:0", "")])
def test_it_listens_where_it_should(where: str, host: str) -> None:
    with open_listener(where) as listener:
        assert address_text(listener).startswith(host)
        with socket.create_connection(listener.getsockname()[:2], timeout=5.0):
            pass


def test_ipv6_has_brackets() -> None:
    try:
        listener = open_listener("[::1]:0")
    except ListenError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with listener:
        assert address_text(listener) == f"[::1]:{listener.getsockname()[1]}"


def test_an_address_in_use() -> None:
    with open_listener("127.0.0.1:0") as first:
        where = address_text(first)
        assert _refusal(where) == f"cannot listen on {where}: address already in use"


def test_an_address_that_is_not_ours() -> None:
    assert _refusal("192.0.2.1:9975") == "cannot listen on 192.0.2.1:9975: cannot assign requested address"


NO_ADDRESSES = [
    "",
    "9975",
    ":9975",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:http",
    "127.0.0.1:65536",
    "::1:9975",
    "[::1]",
    "127.0.0.1:-1",
    "127.0.0.1:٣",
]


@pytest.mark.parametrize("where", NO_ADDRESSES)
def test_what_is_no_address(where: str) -> None:
    assert _refusal(where) == f"cannot listen on {where!r}: not an address such as 127.0.0.1:9975 or [::1]:9975"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_port_that_is_not_allowed() -> None:
    os.seteuid(65534)
    try:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", 80))
            except PermissionError:
                pass
            else:
                pytest.skip("here every user may listen on port 80 (net.ipv4.ip_unprivileged_port_start)")
        assert _refusal("127.0.0.1:80") == "cannot listen on 127.0.0.1:80: permission denied"
    finally:
        os.seteuid(0)
