from __future__ import annotations

from typing import get_args

from ntp_proto.association import actions
from ntp_proto.association.actions import Action, Rejection


def test_the_union_names_every_action() -> None:
    classes = {getattr(actions, name) for name in actions.__all__} - {actions.Action, Rejection}
    assert set(get_args(Action)) == classes


def test_the_names_of_the_counters_are_promised() -> None:
    assert {reason.value for reason in Rejection} == {
        "malformed",
        "wrong-address",
        "wrong-mode",
        "wrong-version",
        "not-requested",
        "wrong-origin",
        "kiss",
        "unsynchronized",
        "root-distance",
        "bad-timestamps",
        "bad-delay",
        "loop",
    }
