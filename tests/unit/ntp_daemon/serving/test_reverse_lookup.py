"""Reverse look-ups with name servers of our own on loopback."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from ntp_daemon.serving import reverse_lookup
from ntp_daemon.serving.reverse_lookup import ReverseLookup
from support.name_server import NameServer


@pytest.fixture
def servers() -> Iterator[list[NameServer]]:
    made = [NameServer("one.example.com."), NameServer(r"a\.corp.example.com."), NameServer(None)]
    yield made
    for server in made:
        server.close()


def test_the_question_is_the_address_backwards(servers: list[NameServer]) -> None:
    lookup = ReverseLookup((servers[0].place,), 5.0)
    assert lookup("192.0.2.1") == lookup("2001:db8::1") == ("one.example.com",)
    nibbles = "1." + "0." * 23 + "8.b.d.0.1.0.0.2"
    assert servers[0].questions == ["1.2.0.192.in-addr.arpa. IN PTR", f"{nibbles}.ip6.arpa. IN PTR"]


def test_nothing_is_loaded_any_more_when_it_is_asked(servers: list[NameServer]) -> None:
    """A worker may be in another root directory by then. In a process of its own: this one has loaded the name server's part too."""
    script = (
        "import sys\nfrom ntp_daemon.serving.reverse_lookup import ReverseLookup\n"
        "lookup = ReverseLookup((sys.argv[1],), 5.0)\nbefore = set(sys.modules)\n"
        "print(*lookup('192.0.2.1'), *lookup('2001:db8::1'), *(sys.modules.keys() - before))"
    )
    done = subprocess.run([sys.executable, "-c", script, servers[0].place], capture_output=True, text=True, check=True)
    assert done.stdout == "one.example.com one.example.com\n"


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
