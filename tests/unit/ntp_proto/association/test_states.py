from __future__ import annotations

from typing import get_args

import pytest

from ntp_proto.association import states
from ntp_proto.association.states import Demobilized, Starting
from ntp_proto.identifiers import KissCode


def test_the_union_names_every_state() -> None:
    assert set(get_args(states.State)) == {states.Starting, states.Asking, states.Waiting, states.Demobilized}


def test_a_state_cannot_be_changed_in_place() -> None:
    with pytest.raises(AttributeError):
        Starting(1.0).poll_at = 2.0  # type: ignore[misc]  # the point of the test
    assert Demobilized(KissCode.DENY) != Demobilized(KissCode.RSTR)
