from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.errors import ParseError, UsageError
from ntp_proto.packet import ExtensionField, join_trailer, split_trailer

fields = st.builds(
    ExtensionField, st.integers(0, 0xFFFF), st.integers(3, 40).flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words))
)
codes = st.sampled_from([0, 4, 20, 24]).flatmap(lambda length: st.binary(min_size=length, max_size=length))


def field(length: int, octets: int, field_type: int = 0x0104) -> bytes:
    """`octets` octets on the wire whose length field says `length`."""
    return (field_type << 16 | length).to_bytes(4, "big") + bytes(octets - 4)


class TestRoundTrip:
    @given(st.lists(fields, max_size=10).map(tuple), codes)
    def test_fields_and_code(self, extensions: tuple[ExtensionField, ...], code: bytes) -> None:
        parsed, parsed_code = split_trailer(join_trailer(extensions, code), version=4)
        assert parsed_code == code
        assert [one.field_type for one in parsed] == [one.field_type for one in extensions]
        assert [one.body for one in parsed[:-1]] == [one.body for one in extensions[:-1]]
        if extensions:  # the last field is padded when there is no code behind it
            assert parsed[-1].body == extensions[-1].body.ljust(24 - len(code), b"\0")

    @given(st.binary(max_size=200), st.integers(0, 7))
    def test_what_can_be_read_is_written_the_same(self, trailer: bytes, version: int) -> None:
        try:
            extensions, code = split_trailer(trailer, version)
        except ParseError:
            return
        assert version <= 3 or join_trailer(extensions, code) == trailer

    def test_a_field_and_a_crypto_nak_that_are_just_long_enough_together(self) -> None:
        trailer = field(24, 24) + bytes(4)
        assert split_trailer(trailer, version=4) == ((ExtensionField(0x0104, bytes(20)),), bytes(4))
        assert join_trailer(*split_trailer(trailer, version=4)) == trailer

    def test_a_short_body_is_padded_with_zeros(self) -> None:
        assert ExtensionField(0x0104, b"abcde").to_bytes() == b"\x01\x04\x00\x10abcde" + bytes(7)
        assert ExtensionField(0x0104, bytes(13)).to_bytes()[2:4] == b"\x00\x14"


class TestLengths:
    @pytest.mark.parametrize("length", [0, 1, 4, 8, 12, 17, 32, 0xFFFC, 0xFFFF])
    def test_a_wrong_length_is_refused(self, length: int) -> None:
        with pytest.raises(ParseError, match=f"field of {length} octets with 28"):
            split_trailer(field(length, 28), version=4)

    def test_a_second_field_is_measured_against_what_is_left(self) -> None:
        with pytest.raises(ParseError, match="field of 32 octets with 28 octets left"):
            split_trailer(field(16, 16) + field(32, 28), version=4)

    def test_a_field_may_fill_all_that_is_left(self) -> None:
        assert split_trailer(field(28, 28), version=4) == ((ExtensionField(0x0104, bytes(24)),), b"")

    @pytest.mark.parametrize("length", [4, 20, 24])
    def test_a_code_is_told_by_its_length(self, length: int) -> None:
        assert split_trailer(bytes(length), version=4) == ((), bytes(length))
        extensions, code = split_trailer(field(28, 28) + b"\1" * length, version=4)
        assert (len(extensions), code) == (1, b"\1" * length)

    @pytest.mark.parametrize("length", [8, 12, 16])
    def test_a_rest_that_is_neither_is_refused(self, length: int) -> None:
        with pytest.raises(ParseError, match=f"{length} octets at the end"):
            split_trailer(field(length, length), version=4)

    @pytest.mark.parametrize("length", [1, 2, 3, 29])
    def test_only_multiples_of_four(self, length: int) -> None:
        with pytest.raises(ParseError, match="multiple of 4"):
            split_trailer(bytes(length), version=4)

    def test_unknown_types_are_carried_along(self) -> None:
        parsed, code = split_trailer(field(16, 16, 0xFFFF) + field(16, 16, 0) + bytes(20), version=4)
        assert [one.field_type for one in parsed] == [0xFFFF, 0]
        assert code == bytes(20)

    def test_a_field_after_the_code_is_not_looked_for(self) -> None:
        with pytest.raises(ParseError):
            split_trailer(b"\x00\x00\x00\x01" + bytes(16) + field(28, 28), version=4)

    def test_version_3_has_only_a_code(self) -> None:
        assert split_trailer(bytes(68), version=3) == ((), bytes(68))
        with pytest.raises(ParseError, match="no extension fields"):
            split_trailer(bytes(72), version=3)

    def test_a_long_chain_takes_a_bounded_number_of_calls_for_each_field(self) -> None:
        chain = field(16, 16) * 4000 + field(28, 28)
        calls = 0

        def count(*_: object) -> None:
            nonlocal calls
            calls += 1

        sys.setprofile(count)
        try:
            parsed, _ = split_trailer(chain, version=4)
        finally:
            sys.setprofile(None)
        assert len(parsed) == 4001
        assert calls < 8 * len(parsed)


class TestUsage:
    @pytest.mark.parametrize("wrong", [ExtensionField(0x10000, b""), ExtensionField(-1, b""), ExtensionField(1, bytes(0xFFFC))])
    def test_a_field_that_does_not_fit(self, wrong: ExtensionField) -> None:
        with pytest.raises(UsageError, match="no extension field"):
            wrong.to_bytes()

    def test_a_code_that_no_receiver_could_tell(self) -> None:
        with pytest.raises(UsageError, match="16 octets"):
            join_trailer((), bytes(16))

    def test_the_last_field_is_padded_unless_a_code_follows(self) -> None:
        one = ExtensionField(1, bytes(12))
        assert len(join_trailer((one, one))) == 16 + 28
        assert len(join_trailer((one, one), bytes(20))) == 16 + 16 + 20
        assert len(join_trailer((one, one), bytes(4))) == 16 + 24 + 4
