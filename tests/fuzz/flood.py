"""Flood one association with random and mutated datagrams: no exception, and no change of state without a valid origin.

    python tests/fuzz/flood.py [--count 10000000] [--seed 1]

A tenth of the datagrams are random bytes, the rest are mutations of the genuine answer, of kisses and of packets with extension fields, all
of which lack the nonce. After each of them the association's parts must be the very same objects as before; after each ten thousand the genuine
answer to the outstanding request must still make a measurement, and the next request is sent.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "packages/ntp_proto/src")]

from fuzz.mutation import mutated  # noqa: E402 — after the path, so that a plain checkout will do
from ntp_proto.association import Measured, Rejected, Rejection  # noqa: E402
from ntp_proto.datagram import Datagram, StampSource  # noqa: E402
from ntp_proto.identifiers import KissCode  # noqa: E402
from ntp_proto.packet import ExtensionField, kiss_to  # noqa: E402
from support.conversation import CLIENT, Conversation, clock  # noqa: E402

__all__ = ["flood"]

_ROUND = 10_000


def seeds_of(one: Conversation, rng: random.Random) -> list[bytes]:
    """What an attacker beside the path could send: all that the server could, but for the nonce."""
    guess = rng.getrandbits(64)
    answer = one.response(origin_bits=guess).to_bytes()
    kisses = [kiss_to(one.request, code)._replace(origin_bits=guess).to_bytes() for code in (KissCode.DENY, KissCode.RATE)]
    zero = one.response(origin_bits=0).to_bytes()
    return [answer, zero, *kisses, answer + ExtensionField(0x0104, rng.randbytes(32)).to_bytes(), answer + rng.randbytes(20)]


def flood_one_request(one: Conversation, count: int, rng: random.Random, reasons: Counter[Rejection]) -> None:
    """Send `count` datagrams while one request is outstanding."""
    association, now, arrival, nonce = one.association, one.now, clock(one.now), one.sent[-1].data[40:48]
    seeds = seeds_of(one, rng)
    state, pace, reachability = association._state, association._pace, association._reachability
    before = one.visible_state()
    for _ in range(count):
        data = rng.randbytes(rng.randrange(100)) if rng.random() < 0.1 else mutated(rng.choice(seeds), rng)
        if data[24:32] == nonce:
            continue
        actions = association.handle_datagram(Datagram(data, one.server, CLIENT, arrival, StampSource.KERNEL), now)
        assert len(actions) == 1
        only = actions[0]
        assert isinstance(only, Rejected), data.hex()
        assert association._state is state, data.hex()
        assert association._pace is pace, data.hex()
        assert association._reachability is reachability, data.hex()
        reasons[only.reason] += 1
    assert one.visible_state() == before


def flood(count: int, seed: int) -> Counter[Rejection]:
    """Send `count` datagrams; returns how often each reason was given.

    Raises:
        AssertionError: a promise was broken.
    """
    rng = random.Random(f"flood {seed}")  # not the association's own sequence, whose first number is its first nonce
    one = Conversation(seed=seed)
    reasons: Counter[Rejection] = Counter()
    for start in range(0, count, _ROUND):
        one.ask()
        genuine = one.datagram()
        flood_one_request(one, min(_ROUND, count - start), rng, reasons)
        assert isinstance(one.deliver(genuine)[-1], Measured), "the genuine answer was lost"
    return reasons


def main(argv: list[str]) -> None:
    assert __doc__
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)
    start = time.monotonic()
    reasons = flood(arguments.count, arguments.seed)
    seconds = time.monotonic() - start
    sys.stdout.write(f"{sum(reasons.values())} datagrams in {seconds:.0f} s, seed {arguments.seed}: no exception, no change of state\n")
    for reason, number in reasons.most_common():
        sys.stdout.write(f"{number:>10} {reason.value}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
