"""A device's clocks during a window, and whether something held them back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from benchsuite.devices._nvml import POWER_CAP
from benchsuite.types import ClockReading, Clocks, Doubt, Window
from benchsuite.units import quantity

SAMPLE_S = 0.05
# a board's own power cap is part of what it is; these are troubles of the place it stands in
TROUBLES = (
    "hardware slowdown",
    "temperature (driver)",
    "temperature (hardware)",
    "power brake",
)
# NVML may report a slowdown for the moment of a clock change: one reading is not enough
LEAST_READINGS = 2


class Watcher:
    """Reads a device's clocks when made, when stopped, and every 50 ms between."""

    def __init__(self, read: Callable[[], ClockReading] | None, *, background: bool = True) -> None:
        self._read = read
        self._readings: list[ClockReading] = []
        self._done = threading.Event()
        self._thread = None
        self.sample()
        if read is not None and background:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def sample(self) -> None:
        """Reads once."""
        if self._read is not None:
            self._readings.append(self._read())

    def stop(self) -> Clocks | None:
        """What was read, summed up; None where there is nothing to read."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
        self.sample()
        return summarise(self._readings)

    def _run(self) -> None:
        while not self._done.wait(SAMPLE_S):
            self.sample()


def summarise(readings: Sequence[ClockReading]) -> Clocks | None:
    """The clocks of a window; None where nothing was told."""

    def column(take: Callable[[ClockReading], float | None]) -> list[float]:
        return [value for reading in readings if (value := take(reading)) is not None]

    clock = column(lambda r: r.sm_clock_hz)
    heat = column(lambda r: r.temperature_c)
    cap = column(lambda r: r.power_cap_w)
    usual = column(lambda r: r.default_cap_w)
    counts = Counter(reason for reading in readings for reason in reading.reasons)
    if not (clock or heat or cap or counts):
        return None
    return Clocks(
        samples=len(readings),
        sm_clock_hz=sum(clock) / len(clock) if clock else None,
        least_sm_clock_hz=min(clock, default=None),
        temperature_c=max(heat, default=None),
        power_cap_w=min(cap, default=None),
        default_cap_w=min(usual, default=None),
        reasons={reason: count / len(readings) for reason, count in counts.items()},
    )


def doubts(window: Window) -> list[Doubt]:
    """Whether the device was throttled: by heat or by its supply, or at a lowered power cap.

    At the board's own power cap a GPU under full load is in its normal state: that is no doubt.
    """
    clocks = window.clocks
    if clocks is None:
        return []
    troubles = [name for name in TROUBLES if _often(clocks, name)]
    lowered = (
        clocks.power_cap_w is not None
        and clocks.default_cap_w is not None
        and clocks.power_cap_w < clocks.default_cap_w
        and _often(clocks, POWER_CAP)
    )
    if not troubles and not lowered:
        return []
    held = [f"{name} in {clocks.reasons[name]:.0%} of the readings" for name in troubles]
    advice = "Cool the device or mend its supply, and measure again"
    if lowered:
        assert clocks.power_cap_w is not None and clocks.default_cap_w is not None
        held.append(
            f"held at a power cap of {quantity(clocks.power_cap_w, 'W')}, under its own "
            f"{quantity(clocks.default_cap_w, 'W')}, in {clocks.reasons[POWER_CAP]:.0%}"
        )
        if not troubles:
            advice = "Restore the cap (nvidia-smi -pl) and measure again"
    return [
        Doubt(
            code="throttled",
            message=f"{window.scenario}: {'; '.join(held)}{_said(clocks)}. {advice}",
        )
    ]


def _often(clocks: Clocks, reason: str) -> bool:
    return round(clocks.reasons.get(reason, 0.0) * clocks.samples) >= LEAST_READINGS


def _said(clocks: Clocks) -> str:
    parts = []
    if clocks.sm_clock_hz is not None and clocks.least_sm_clock_hz is not None:
        parts.append(
            f"SM clock {quantity(clocks.sm_clock_hz, 'Hz')}, at least "
            f"{quantity(clocks.least_sm_clock_hz, 'Hz')}"
        )
    if clocks.temperature_c is not None:
        parts.append(f"{clocks.temperature_c:g} °C")
    return f" ({', '.join(parts)})" if parts else ""
