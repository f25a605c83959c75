"""`rate-limit-server`: tells the time to those who ask seldom, and RATE to those who ask too often.

A client is an address: its port is another one for each request. Whoever asks too early has to wait the whole interval again.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
import time
from collections import OrderedDict
from collections.abc import Sequence

from ntp_proto.datagram import Address
from ntp_proto.identifiers import KissCode, ReferenceId
from ntp_proto.packet import Header, kiss_to, response_to
from ntp_proto.time_types import NtpDuration
from test_servers.listener import Arrival, system_time
from test_servers.program import listening_parser, run

__all__ = ["RateLimit", "main"]

_NAME = "rate-limit-server"
_CLIENTS_MAXIMUM = 4096
_ROOT_DISPERSION = NtpDuration.from_seconds(0.001)


class RateLimit:
    """Remembers when each client asked last; of the oldest it forgets when there are too many.

    Args:
        interval_s: The shortest interval between two requests that is borne, s.
        maximum: Of clients that are remembered.
    """

    def __init__(self, interval_s: float, maximum: int = _CLIENTS_MAXIMUM) -> None:
        self._interval_s = interval_s
        self._maximum = maximum
        self._asked_at: OrderedDict[str, float] = OrderedDict()

    def is_too_early(self, client: str, now: float) -> bool:
        """Whether the client's last request is too recent; counts this one as a request. `now` is monotonic, s."""
        last = self._asked_at.pop(client, -math.inf)
        self._asked_at[client] = now
        if len(self._asked_at) > self._maximum:
            self._asked_at.popitem(last=False)
        return now - last < self._interval_s


class _Arguments(argparse.Namespace):
    listen: Address
    interval: float
    stratum: int
    reference_id: ReferenceId


def _interval(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0.0 <= (value := float(text)) < math.inf:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 on")


def _reference_id(text: str) -> ReferenceId:
    try:
        return ReferenceId.from_ascii(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def make_parser() -> argparse.ArgumentParser:
    """The options; their result is to be stored in `_Arguments`."""
    parser = listening_parser(_NAME, "Tell this computer's time to NTP clients that ask seldom, and RATE to the others. For testing clients.")
    parser.add_argument("--interval", type=_interval, default=32.0, metavar="SECONDS", help="the shortest that is borne (default: 32)")
    parser.add_argument("--stratum", type=int, choices=range(1, 17), default=1, metavar="1-16", help="default: 1")
    reference = ReferenceId.from_ascii("XTST")  # RFC 5905 §7.3: X begins what is for experiments
    parser.add_argument("--reference-id", type=_reference_id, default=reference, metavar="TEXT", help="default: XTST")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    arguments = make_parser().parse_args(argv, namespace=_Arguments())
    limit = RateLimit(arguments.interval)

    def answer(arrival: Arrival, request: Header) -> tuple[Header, str]:
        if limit.is_too_early(arrival.client.host, time.monotonic()):
            return kiss_to(request, KissCode.RATE), KissCode.RATE.value
        reply = response_to(
            request,
            receive=arrival.received_at,
            transmit=system_time(),
            stratum=arguments.stratum,
            root_dispersion=_ROOT_DISPERSION,
            reference_id=arguments.reference_id,
        )
        return reply, "time"

    return run(_NAME, arguments.listen, answer)


if __name__ == "__main__":
    sys.exit(main())
