import argparse
import socket

import pytest

from ntp_proto.datagram import Address
from test_servers.listener import Listener, listen_address, system_time


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("0.0.0.0:0", Address("0.0.0.0", 0)),
        ("[::1]:123", Address("::1", 123)),
    ],
)
def test_an_address_has_a_port(text: str, address: Address) -> None:
    assert listen_address(text) == address


@pytest.mark.parametrize("text", ["", "127.0.0.1", "127.0.0.1:", ":8080", "localhost:8080", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:٣"])
def test_what_is_no_address_is_said_in_words(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"such as 127\.0\.0\.1:8080 or \[::1\]:8080"):
        listen_address(text)


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_datagram_comes_with_its_sender_and_the_time_of_its_arrival(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        try:
            client.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        listener = Listener(Address(host, 0))
        before = system_time()
        client.sendto(b"hello", (host, listener.address.port))
        arrival = listener.receive()
        after = system_time()

        assert (arrival.data, arrival.client) == (b"hello", Address(host, client.getsockname()[1]))
        assert not arrival.received_at.is_before(before)
        assert not after.is_before(arrival.received_at)

        client.settimeout(5.0)
        assert listener.send(b"hello yourself", arrival.client)
        assert client.recv(100) == b"hello yourself"
        assert not listener.send(b"nobody has port 0", Address(host, 0))
        listener.close()
