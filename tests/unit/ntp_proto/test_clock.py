"""The protocol has no behaviour; what implements it is held to tests/contracts."""

from __future__ import annotations

from ntp_proto.clock import Clock, ClockChange


def test_the_protocol_stays_narrow() -> None:
    methods = [name for name in vars(Clock) if not name.startswith("_")]
    assert len(methods) <= 6


def test_a_change_without_a_step() -> None:
    assert ClockChange(at=1.0, frequency=1e-6) == ClockChange(at=1.0, frequency=1e-6, step_s=0.0)
