"""What a reader must doubt of a measurement, each with what to try next."""

from __future__ import annotations

from collections.abc import Sequence

from benchsuite import meters
from benchsuite.devices import cpu
from benchsuite.harness import contention, throttling
from benchsuite.metrics.pacing import MOST_MISSED, kept
from benchsuite.steadiness import NOT_STEADY, moved_said
from benchsuite.types import (
    Calibration,
    Count,
    DeviceInfo,
    Distance,
    Doubt,
    Probe,
    Score,
    Window,
)

LEAST_DRIFT, MOST_DRIFT = 0.8, 1.25  # of the pinned speed: beyond, the machine is another


def of_measurement(
    windows: Sequence[Window],
    counts: Sequence[Count],
    apart: Distance,
    calibrations: Sequence[Calibration],
    *,
    score: Score | None,
    probe: Probe,
    device: DeviceInfo,
    threads: int,
    meter: str,
) -> tuple[Doubt, ...]:
    """Every doubt; those of one window begin with its scenario.

    A busy host starves an accelerator of work: its cores are judged there for the one thread that
    launches.
    """
    found: list[Doubt] = []
    on_host = device.kind == "cpu"
    cores = device.units if on_host else cpu.usable_cores()
    for window in windows:
        found += of_window(window)
        found += contention.doubts(window, cores=cores, threads=threads if on_host else 1)
        found += throttling.doubts(window)
        found += meters.doubts(window)
    found += meters.gave_nothing(meter, windows)
    found += _uncounted(counts)
    found += _parity(apart)
    found += _left_out(score)
    found += _disturbed(probe)
    found += _drifted(calibrations, probe)
    return tuple(found)


def of_window(window: Window) -> list[Doubt]:
    """What a window shows by itself, whatever else the machine did."""
    return [*_not_steady(window), *_rate_missed(window)]


def _not_steady(window: Window) -> list[Doubt]:
    if window.steady:
        return []
    moved = "" if window.movement is None else f" ({moved_said(window.movement)})"
    return [
        Doubt(
            code=NOT_STEADY,
            message=(
                f"{window.scenario}: not steady after {window.warmup_s:.1f} s of warm-up{moved}. "
                "Measure it on a quieter machine or in a suite of longer windows"
            ),
        )
    ]


def _rate_missed(window: Window) -> list[Doubt]:
    found = kept(window)
    if found is None or found.valid or window.pace is None:
        return []
    return [
        Doubt(
            code="rate_missed",
            message=(
                f"{window.scenario}: {found.missed:.1%} of the {found.offered:,} queries "
                f"offered at {window.pace.rate:.4g} query/s were late or dropped, more than "
                f"{MOST_MISSED:.0%}: the system does not keep up. Ask for a lower --rate, or take "
                "Offline for what it can do"
            ),
        )
    ]


def _uncounted(counts: Sequence[Count]) -> list[Doubt]:
    uncounted = sorted({name for each in counts for name in each.uncounted})
    if not uncounted:
        return []
    return [
        Doubt(
            code="uncounted",
            message=(
                f"operators without a FLOP formula: {', '.join(uncounted)}. Work is too low "
                "by theirs; give them one in benchsuite/accounting/formulas.py"
            ),
        )
    ]


def _parity(apart: Distance) -> list[Doubt]:
    if apart.relative_error is None:
        message = (
            "the outputs are not finite (NaN or infinity), so no answer is right. Look at "
            "the weights and the input's range"
        )
    elif apart.relative_error > apart.tolerance:
        message = (
            f"outputs differ from the fp32 reference by {apart.relative_error:.2g} (relative), "
            f"allowed {apart.tolerance:g}: a change of the answer when only the software "
            "changed is a bug. Compare layer by layer"
        )
    else:
        return []
    return [Doubt(code="parity", message=message)]


def _left_out(score: Score | None) -> list[Doubt]:
    if score is None or not score.left_out:
        return []
    return [
        Doubt(
            code="left_out",
            message=(
                f"the accuracy rests on {score.samples} samples; {score.left_out} could not be "
                "read (accuracy's `how` names the first). Repair the data"
            ),
        )
    ]


def _disturbed(probe: Probe) -> list[Doubt]:
    if not probe.disturbed:
        return []
    return [
        Doubt(
            code="contended",
            message=(
                f"the device's peak was probed while {probe.disturbed}. It is probed again "
                "with the next system; or benchsuite hw probe, on a quiet machine"
            ),
        )
    ]


def _drifted(calibrations: Sequence[Calibration], probe: Probe) -> list[Doubt]:
    if not calibrations:
        return []  # a trial
    drift = sum(c.peak for c in calibrations) / len(calibrations) / probe.calibration_peak
    if LEAST_DRIFT <= drift <= MOST_DRIFT:
        return []
    return [
        Doubt(
            code="drift",
            message=(
                f"the machine runs at {drift:.0%} of its pinned speed now. If that stays so, "
                "probe it again: benchsuite hw probe"
            ),
        )
    ]
