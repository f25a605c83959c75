"""An observation document with every field filled, for whoever reads or shows one."""

from __future__ import annotations

from ntp_proto.observation import (
    DOCUMENT_VERSION,
    ClockMode,
    Observation,
    ProgramState,
    SourceObservation,
    SourceStatus,
    SyncState,
    SystemObservation,
)

__all__ = ["sample_observation"]


def sample_observation() -> Observation:
    """One daemon, synchronised to its only server, after an hour."""
    return Observation(
        version=DOCUMENT_VERSION,
        program=ProgramState(
            name="ntp-daemon",
            version="0.1.0",
            pid=4711,
            uptime_s=3600.5,
            time="2026-01-01T12:00:00.000000Z",
            clock=ClockMode.STEER,
            clock_reason="",
        ),
        system=SystemObservation(
            state=SyncState.SYNCHRONIZED,
            reason="follows 1 of 1 sources",
            stratum=2,
            leap="none",
            reference_id="192.0.2.1",
            reference="time.example:123",
            offset_s=1.5e-6,
            offset_error_s=2e-6,
            frequency=-12.5e-6,
            frequency_error=1e-8,
            root_delay_s=0.01,
            root_dispersion_s=0.001,
            statistical_error_s=52.7e-6,
            maximum_error_s=0.006,
            last_update_age_s=12.0,
            poll_interval_s=64.0,
            step_count=1,
            accumulated_steps_s=0.25,
            accumulated_step_panic_threshold_s=None,
            slewing=False,
            displacement_count=0,
        ),
        sources=(
            SourceObservation(
                id=1,
                name="time.example:123",
                address="192.0.2.1:123",
                mode="server",
                status=SourceStatus.SELECTED,
                reason="agrees with the majority",
                reach=255,
                poll_interval_s=64.0,
                unanswered_polls=0,
                offset_s=1.5e-6,
                offset_error_s=2e-6,
                delay_s=0.01,
                minimum_delay_s=0.0099,
                jitter_s=1e-5,
                last_sample_age_s=12.0,
                stratum=1,
                reference_id="GPS",
                root_delay_s=0.0,
                root_dispersion_s=0.0005,
                transmit_stamps="kernel",
                receive_stamps="hardware",
                requests=60,
                samples=59,
                rejections={"bad-delay": 1},
            ),
        ),
    )
