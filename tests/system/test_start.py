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
    "ntp_daemon.chronicle",
    "ntp_daemon.config.read_tables",
    "ntp_daemon.control_socket",
    "ntp_daemon.local_interface",
    "ntp_daemon.observation_socket",
    "secrets",
    "shutil",
    "tomli",
)


def test_the_first_request_waits_for_nothing_that_can_come_later(tmp_path: Path) -> None:
    sockets = ["--observation-socket", str(tmp_path / "observe"), "--configuration-socket", str(tmp_path / "configure")]
    start, *_ = python("ntp_daemon")
    done = run([start, "-P", "-c", _PROGRAM, ",".join(_LATER), "-p", "127.0.0.1:9", "--clock", "virtual", *sockets])
    assert done.stdout == "\n"
