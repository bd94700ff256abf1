"""Tests of benchsuite.harness.throttling on recorded clock readings: no GPU, no sleep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchsuite import metrics
from benchsuite.harness import throttling
from benchsuite.types import ClockReading, Clocks

from .measurements import measurement, window


def recorded(*reasons: str, cap_w: float = 400.0) -> ClockReading:
    return ClockReading(
        sm_clock_hz=1.2e9 if reasons else 1.41e9, temperature_c=70.0 + len(reasons),
        power_cap_w=cap_w, default_cap_w=400.0, reasons=reasons,
    )  # fmt: skip


def watched(readings: Sequence[ClockReading]) -> Clocks | None:
    rest: Iterator[ClockReading] = iter(readings)
    watcher = throttling.Watcher(lambda: next(rest), background=False)
    for _ in range(len(readings) - 2):
        watcher.sample()
    return watcher.stop()


def test_clocks_of_a_window_are_summed_up() -> None:
    """Mean and smallest clock, highest temperature, each reason's share of the readings."""
    found = watched([recorded(), recorded("power cap"), recorded("power cap"), recorded()])
    assert found == Clocks(
        samples=4, sm_clock_hz=1.305e9, least_sm_clock_hz=1.2e9, temperature_c=71.0,
        power_cap_w=400.0, default_cap_w=400.0, reasons={"power cap": 0.5},
    )  # fmt: skip


def test_a_device_that_tells_nothing_has_no_clocks() -> None:
    """Neither one without a reader nor one whose driver knows no figure."""
    assert throttling.Watcher(None).stop() is None
    assert watched([ClockReading(), ClockReading()]) is None
    assert throttling.doubts(window()) == []


def test_heat_and_supply_make_a_throttled_window() -> None:
    """The doubt names the reason, its share, the clock and what to do."""
    readings = [recorded()] * 8 + [recorded("temperature (hardware)", "power brake")] * 2
    (doubt,) = throttling.doubts(replace(window(), clocks=watched(readings)))
    assert doubt.code == "throttled"
    assert doubt.message.startswith("Offline: temperature (hardware) in 20% of the readings")
    assert "SM clock" in doubt.message
    assert doubt.message.endswith("Cool the device or mend its supply, and measure again")


def test_one_reading_of_a_slowdown_is_a_clock_change() -> None:
    """NVML may report a slowdown for the moment in which the clock changes."""
    readings = [recorded()] * 9 + [recorded("hardware slowdown")]
    assert throttling.doubts(replace(window(), clocks=watched(readings))) == []


def test_the_boards_own_cap_is_no_throttling_but_a_lowered_one_is() -> None:
    """A GPU under full load runs at its cap; one that someone lowered is another device."""
    own = watched([recorded("power cap")] * 4)
    assert throttling.doubts(replace(window(), clocks=own)) == []
    lowered = watched([recorded("power cap", cap_w=250.0)] * 4)
    (doubt,) = throttling.doubts(replace(window(), clocks=lowered))
    assert "power cap of 250 W, under its own 400 W, in 100%" in doubt.message
    assert "nvidia-smi -pl" in doubt.message
    unused = watched([recorded(cap_w=250.0)] * 4)
    assert throttling.doubts(replace(window(), clocks=unused)) == []


def test_clocks_stand_beside_the_power() -> None:
    """Mean power's `how` tells clock, temperature, cap and reasons."""
    shown = replace(window(), clocks=watched([recorded("power cap")] * 2))
    how = metrics.compute(measurement(windows=(shown,)), shown)["mean_power"].how
    assert "; SM clock 1.20 GHz, 71 °C, cap 400 W, power cap 100%; " in how
