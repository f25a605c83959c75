"""`demobilize-server`: tells every client to go away for good. One that obeys never asks it again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ntp_proto.datagram import Address
from ntp_proto.identifiers import KissCode
from ntp_proto.packet import Header, kiss_to
from test_servers.listener import Arrival
from test_servers.program import listening_parser, run

__all__ = ["main", "make_parser"]

_NAME = "demobilize-server"


class _Arguments(argparse.Namespace):
    listen: Address
    kiss: str


def make_parser() -> argparse.ArgumentParser:
    """The options; their result is to be stored in `_Arguments`."""
    parser = listening_parser(_NAME, "Answer every NTP request with the kiss of death DENY (or RSTR). For testing clients.")
    parser.add_argument("--kiss", choices=[KissCode.DENY.value, KissCode.RSTR.value], default=KissCode.DENY.value, help="default: DENY")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    arguments = make_parser().parse_args(argv, namespace=_Arguments())
    kiss = KissCode(arguments.kiss)

    def answer(_arrival: Arrival, request: Header) -> tuple[Header, str]:
        return kiss_to(request, kiss), kiss.value

    return run(_NAME, arguments.listen, answer)


if __name__ == "__main__":
    sys.exit(main())
