"""What only the extension can do, and what it does where the kernel (or a simulator) refuses."""

import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

timestamping = pytest.importorskip("ntp_udp.timestamping", reason="the extension is not compiled")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for sock in (one, other):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        one.connect(other.getsockname())
        yield one, other


def events(sock: socket.socket) -> int:
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return sum(event for _, event in poll.poll(0))


def test_stamps_that_nobody_fetched_are_dropped_and_the_last_is_kept(pair: tuple[socket.socket, socket.socket]) -> None:
    io = timestamping.TimestampingIo(pair[0], departures=True)
    io.send(b"1")
    before_ns = io.send(b"2")
    after_ns = io.send(b"3")
    assert events(pair[0]) & select.POLLERR
    assert io.departure() >= after_ns >= before_ns
    assert io.departure() is None
    assert events(pair[0]) == 0


def test_an_unexpected_entry_of_the_error_queue_is_dropped(pair: tuple[socket.socket, socket.socket]) -> None:
    io = timestamping.TimestampingIo(pair[0], departures=True)
    pair[0].send(b"behind its back")
    assert events(pair[0]) & select.POLLERR
    assert io.receive() is None
    assert events(pair[0]) == 0


def test_a_receiver_does_not_stamp_departures(pair: tuple[socket.socket, socket.socket]) -> None:
    io = timestamping.TimestampingIo(pair[0], departures=False)
    io.send(b"1")
    assert events(pair[0]) == 0
    assert io.departure() is None


REFUSING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
int setsockopt(int fd, int level, int name, const void *value, socklen_t length) {
    int (*real)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");
    if (level == SOL_SOCKET && (name == SO_TIMESTAMPING || (name == SO_TIMESTAMPNS && getenv("REFUSE_BOTH")))) {
        errno = EINVAL;
        return -1;
    }
    return real(fd, level, name, value, length);
}
"""

EXCHANGE = """
import select, time
from ntp_proto.time_types import NtpTimestamp
from ntp_proto.datagram import Address
from ntp_udp.socket import StampHold, UdpServerSocket, UdpSocket
hold, server = StampHold(), UdpServerSocket.bind(Address("127.0.0.1", 0))
sources = set()
for _ in range(200):
    client = UdpSocket.connect(server.local)
    first = time.clock_gettime_ns(time.CLOCK_REALTIME)
    client.send(b"x")
    select.select([server], [], [], 5)
    datagram = server.receive()
    last = time.clock_gettime_ns(time.CLOCK_REALTIME)
    for stamp in (client.sent_stamp()[0], datagram.received_at):
        assert first <= stamp.to_unix_ns(first) <= last
    sources.add((client.sent_stamp()[1].value, datagram.stamp_source.value))
    client.close()
print(sorted(sources)[-1])
"""


@pytest.mark.parametrize(("both", "expected"), [("", ("daemon", "kernel")), ("1", ("daemon", "daemon"))])
def test_where_the_kernel_refuses_the_next_best_is_used(tmp_path: Path, both: str, expected: tuple[str, str]) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler for the library that refuses")
    library = tmp_path / "refuse.so"
    source = tmp_path / "refuse.c"
    source.write_text(REFUSING)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    environment = {"LD_PRELOAD": str(library), "PYTHONPATH": ":".join(filter(None, sys.path))} | ({"REFUSE_BOTH": both} if both else {})
    done = subprocess.run([sys.executable, "-c", EXCHANGE], env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.strip() == str(expected)
