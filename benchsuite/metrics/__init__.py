"""Metrics: pure functions from a raw measurement to values, one file a team."""

from __future__ import annotations

from benchsuite.goals import Goals
from benchsuite.hw import DeviceModel
from benchsuite.metrics import cnn, hardware, software, system
from benchsuite.metrics._context import ELEMENT_B, Context, Metric
from benchsuite.types import Measurement, MetricInfo, Value, Window

__all__ = ["ELEMENT_B", "METRICS", "TEAMS", "compute", "empty"]

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


def empty(reason: str) -> dict[str, Value]:
    """Every metric missing for one reason, as a failed or skipped system has them."""
    value = Value(value=None, how="not measured", reason=reason)
    return dict.fromkeys(METRICS, value)


def _meets(values: dict[str, Value], goals: Goals, *, workload: str) -> Value:
    how = f"goals {goals.name}: {goals.title}"
    if any(values[key].how.startswith("modelled") for key in (*goals.at_least, *goals.at_most)):
        how += "; by a modelled energy, not a measured one"
    if not goals.speaks_of(workload):
        return Value(value=None, how=how, reason=f"goals {goals.name} speak of {goals.workload}")
    misses = goals.misses({key: value.value for key, value in values.items()})
    if misses is None:
        needed = {**goals.at_least, **goals.at_most}
        first = next(key for key in needed if values[key].value is None)
        return Value(value=None, how=how, reason=f"{first} is missing: {values[first].reason}")
    if misses:
        return Value(value=0.0, how=f"{how}; misses: {'; '.join(misses.values())}")
    return Value(value=1.0, how=f"{how}; every need is met")
