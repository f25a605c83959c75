import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_proto.control import (
    FRAME_PREFIX_BYTES,
    AddSourceRequest,
    BurstRequest,
    ConfigRequest,
    ForceSyncRequest,
    ReloadRequest,
    RemoveSourceRequest,
    Reply,
    Request,
    SetOnlineRequest,
    decode_reply,
    decode_request,
    encode,
    frame,
    frame_length,
)

thresholds = st.floats(min_value=0.0, allow_infinity=False, allow_nan=False)
addresses = st.sampled_from(["pool.ntp.org", "192.0.2.1", "192.0.2.1:1123", "[2001:db8::1]:123"])
counts = st.none() | st.integers(-100, 100)
filters = st.sampled_from(["trace", "debug", "info", "warn", "error"])
requests = (
    st.builds(ConfigRequest, log_filter=filters, panic_threshold=st.none() | thresholds)
    | st.builds(ConfigRequest, panic_threshold=thresholds)
    | st.just(ForceSyncRequest())
    | st.just(ReloadRequest())
    | st.builds(AddSourceRequest, address=addresses, pool=st.just(True), count=counts, poll_minimum=counts, poll_maximum=counts)
    | st.builds(RemoveSourceRequest, address=addresses)
    | st.builds(SetOnlineRequest, online=st.booleans(), address=st.none() | addresses)
    | st.builds(BurstRequest, address=st.none() | addresses)
)
replies = st.builds(Reply, accepted=st.booleans(), message=st.text(), details=st.lists(st.text()).map(tuple))


@given(requests)
def test_requests_read_back(request: Request) -> None:
    assert decode_request(encode(request)) == request


@given(replies)
def test_replies_read_back(reply: Reply) -> None:
    assert decode_reply(encode(reply)) == reply


def test_a_request_says_only_what_it_changes() -> None:
    assert encode(ConfigRequest(panic_threshold=5.0)) == b'{"command":"config","panic_threshold":5.0}'


def test_a_reply_of_a_later_daemon_may_say_more() -> None:
    assert decode_reply(b'{"accepted":true,"message":"done","new":1}') == Reply(accepted=True, message="done")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_a_value_error(data: bytes) -> None:
    for decode in (decode_request, decode_reply):
        with contextlib.suppress(ValueError):
            decode(data)


@pytest.mark.parametrize("threshold", [-1.0, float("nan"), float("inf")])
def test_a_panic_threshold_is_finite_and_not_negative(threshold: float) -> None:
    with pytest.raises(ValueError, match="finite number of seconds of 0 or more"):
        ConfigRequest(panic_threshold=threshold)


def test_a_config_request_that_changes_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="changes nothing"):
        ConfigRequest()


@given(st.binary(max_size=300))
def test_a_frame_is_its_length_and_the_document(document: bytes) -> None:
    framed = frame(document)
    assert framed[FRAME_PREFIX_BYTES:] == document
    assert frame_length(framed[:FRAME_PREFIX_BYTES], 300) == len(document)


def test_a_frame_that_is_too_long_is_refused_by_its_prefix() -> None:
    assert frame_length(bytes(7) + b"\x05", 5) == 5
    with pytest.raises(ValueError, match="a document of 6 bytes; at most 5 are allowed"):
        frame_length(bytes(7) + b"\x06", 5)


@pytest.mark.parametrize("command", ['"add-source"', '"remove-source"', '"set-online","online":true', '"burst"'])
def test_what_is_no_address_is_no_request(command: str) -> None:
    with pytest.raises(ValueError, match=r"'a b' is not a host name"):
        decode_request(f'{{"command":{command},"address":"a b"}}'.encode())


def test_a_server_has_no_count() -> None:
    with pytest.raises(ValueError, match="count is only for a pool"):
        AddSourceRequest(address="192.0.2.1", count=4)
