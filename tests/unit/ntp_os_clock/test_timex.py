"""Ring two of the kernel clock: the split of a frequency, refusals, and that both bindings are the same."""

import errno
import importlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.fake_machine import FakeMachine
from ntp_os_clock.timex import LARGEST_FREQUENCY, Timex, split_frequency
from ntp_proto.errors import ClockError


def frequency_of(freq: int, tick: int) -> float:
    return (tick - 10_000) * 1e-4 + freq / 65536e6


@given(st.floats(-1.0, 1.0), st.integers(9_000, 11_000))
def test_the_split_adds_up_within_the_limits_of_both_parts(frequency: float, tick_before: int) -> None:
    freq, tick = split_frequency(frequency, tick_before)
    assert abs(freq) <= 500 << 16
    assert 9_000 <= tick <= 11_000
    limited = max(-LARGEST_FREQUENCY, min(LARGEST_FREQUENCY, frequency))
    assert frequency_of(freq, tick) == pytest.approx(limited, abs=0.6 / 65536e6)


def test_an_ordinary_frequency_uses_the_nominal_tick() -> None:
    for ppm in (-400, -30, 0, 12.5, 400):
        assert split_frequency(ppm * 1e-6, 10_050) == (round(ppm * 65536), 10_000)


def test_the_tick_does_not_flap_around_a_limit() -> None:
    tick, ticks = 10_000, []
    for ppm in (499, 501, 499, 501, 450, 401, 480, 510):
        _, tick = split_frequency(ppm * 1e-6, tick)
        ticks.append(tick)
    assert ticks == [10_000, 10_005, 10_005, 10_005, 10_005, 10_005, 10_005, 10_005]


def test_refusals_say_what_was_asked() -> None:
    machine = FakeMachine()
    machine.clock_adjtime = lambda _clock, _tx: machine._refuse(errno.EINVAL)  # type: ignore[method-assign] # a kernel that refuses all
    with pytest.raises(ClockError, match="cannot step by -5 ns: Invalid argument") as caught:
        machine.timex().step(-5)
    assert caught.value.errno == errno.EINVAL


def test_the_two_bindings_lay_the_structure_out_alike() -> None:
    api = pytest.importorskip("ntp_os_clock._timex", reason="the extension is not compiled")
    abi = importlib.import_module("ntp_os_clock._timex_abi")
    assert api.ffi.sizeof("struct timex") == abi.ffi.sizeof("struct timex")
    for name in ("modes", "offset", "freq", "maxerror", "esterror", "status", "constant", "time", "tick", "tai"):
        assert api.ffi.offsetof("struct timex", name) == abi.ffi.offsetof("struct timex", name), name


def test_both_bindings_read_this_machine_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    api = pytest.importorskip("ntp_os_clock._timex", reason="the extension is not compiled")
    monkeypatch.delenv("NTP_NO_EXT", raising=False)
    compiled = Timex()
    monkeypatch.setenv("NTP_NO_EXT", "1")
    fallback = Timex()
    assert compiled._lib is api.lib
    assert fallback._lib is not api.lib
    assert 9_000 <= compiled.read().tick_us <= 11_000
    assert (compiled.read().tick_us, compiled.read().frequency) == (fallback.read().tick_us, fallback.read().frequency)


def test_a_checkout_that_is_not_built_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NTP_NO_EXT", "1")
    monkeypatch.setitem(sys.modules, "ntp_os_clock._timex_abi", None)
    with pytest.raises(ImportError, match=r"python build_ext\.py"):
        Timex()
