"""What every test server does: listen, tell of each datagram in a line, answer client requests and nothing else, end when told to."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from types import FrameType

from ntp_proto.datagram import Address
from ntp_proto.errors import ParseError
from ntp_proto.identifiers import Mode
from ntp_proto.packet import Header, Packet
from test_servers.listener import Arrival, Listener, listen_address

__all__ = ["Answer", "listening_parser", "run"]

Answer = Callable[[Arrival, Header], tuple[Header, str]]
"""What a server says to a request of version 3 or 4: the reply, and what it is called in the output."""

_DEFAULT_LISTEN = Address("127.0.0.1", 8080)


def listening_parser(name: str, description: str) -> argparse.ArgumentParser:
    """A command line with `--listen`."""
    parser = argparse.ArgumentParser(
        prog=name, description=description, epilog="exit status: 0 ended by SIGTERM or SIGINT, 1 cannot listen, 2 wrong usage"
    )
    help_ = f"where to listen (default: {_DEFAULT_LISTEN}); port 0 takes a free one"
    parser.add_argument("--listen", type=listen_address, default=_DEFAULT_LISTEN, metavar="ADDRESS:PORT", help=help_)
    return parser


def run(name: str, listen: Address, answer: Answer) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `demobilize-server | head -3` ends quietly
    try:
        listener = Listener(listen)
    except OSError as error:
        sys.stderr.write(f"{name}: cannot listen on {listen}: {(error.strerror or str(error)).lower()}\n")
        return 1
    _say(f"listening on {listener.address}")
    while True:
        _serve_one(listener, answer)


def _serve_one(listener: Listener, answer: Answer) -> None:
    arrival = listener.receive()
    lines = [f"{len(arrival.data)} bytes received from {arrival.client}"]
    request = _client_request(arrival.data)
    if isinstance(request, str):
        lines.append(f"ignored: {request}")
    else:
        reply, word = answer(arrival, request)
        # Sent to the address that asked; the lines come after it, so that they do not delay it.
        is_sent = listener.send(reply.to_bytes(), arrival.client)
        lines.append(f"{word} sent" if is_sent else f"cannot send to {arrival.client}")
    _say("\n".join(lines))


def _client_request(data: bytes) -> Header | str:
    """The header of a request, or why there is none. To answer other modes would be to answer answers: two servers could go on for ever."""
    try:
        header = Packet.parse(data).header
    except ParseError as error:
        return str(error)
    if header.mode is not Mode.CLIENT:
        return f"mode {header.mode.value} is not a client's"
    if header.version not in (3, 4):
        return f"version {header.version} is neither 3 nor 4"
    return header


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 — the signature of a signal handler
    sys.exit(0)
