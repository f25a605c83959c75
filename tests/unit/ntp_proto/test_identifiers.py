from __future__ import annotations

import hashlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.identifiers import KissCode, LeapIndicator, Mode, ReferenceId

printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=4)


def test_the_numbers_are_those_of_the_wire() -> None:
    assert [leap.value for leap in LeapIndicator] == [0, 1, 2, 3]
    assert [mode.value for mode in Mode] == list(range(8))
    assert (Mode.CLIENT, Mode.SERVER, LeapIndicator.UNSYNCHRONIZED) == (3, 4, 3)


class TestReferenceId:
    @pytest.mark.parametrize("bits", [-1, 1 << 32])
    def test_more_than_32_bits_are_refused(self, bits: int) -> None:
        with pytest.raises(ValueError, match="32 bits"):
            ReferenceId(bits)

    def test_letters_are_padded_with_zeros(self) -> None:
        assert ReferenceId.from_ascii("PPS") == ReferenceId(0x50505300)

    @pytest.mark.parametrize("text", ["", "FIVE5", "é", "A\n", "A\0"])
    def test_other_letters_are_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="printable ASCII"):
            ReferenceId.from_ascii(text)

    @given(printable)
    def test_letters_round_trip_but_for_padding(self, text: str) -> None:
        assert ReferenceId.from_ascii(text).to_text(stratum=1) == (text.rstrip(" ") or ".".join(str(byte) for byte in text.encode().ljust(4, b"\0")))

    @given(st.integers(0, 0xFFFFFFFF), st.integers(0, 255))
    def test_text_is_always_safe_to_print(self, bits: int, stratum: int) -> None:
        text = ReferenceId(bits).to_text(stratum)
        assert text
        assert text.isascii()
        assert text.isprintable()

    @given(st.integers(0, 0xFFFFFFFF), st.integers(2, 255))
    def test_addresses_round_trip(self, bits: int, stratum: int) -> None:
        assert ReferenceId.from_address(ReferenceId(bits).to_text(stratum)) == ReferenceId(bits)

    def test_padded_letters_are_not_shown_as_an_address(self) -> None:
        assert ReferenceId(0x47505300).to_text(stratum=1) == "GPS"
        assert ReferenceId(0x47505300).to_text(stratum=2) == "71.80.83.0"
        assert ReferenceId(0).to_text(stratum=0) == "0.0.0.0"
        assert ReferenceId(0x1B5B324A).to_text(stratum=1) == "27.91.50.74"  # the escape that clears a terminal

    @pytest.mark.parametrize("host", ["192.0.2.1", "::ffff:192.0.2.1"])
    def test_an_ipv4_address_is_its_own_id(self, host: str) -> None:
        assert ReferenceId.from_address(host) == ReferenceId(0xC0000201)

    @pytest.mark.parametrize("host", ["2001:db8::1", "2001:db8::1%eth0", "2001:0DB8:0::1"])
    def test_an_ipv6_address_is_hashed(self, host: str) -> None:
        digest = hashlib.md5(ipaddress.IPv6Address("2001:db8::1").packed).digest()
        assert ReferenceId.from_address(host).bits.to_bytes(4, "big") == digest[:4]

    def test_a_name_is_refused(self) -> None:
        with pytest.raises(ValueError, match="does not appear to be"):
            ReferenceId.from_address("time.example")

    @pytest.mark.parametrize("letters", ["DENY", "RSTR", "RATE", "NTSN"])
    def test_kiss_codes_that_we_know(self, letters: str) -> None:
        assert ReferenceId.from_ascii(letters).kiss_code is KissCode(letters)

    @pytest.mark.parametrize("bits", [0, 0x1B5B324A, 0x6F746865, ReferenceId.from_ascii("INIT").bits, ReferenceId.from_ascii("rate").bits])
    def test_other_kiss_codes(self, bits: int) -> None:
        assert ReferenceId(bits).kiss_code is KissCode.OTHER
