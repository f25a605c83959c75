"""The text of a scenario file says what was to be written."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntp_sim.scenario import toml_text

SCENARIOS = sorted((Path(__file__).parents[3] / "simulation" / "scenarios").rglob("*.toml"))
KEYS = st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="ascii")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_survives(path: Path) -> None:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    assert tomllib.loads(toml_text(document)) == document


@given(st.dictionaries(KEYS, TABLES | st.lists(TABLES, min_size=1, max_size=3), max_size=3))
def test_any_document_survives(document: dict[str, object]) -> None:
    assert tomllib.loads(toml_text(document)) == document


@pytest.mark.parametrize("document", [{"clock": 3}, {"clock": {"offset": None}}, {"server": [1]}])
def test_what_has_no_text_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        toml_text(document)
