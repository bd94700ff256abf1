"""The system's metrics: what a user of the product feels."""

from __future__ import annotations

from benchsuite.metrics._context import Context, Metric, missing
from benchsuite.stats import early_stopping_estimate, least_queries, percentile
from benchsuite.types import OFFLINE, MetricInfo, Value
from benchsuite.units import NANOSECOND_S

_ALL = ("network", "software", "device", "data")
_SPEED = ("network", "software", "device")


def _info(
    key: str,
    title: str,
    *,
    unit: str,
    better: str,
    about: str,
    influenced_by: tuple[str, ...] = _SPEED,
) -> MetricInfo:
    return MetricInfo(
        key=key,
        title=title,
        unit=unit,
        better=better,
        team="system",
        influenced_by=influenced_by,
        about=about,
    )


def _accuracy(context: Context) -> Value:
    score = context.measurement.accuracy
    if score is None:
        return missing(context.measurement.accuracy_reason or "not measured")
    return Value(value=score.value, low=score.low, high=score.high, how=score.how)


def _throughput(context: Context) -> Value:
    window = context.window
    return Value(
        value=context.throughput,
        how=(
            f"{window.frames:g} frames in {window.seconds:.3f} s, {window.scenario}, "
            f"batch {window.batch}; one process, so no interval"
        ),
    )


def _latency(share: float) -> Metric:
    name = f"p{100 * share:g}"

    def compute(context: Context) -> Value:
        window = context.window
        if window.scenario == OFFLINE:
            return missing(
                "latency is measured by SingleStream; Offline offers all queries at once"
            )
        needed = least_queries(share)
        if window.queries < needed:
            return missing(
                f"too few queries: {window.queries} in the window, {name} needs {needed} "
                "(MLPerf early stopping, 99 % confidence, one outlier)",
                how=f"{window.scenario}, {window.queries} queries",
            )
        ordered = sorted(window.durations_ns)
        high = early_stopping_estimate(ordered, share)
        return Value(
            value=percentile(ordered, share) * NANOSECOND_S,
            high=None if high is None else high * NANOSECOND_S,
            how=(
                f"empirical {name} of {window.queries} queries, {window.scenario}; "
                "high is MLPerf's early-stopping estimate at 99 % confidence"
            ),
        )

    return Metric(
        info=_info(
            f"latency_{name}",
            f"latency {name}",
            unit="s/query",
            better="lower",
            about=f"{100 * share:g} % of the queries take at most this long.",
        ),
        compute=compute,
    )


def _energy_per_frame(context: Context) -> Value:
    energy = context.window.energy
    if energy is None:
        return missing(context.window.energy_reason or "no meter")
    return Value(
        value=energy.mean_power_w / context.throughput,
        how=f"{energy.source}, boundary {energy.boundary}; gross; {energy.how}",
    )


def _net_energy_per_frame(context: Context) -> Value:
    energy = context.window.energy
    if energy is None:
        return missing(context.window.energy_reason or "no meter")
    if energy.idle_power_w is None:
        return missing(energy.idle_power_reason or "idle power was not measured")
    return Value(
        value=(energy.mean_power_w - energy.idle_power_w) / context.throughput,
        how=(
            f"{energy.source}, boundary {energy.boundary}; mean power less "
            f"{energy.idle_power_w:.3g} W idle"
        ),
    )


def _mean_power(context: Context) -> Value:
    energy = context.window.energy
    if energy is None:
        return missing(context.window.energy_reason or "no meter")
    return Value(
        value=energy.mean_power_w,
        how=f"{energy.source}, boundary {energy.boundary}; {energy.how}",
    )


def _max_power(context: Context) -> Value:
    energy = context.window.energy
    if energy is None:
        return missing(context.window.energy_reason or "no meter")
    if energy.max_power_w is None:
        return missing(energy.max_power_reason or "the meter counts energy only")
    return Value(
        value=energy.max_power_w,
        how=f"largest sample; {energy.source}, boundary {energy.boundary}",
    )


def _peak_memory(context: Context) -> Value:
    window = context.window
    if window.peak_memory_b is None:
        return missing(window.peak_memory_reason or "not measured")
    where = (
        "resident size above the level after imports"
        if context.measurement.device.kind == "cpu"
        else "the allocator's peak on the device"
    )
    return Value(value=float(window.peak_memory_b), how=where)


def _meets_goals(context: Context) -> Value:
    # the verdict needs the other metrics: `metrics.compute` fills it in last
    return missing("no goals were given (--goals)")


METRICS = (
    Metric(
        info=_info(
            "accuracy",
            "accuracy",
            unit="1",
            better="higher",
            about="The workload's own measure on the system whose speed is reported.",
            influenced_by=_ALL,
        ),
        compute=_accuracy,
    ),
    Metric(
        info=_info(
            "throughput",
            "throughput",
            unit="frame/s",
            better="higher",
            about="Frames a second, everything included that a query needs.",
        ),
        compute=_throughput,
    ),
    _latency(0.50),
    _latency(0.90),
    _latency(0.99),
    Metric(
        info=_info(
            "energy_per_frame",
            "energy per frame",
            unit="J",
            better="lower",
            about="Gross energy of a frame: mean power over throughput, from the same window.",
        ),
        compute=_energy_per_frame,
    ),
    Metric(
        info=_info(
            "net_energy_per_frame",
            "net energy per frame",
            unit="J",
            better="lower",
            about="Energy of a frame above the device's idle power.",
        ),
        compute=_net_energy_per_frame,
    ),
    Metric(
        info=_info(
            "missed_frames",
            "missed frames",
            unit="1",
            better="lower",
            about="Share of frames that came later than their period (RealTime).",
        ),
        compute=lambda context: missing(
            f"{context.window.scenario} has no deadline; frames are missed in RealTime only"
        ),
    ),
    Metric(
        info=_info("mean_power", "mean power", unit="W", better="lower", about="Over the window."),
        compute=_mean_power,
    ),
    Metric(
        info=_info("max_power", "largest power", unit="W", better="lower", about="Largest sample."),
        compute=_max_power,
    ),
    Metric(
        info=_info(
            "peak_memory",
            "peak memory",
            unit="B",
            better="lower",
            about="Memory the system needs at most while it runs.",
        ),
        compute=_peak_memory,
    ),
    Metric(
        info=_info(
            "time_to_accuracy",
            "time to accuracy",
            unit="s",
            better="lower",
            about="Training time until the quality target is reached.",
            influenced_by=_ALL,
        ),
        compute=lambda context: missing("measured by `benchsuite train`, not by inference"),
    ),
    Metric(
        info=_info(
            "energy_to_accuracy",
            "energy to accuracy",
            unit="J",
            better="lower",
            about="Training energy until the quality target is reached.",
            influenced_by=_ALL,
        ),
        compute=lambda context: missing("measured by `benchsuite train`, not by inference"),
    ),
    Metric(
        info=_info(
            "meets_goals",
            "meets goals",
            unit="1",
            better="higher",
            about="1 where every need of the deployment is met, 0 where one is missed.",
            influenced_by=_ALL,
        ),
        compute=_meets_goals,
    ),
)
