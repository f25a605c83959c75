from __future__ import annotations

import json

import msgspec
import pytest

from ntp_proto import observation
from ntp_proto.observation import DOCUMENT_VERSION, SourceStatus, SyncState
from support.documents import sample_observation


def test_a_document_round_trips() -> None:
    document = sample_observation()
    assert observation.decode(observation.encode(document)) == document


def test_it_is_json_with_units_in_its_keys() -> None:
    document = json.loads(observation.encode(sample_observation()))
    assert document["version"] == DOCUMENT_VERSION
    assert document["system"]["state"] == "synchronized"
    assert document["sources"][0]["rejections"] == {"bad-delay": 1}
    assert document["system"]["accumulated_step_panic_threshold_s"] is None


def test_a_field_from_a_later_release_is_ignored() -> None:
    document = json.loads(observation.encode(sample_observation()))
    document["system"]["not_yet_invented"] = 1
    assert observation.decode(json.dumps(document).encode()) == sample_observation()


def test_another_version_is_refused_by_its_number() -> None:
    later = msgspec.structs.replace(sample_observation(), version=DOCUMENT_VERSION + 1)
    with pytest.raises(ValueError, match=f"version {DOCUMENT_VERSION + 1}"):
        observation.decode(observation.encode(later))


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff\xfe", b'{"version": 1}', b'{"version": "1"}', b"[" * 100_000])
def test_what_is_no_document_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="not an observation document"):
        observation.decode(data)


def test_a_wrong_type_is_told_with_its_place() -> None:
    document = json.loads(observation.encode(sample_observation()))
    document["sources"][0]["reach"] = "all"
    with pytest.raises(ValueError, match=r"sources\[0\]\.reach"):
        observation.decode(json.dumps(document).encode())


def test_the_schema_names_every_field_and_state() -> None:
    definitions = json.loads(observation.json_schema())["$defs"]
    assert set(definitions["SystemObservation"]["required"]) == set(observation.SystemObservation.__struct_fields__)
    assert set(definitions["SourceObservation"]["required"]) == set(observation.SourceObservation.__struct_fields__)
    assert set(definitions["SyncState"]["enum"]) == {state.value for state in SyncState}
    assert set(definitions["SourceStatus"]["enum"]) == {status.value for status in SourceStatus}
