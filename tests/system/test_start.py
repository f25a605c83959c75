"""What the first request does not wait for. How long it takes is measured by `benchmarks/start/run.py`: here is what would make it longer."""

from __future__ import annotations

from pathlib import Path

from support.programs import python, run

_PROGRAM = """\
import os, sys
from ntp_udp import UdpSocket
def send(self, data):
    print(*(name for name in sys.argv[1].split(",") if name in sys.modules), flush=True)
    os._exit(0)
UdpSocket.send = send
from ntp_daemon.__main__ import main
main(sys.argv[2:])
"""

_LATER = (
    "_ssl",
    "hashlib",
    "msgspec",
    "ntp_daemon.chronicle",
    "ntp_daemon.config.read_tables",
    "ntp_daemon.control_socket",
    "ntp_daemon.local_interface",
    "ntp_daemon.observation_socket",
    "shutil",
    "tomli",
)


def test_the_first_request_waits_for_nothing_that_can_come_later(tmp_path: Path) -> None:
    sockets = ["--observation-socket", str(tmp_path / "observe"), "--configuration-socket", str(tmp_path / "configure")]
    start, *_ = python("ntp_daemon")
    done = run([start, "-P", "-c", _PROGRAM, ",".join(_LATER), "-p", "127.0.0.1:9", "--clock", "virtual", *sockets])
    assert done.stdout == "\n"


def test_asyncio_does_without_tls_and_others_can_have_it() -> None:
    program = (
        "from ntp_daemon import command\n"
        "from ntp_daemon.__main__ import main\n"
        "main(['--version'])\n"
        "import asyncio.base_events, ssl\n"
        "print(asyncio.base_events.ssl is ssl)\n"
    )
    without = program.replace("from ntp_daemon import command\n", "")  # which loads asyncio as it is
    start, *_ = python("ntp_daemon")
    late, early = (run([start, "-P", "-c", text]).stdout.split()[-1] for text in (program, without))
    assert (late, early) == ("True", "False")
