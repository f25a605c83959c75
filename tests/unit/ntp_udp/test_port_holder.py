"""Who has a port, on a tree of files like the kernel's."""

import socket
from pathlib import Path

import pytest

from ntp_proto.datagram import Address
from ntp_udp.port_holder import find_port_holder

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"


def line(address: str, port: int, inode: int) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    words = "".join(f"{int.from_bytes(packed[at : at + 4], 'little'):08X}" for at in range(0, len(packed), 4))
    zeros = "0" * len(words)
    return f"  12: {words}:{port:04X} {zeros}:0000 07 00000000:00000000 00:00000000 00000000     0        0 {inode} 2 0 0\n"


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.byteorder", "little")
    (tmp_path / "net").mkdir()
    (tmp_path / "net/udp").write_text(HEAD + line("127.0.0.1", 123, 11) + line("0.0.0.0", 321, 12))
    (tmp_path / "net/udp6").write_text(HEAD + line("::", 123, 13) + line("2001:db8::1", 321, 14) + line("::", 555, 15))
    for pid, (name, inode) in {"7": ("chronyd\n", 11), "8": ("odd\x1b[31m\n", 13), "9": ("six", 14), "10": ("any", 12), "5": ("all", 15)}.items():
        (tmp_path / pid / "fd").mkdir(parents=True)
        (tmp_path / pid / "comm").write_text(name)
        (tmp_path / pid / "fd/3").symlink_to("/dev/null")
        (tmp_path / pid / "fd/4").symlink_to(f"socket:[{inode}]")
    (tmp_path / "6").mkdir()  # a process of another user: its descriptors cannot be listed
    return tmp_path


@pytest.mark.parametrize(
    ("host", "port", "holder"),
    [
        ("2001:db8::9", 123, "odd?[31m (pid 8)"),
        ("2001:db8::1", 321, "six (pid 9)"),
        ("::", 321, "six (pid 9)"),
        ("127.0.0.2", 321, "any (pid 10)"),
        ("0.0.0.0", 321, "any (pid 10)"),
        ("192.0.2.1", 555, "all (pid 5)"),
        ("2001:db8::2", 321, None),
        ("127.0.0.1", 124, None),
    ],
)
def test_the_holder(proc: Path, host: str, port: int, holder: str | None) -> None:
    assert find_port_holder(Address(host, port), proc) == holder


def test_any_of_several(proc: Path) -> None:
    assert find_port_holder(Address("127.0.0.1", 123), proc) == "chronyd (pid 7)"


def test_a_holder_that_cannot_be_seen(proc: Path) -> None:
    (proc / "9/fd/4").unlink()
    assert find_port_holder(Address("2001:db8::1", 321), proc) is None


def test_without_proc(tmp_path: Path) -> None:
    assert find_port_holder(Address("127.0.0.1", 123), tmp_path) is None
