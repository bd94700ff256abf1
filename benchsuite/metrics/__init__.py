"""Metrics: pure functions from a raw measurement to values, one file a team."""

from __future__ import annotations

from benchsuite.goals import Goals
from benchsuite.hw import DeviceModel
from benchsuite.metrics import cnn, hardware, software, system
from benchsuite.metrics._context import ELEMENT_B, Context, Metric, Timed
from benchsuite.types import Measurement, MetricInfo, Value, Window

__all__ = ["ELEMENT_B", "METRICS", "TEAMS", "compute", "empty", "of_window"]

_TABLES: tuple[Metric, ...] = (
    *system.METRICS,
    *cnn.METRICS,
    *software.METRICS,
    *hardware.METRICS,
)
TEAMS = ("system", "cnn", "software", "hardware")
METRICS: dict[str, MetricInfo] = {metric.info.key: metric.info for metric in _TABLES}


def compute(
    measurement: Measurement,
    window: Window,
    *,
    model: DeviceModel | None = None,
    goals: Goals | None = None,
    workload: str = "",
) -> dict[str, Value]:
    """Every metric of the contract for one window of a measurement.

    Args:
        measurement: What the worker recorded.
        window: One of its windows: the scenario of the row.
        model: The device's datasheet, if one describes it.
        goals: The deployment's needs, if any.
        workload: Its name, to see whether the goals speak of it.
    """
    context = Context(measurement=measurement, window=window, model=model, goals=goals)
    values = {metric.info.key: metric.compute(context) for metric in _TABLES}
    if goals is not None:
        values["meets_goals"] = _meets(values, goals, workload=workload)
    return values


def of_window(window: Window) -> dict[str, Value]:
    """The metrics that follow from a raw window alone, as `compute` has them."""
    timed = Timed(window=window)
    return {key: compute(timed) for key, compute in system.FROM_WINDOW.items()}


def empty(reason: str) -> dict[str, Value]:
    """Every metric missing for one reason, as a failed or skipped system has them."""
    value = Value(value=None, how="not measured", reason=reason)
    return dict.fromkeys(METRICS, value)


def _meets(values: dict[str, Value], goals: Goals, *, workload: str) -> Value:
    how = f"goals {goals.name}: {goals.title}"
    if any(values[key].how.startswith("modelled") for key in goals.needs()):
        how += "; by a modelled energy, not a measured one"
    if not goals.speaks_of(workload):
        return Value(value=None, how=how, reason=f"goals {goals.name} speak of {goals.workload}")
    numbers = {key: values[key].value for key in goals.needs()}
    misses = goals.misses(numbers)
    unknown = [key for key, number in numbers.items() if number is None]
    met = [key for key in numbers if key not in misses and key not in unknown]
    if misses:
        how += f"; misses: {'; '.join(misses.values())}"
    if met:
        how += f"; meets: {', '.join(met)}"
    unmeasured = [f"{key} is missing: {values[key].reason}" for key in unknown]
    if misses:  # what is missing could not make it good
        return Value(value=0.0, how="; ".join((how, *unmeasured)))
    if unknown:
        return Value(value=None, how=how, reason=unmeasured[0])
    return Value(value=1.0, how=f"{how}; every need is met")
