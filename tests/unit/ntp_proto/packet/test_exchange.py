from __future__ import annotations

import json
from pathlib import Path

import pytest

from ntp_proto.errors import UsageError
from ntp_proto.identifiers import KissCode, LeapIndicator, Mode, ReferenceId
from ntp_proto.packet import Packet, client_request, kiss_to, response_to
from ntp_proto.time_types import NtpDuration, NtpTimestamp, PollInterval

NONCE = NtpTimestamp(0x0123456789ABCDEF)
RECEIVE, TRANSMIT = NtpTimestamp(0xEC00000000000000), NtpTimestamp(0xEC00000000001000)
VECTORS = Path(__file__).parents[3] / "vectors" / "exchanges.json"


@pytest.mark.parametrize(("version", "first_byte"), [(4, "23"), (3, "1b")])
def test_a_request_tells_nothing_but_version_mode_poll_and_nonce(version: int, first_byte: str) -> None:
    request = client_request(NONCE, PollInterval(-2), version).to_bytes()
    assert request == bytes.fromhex(first_byte + "00fe") + bytes(37) + NONCE.bits.to_bytes(8, "big")


def test_a_response_mirrors_the_request() -> None:
    response = response_to(
        client_request(NONCE, PollInterval(6), version=3),
        receive=RECEIVE,
        transmit=TRANSMIT,
        stratum=2,
        leap=LeapIndicator.INSERT,
        precision=-24,
        root_delay=NtpDuration.from_seconds(0.25),
        root_dispersion=NtpDuration.from_seconds(0.5),
        reference_id=ReferenceId.from_address("192.0.2.7"),
        reference=NtpTimestamp(0xEBFFFFFF00000000),
    )
    assert (response.version, response.mode, response.poll, response.origin) == (3, Mode.SERVER, PollInterval(6), NONCE)
    assert (response.receive, response.transmit, response.reference) == (RECEIVE, TRANSMIT, NtpTimestamp(0xEBFFFFFF00000000))
    assert (response.stratum, response.leap, response.precision) == (2, LeapIndicator.INSERT, -24)
    assert (response.root_delay.to_seconds(), response.root_dispersion.to_seconds()) == (0.25, 0.5)
    assert response.reference_id == ReferenceId.from_address("192.0.2.7")


def test_a_response_is_by_default_that_of_a_local_reference_clock() -> None:
    response = response_to(client_request(NONCE, PollInterval(6)), receive=RECEIVE, transmit=TRANSMIT)
    assert (response.stratum, response.reference_id.to_text(stratum=1), response.reference) == (1, "LOCL", RECEIVE)


@pytest.mark.parametrize("kiss", [KissCode.DENY, KissCode.RSTR, KissCode.RATE, KissCode.NTSN])
def test_a_kiss_holds_no_time_but_the_clients_own(kiss: KissCode) -> None:
    header = kiss_to(client_request(NONCE, PollInterval(7)), kiss)
    assert (header.stratum, header.leap, header.mode, header.version) == (0, LeapIndicator.UNSYNCHRONIZED, Mode.SERVER, 4)
    assert (header.reference_id.kiss_code, header.origin, header.poll) == (kiss, NONCE, PollInterval(7))
    # Zeros would make chronyd ignore the packet.
    assert header.receive == header.transmit == NONCE


def test_there_is_no_kiss_without_letters() -> None:
    with pytest.raises(UsageError, match="OTHER"):
        kiss_to(client_request(NONCE, PollInterval(6)), KissCode.OTHER)


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text()), ids=lambda vector: str(vector["name"]))
def test_packets_of_other_programs(vector: dict[str, str]) -> None:
    """What chronyd sent on a wire is read as what it said it was, and written back bit for bit."""
    request, response = Packet.parse(bytes.fromhex(vector["request"])), Packet.parse(bytes.fromhex(vector["response"]))
    assert (request.header.mode, response.header.mode) == (Mode.CLIENT, Mode.SERVER)
    assert request.header.version == response.header.version == int(vector["version"])
    assert response.header.origin == request.header.transmit
    assert response.header.stratum == int(vector["stratum"])
    assert response.header.leap.name == vector["leap"]
    assert response.header.reference_id.to_text(response.header.stratum) == vector["reference_id"]
    for packet, data in ((request, vector["request"]), (response, vector["response"])):
        assert packet.to_bytes().hex() == data
