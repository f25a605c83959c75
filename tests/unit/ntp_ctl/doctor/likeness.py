"""A likeness of /proc in a folder."""

from __future__ import annotations

from pathlib import Path

ALL = (1 << 41) - 1


def add_process(root: Path, pid: int, name: str, *arguments: str, parent: int = 0, effective: int = 0, bounding: int = ALL, user: int = 0) -> None:
    folder = root / str(pid)
    folder.mkdir()
    (folder / "status").write_text(
        f"Name:\t{name}\nPPid:\t{parent}\nUid:\t{user}\t{user}\t{user}\t{user}\nCapEff:\t{effective:016x}\nCapBnd:\t{bounding:016x}\n"
    )
    (folder / "cmdline").write_text("".join(f"{argument}\0" for argument in arguments))


def be(root: Path, pid: int) -> None:
    """Whom the doctor is."""
    (root / "self").symlink_to(root / str(pid))


def add_udp(root: Path, name: str, *addresses: str) -> None:
    (root / "net").mkdir(exist_ok=True)
    head = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
    lines = [
        f"  {n}: {address} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0 0\n" for n, address in enumerate(addresses)
    ]
    (root / "net" / name).write_text(head + "".join(lines))
