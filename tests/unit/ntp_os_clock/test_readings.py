from ntp_os_clock.readings import Difference, MachineReadings, difference


def test_the_tightest_attempt_counts() -> None:
    instants = iter([0, 1_000, 2_000, 2_010, 2_020, 5_000, 9_000, 9_100, 9_200, 9_500, 9_900])

    def second() -> int:
        return next(instants)

    def first() -> int:
        return next(instants) + 700

    assert difference(first, second) == Difference(ahead_ns=700, at_ns=2_010, uncertainty_ns=10)


def test_the_machine_has_three_different_clocks() -> None:
    readings = MachineReadings()
    for clock in (readings.realtime, readings.monotonic, readings.raw):
        assert clock() <= clock()
    assert readings.realtime() > 1_700_000_000_000_000_000
    assert readings.realtime() - readings.monotonic() != readings.realtime() - readings.raw()
