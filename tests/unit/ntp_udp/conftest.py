"""Real sockets on loopback, in both implementations."""

from collections.abc import Iterator

import pytest

from contracts.loopback import receive
from ntp_proto.datagram import Address, StampSource
from ntp_udp.socket import StampHold, UdpServerSocket, UdpSocket


@pytest.fixture(params=["extension", "portable"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both implementations of a socket; whatever a test asks of one it asks of the other."""
    if request.param == "portable":
        monkeypatch.setenv("NTP_NO_EXT", "1")
    else:
        monkeypatch.delenv("NTP_NO_EXT", raising=False)
        pytest.importorskip("ntp_udp._socket", reason="the extension is not compiled")
    return str(request.param)


@pytest.fixture
def server(way: str) -> Iterator[UdpServerSocket]:
    sock = UdpServerSocket.bind(Address("127.0.0.1", 0))
    yield sock
    sock.close()


@pytest.fixture
def client(server: UdpServerSocket) -> Iterator[UdpSocket]:
    sock = UdpSocket.connect(server.local)
    yield sock
    sock.close()


@pytest.fixture
def kernel_stamps(way: str) -> Iterator[None]:
    """The kernel stamps arrivals: it begins a moment after the first socket has asked for it."""
    hold = StampHold()
    server = UdpServerSocket.bind(Address("127.0.0.1", 0))
    client = UdpSocket.connect(server.local)
    for _ in range(10_000):
        client.send(b"?")
        if receive(server).stamp_source is StampSource.KERNEL:
            break
    else:
        pytest.fail("the kernel never stamped an arrival")
    client.close()
    server.close()
    yield
    hold.close()
