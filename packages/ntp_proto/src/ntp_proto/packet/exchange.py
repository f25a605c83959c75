"""The two halves of a client-server exchange: what we ask, and what a server (ours, a simulated or a test server) answers.

Source: RFC 5905 §8 (the on-wire protocol).
"""

from __future__ import annotations

from ntp_proto.errors import UsageError
from ntp_proto.identifiers import KissCode, LeapIndicator, Mode, ReferenceId
from ntp_proto.packet.header import Header
from ntp_proto.time_types import NtpDuration, NtpTimestamp, PollInterval

__all__ = ["client_request", "kiss_to", "response_to"]

_ZERO_DURATION = NtpDuration(0)
_UNCALIBRATED = ReferenceId.from_ascii("LOCL")


def client_request(nonce: NtpTimestamp, poll: PollInterval, version: int = 4) -> Header:
    """A request that tells the server nothing but version, mode, poll interval and 64 bits of randomness.

    Our time, stratum and reference are nobody's business: they would make the client recognisable, and its answers predictable.

    Args:
        nonce: What stands in the transmit timestamp; the server copies it to the origin timestamp of its answer.
        poll: The present interval between our requests.
        version: 3 or 4.

    Source: RFC 5905 §8; the minimal form is that of draft-ietf-ntp-data-minimization.
    """
    return Header.build(mode=Mode.CLIENT, version=version, poll=poll, transmit=nonce)


def response_to(  # noqa: PLR0913 — keywords only: a server's whole state goes into its answer
    request: Header,
    *,
    receive: NtpTimestamp,
    transmit: NtpTimestamp,
    stratum: int = 1,
    leap: LeapIndicator = LeapIndicator.NO_WARNING,
    precision: int = -20,
    root_delay: NtpDuration = _ZERO_DURATION,
    root_dispersion: NtpDuration = _ZERO_DURATION,
    reference_id: ReferenceId = _UNCALIBRATED,
    reference: NtpTimestamp | None = None,
) -> Header:
    """A server's answer: version and poll of the request, its transmit timestamp as origin timestamp.

    Args:
        request: The client's header; the caller has judged it (mode, version).
        receive: When the request arrived, on the server's clock.
        transmit: When the answer leaves, on the server's clock.
        stratum: The server's, 1 to 16.
        leap: The server's leap indicator.
        precision: log2 s, the resolution of the server's clock.
        root_delay: Round trip from the server to its reference clock.
        root_dispersion: The server's bound of its own further error.
        reference_id: Whom the server follows.
        reference: When the server's clock was last set; None: just now, at `receive`.

    Source: RFC 5905 §8 and §9.2 (the stateless answer).
    """
    return Header.build(
        mode=Mode.SERVER,
        version=request.version,
        leap=leap,
        stratum=stratum,
        poll=request.poll,
        precision=precision,
        root_delay=root_delay,
        root_dispersion=root_dispersion,
        reference_id=reference_id,
        reference=receive if reference is None else reference,
        origin=request.transmit,
        receive=receive,
        transmit=transmit,
    )


def kiss_to(request: Header, kiss: KissCode) -> Header:
    """A kiss of death: no time, only the reason why there is none, and the proof that the request was seen.

    Raises:
        UsageError: `OTHER` stands for codes that we receive, none that we send.

    Source: RFC 5905 §7.4.
    """
    if kiss is KissCode.OTHER:
        raise UsageError("KissCode.OTHER has no letters to send")
    return Header.build(
        mode=Mode.SERVER,
        version=request.version,
        leap=LeapIndicator.UNSYNCHRONIZED,
        poll=request.poll,
        reference_id=ReferenceId.from_ascii(kiss.value),
        origin=request.transmit,
        # A zero would stand for "unknown", and chronyd does not act on an answer with unknown timestamps, not even on a kiss. The request's
        # own timestamp tells nothing, and is what ntpd sends too.
        receive=request.transmit,
        transmit=request.transmit,
    )
