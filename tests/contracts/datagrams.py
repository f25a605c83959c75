"""Datagrams as a server on the open network meets them, for hypothesis: mostly requests, from few clients, so that limits are met."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

from ntp_proto.identifiers import KissCode, LeapIndicator, ReferenceId
from ntp_proto.server import AccessList, ClientLimits, Endpoint, PrefixTable, Rate, RefusalAction, Request, ServerPolicy, Snapshot, pack_address
from ntp_proto.server.interleaved import mark_receive
from ntp_proto.time_types import NtpDuration, NtpTimestamp

__all__ = ["arrivals", "policies", "snapshots"]

_BASE = 0xEC00_0000_0000_0000
_HOSTS = [
    "192.0.2.1", "192.0.2.2", "10.1.2.3", "10.1.2.4", "0.0.0.0", "0.9.9.9", "224.0.1.1", "255.255.255.255", "::", "::1", "2001:db8::1",
    "2001:db8::2", "2001:db8:0:1::2", "2001:db8:1::5", "ff02::101", "::ffff:192.0.2.2", "fe80::1",
]  # fmt: skip
_PREFIXES = ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3", "192.0.2.0/30", "::/0", "2001:db8::/48", "2001:db8::1", "::ffff:0:0/96", "fe80::/10"]

_BITS = st.integers(0, (1 << 64) - 1)
_NEAR = st.integers(-(1 << 36), 1 << 36).map(lambda away: (_BASE + away) & ((1 << 64) - 1))
_INSTANTS = st.one_of(_NEAR, _BITS).map(NtpTimestamp)
_ENDPOINTS = st.builds(Endpoint, st.sampled_from([pack_address(host) for host in _HOSTS]), st.sampled_from([123, 40_000, 0]))
_ACTIONS = st.sampled_from(RefusalAction)
_LISTS = st.none() | st.builds(AccessList, st.lists(st.sampled_from(_PREFIXES), max_size=4).map(PrefixTable), _ACTIONS)
_RATES = st.none() | st.builds(Rate, st.sampled_from([0.1, 1.0, 3.0, 1e9]), st.integers(1, 4))


@st.composite
def _packets(draw: st.DrawFn) -> bytes:
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=80))
    first = draw(st.sampled_from([0x23, 0x1B, 0xE3]) | st.integers(0, 255))
    # few different timestamps, with odd ones among them: they meet as a client's and as one that was stored
    stamps = [draw(st.sampled_from([0, 1, 2, _BASE | 1, _BASE + 3]) | _BITS) for _ in range(3)]
    data = struct.pack(">BBbb12xQQQQ", first, draw(st.integers(0, 255)), draw(st.integers(-128, 127)), 0, 0, *stamps)
    return data + bytes(draw(st.sampled_from([0, 0, 0, 4, 20, 3, 2000, 2004])))


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[Request, NtpTimestamp, float]]:
    """Requests with the instant of the answer and of the monotonic clock, which never goes back.

    Some name the receive timestamp of a request before them, as interleaved clients do.
    """
    made: list[tuple[Request, NtpTimestamp, float]] = []
    now = draw(st.sampled_from([0.0, 1.0, 1e6]))
    for packet in draw(st.lists(_packets(), min_size=1, max_size=20)):
        data = packet
        now += draw(st.sampled_from([0.0, 0.001, 0.5, 1.0, 700.0]))
        received_at = draw(_INSTANTS)
        if made and len(data) >= 48 and draw(st.booleans()):
            former = draw(st.sampled_from(made))[0].received_at.bits
            data = packet[:24] + mark_receive(former).to_bytes(8, "big") + packet[32:]
        transmit_at = received_at + NtpDuration(draw(st.integers(-10, 1 << 24)))
        made.append((Request(data, draw(_ENDPOINTS), draw(_ENDPOINTS), received_at), transmit_at, now))
    return made


@st.composite
def policies(draw: st.DrawFn) -> ServerPolicy:
    """All that the fast path may be given."""
    return ServerPolicy(
        denylist=draw(_LISTS),
        allowlist=draw(_LISTS),
        deny_kiss=draw(st.sampled_from([KissCode.DENY, KissCode.RSTR, KissCode.RATE])),
        clients=ClientLimits(
            rate=draw(_RATES),
            minimum_gap_s=draw(st.sampled_from([0.0, 0.5])),
            leak=draw(st.integers(0, 3)),
            ipv4_prefix=draw(st.sampled_from([32, 24])),
            ipv6_prefix=draw(st.sampled_from([64, 48, 72, 128])),
            size=draw(st.sampled_from([1, 16, 64])),
        ),
        global_limit=draw(_RATES),
        limit_action=draw(_ACTIONS),
        serves_legacy=draw(st.booleans()),
        serves_unsynchronized=draw(st.booleans()),
        interleaved_size=draw(st.sampled_from([0, 1, 4, 100])),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Clocks good and bad."""
    leap = draw(st.sampled_from(LeapIndicator))
    durations = st.one_of(st.integers(0, 1 << 34), st.integers(0, (1 << 63) - 1)).map(NtpDuration)
    return Snapshot(
        leap=leap,
        stratum=draw(st.integers(1, 16 if leap is LeapIndicator.UNSYNCHRONIZED else 15)),
        precision=draw(st.integers(-128, 127)),
        root_delay=draw(durations),
        root_dispersion=draw(durations),
        dispersion_rate=draw(st.sampled_from([0.0, 15e-6, 0.1]) | st.floats(0.0, 0.1)),
        dispersion_limit=draw(durations),
        reference_id=ReferenceId(draw(st.integers(0, 0xFFFF_FFFF))),
        reference_time=NtpTimestamp(draw(_BITS)),
        as_of=draw(_INSTANTS),
        time_offset=NtpDuration(draw(st.sampled_from([0, 1]) | st.integers(-(1 << 63), (1 << 63) - 1))),
        time_frequency=draw(st.sampled_from([0.0, 1e-4, -0.1]) | st.floats(-0.1, 0.1)),
    )
