"""Reverse look-ups with name servers of our own on loopback."""

import socket
import threading
from collections.abc import Iterator

import dns.message
import dns.rrset
import pytest

from ntp_daemon.serving import reverse_lookup
from ntp_daemon.serving.reverse_lookup import ReverseLookup


class NameServer:
    """Answers PTR questions on loopback, or says nothing."""

    def __init__(self, answer: str | None) -> None:
        self.asked = 0
        self._answer = answer
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self.place = "{}:{}".format(*self._sock.getsockname())
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            data, client = self._sock.recvfrom(2048)
            if not data:
                return
            self.asked += 1
            question = dns.message.from_wire(data)
            reply = dns.message.make_response(question)
            if self._answer is not None:
                reply.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", "PTR", self._answer))
                self._sock.sendto(reply.to_wire(), client)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", self._sock.getsockname())
        self._thread.join()
        self._sock.close()


@pytest.fixture
def servers() -> Iterator[list[NameServer]]:
    made = [NameServer("one.example.com."), NameServer(r"a\.corp.example.com."), NameServer(None)]
    yield made
    for server in made:
        server.close()


def test_name_servers_are_asked_in_turn(servers: list[NameServer]) -> None:
    lookup = ReverseLookup((servers[0].place, servers[1].place), 5.0)
    answers = [lookup("192.0.2.1") for _ in range(4)]
    assert [server.asked for server in servers] == [2, 2, 0]
    assert set(answers) == {("one.example.com",), (r"a\056corp.example.com",)}, "a dot within a label does not part names"


def test_a_silent_name_server_costs_its_time_limit_and_no_more(servers: list[NameServer]) -> None:
    with pytest.raises(OSError, match="lifetime expired after 0"):
        ReverseLookup((servers[2].place,), 0.05)("2001:db8::1")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_places_of_name_servers(text: str, place: tuple[str, int]) -> None:
    assert reverse_lookup._place(text) == place


def test_a_name_server_that_is_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dns\.example"):
        ReverseLookup(("dns.example",), 0.4)
