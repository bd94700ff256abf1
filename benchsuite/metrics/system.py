"""The system's metrics: what a user of the product feels."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from benchsuite.metrics._context import Context, Metric, Timed, missing
from benchsuite.metrics._mlperf import minimum_said
from benchsuite.metrics.pacing import kept
from benchsuite.origin import MODELLED
from benchsuite.repeats import ALONE, NO_INTERVAL
from benchsuite.stats import early_stopping_estimate, least_queries, percentile
from benchsuite.types import (
    OFFLINE,
    REAL_TIME,
    SERVER,
    TOO_FEW,
    Choice,
    Clocks,
    Contention,
    EnergyReading,
    MetricInfo,
    Pace,
    Rate,
    Value,
)
from benchsuite.units import NANOSECOND_S, counted, quantity

LPIRC_SECONDS = 600.0
LPIRC_ENERGY_J = 3600.0
LPIRC_IMAGES = 20_000

_ALL = ("network", "software", "device", "data")
_SPEED = ("network", "software", "device")
_OFFERED = (SERVER, REAL_TIME)
_AT_RATE = "{} runs at the rate that is offered, with pauses; what the system can do is Offline's"


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
    told = (
        f"{window.frames:g} frames in {window.seconds:.3f} s, {window.scenario}, "
        f"batch {window.batch}{ALONE}"
    )
    if window.pace is not None:
        told += f"; {_paced(context, window.pace)}"
    told += minimum_said(window) + _others(window.contention, seconds=window.seconds)
    choice = context.measurement.choices.get(window.scenario)
    if choice is not None:
        told += f"; {_chosen(choice)}"
    return Value(value=context.throughput, how=told)


def _others(found: Contention, *, seconds: float) -> str:
    """What else ran meanwhile and where that was counted, and how often it took our core."""
    switches = found.involuntary_switches
    told = ""
    if switches is not None:
        told = (
            f"; the thread interrupted most often lost its core {switches / seconds:.3g} times a "
            "second"
        )
    if found.other_cpu_s is None or found.counted is None:
        return told
    ours = (
        ""
        if found.bound_cpu_s is None
        else f", both {found.bound_cpu_s:.2f} s on those that this one was bound to ({found.bound})"
    )
    steal = "" if found.steal_s is None else f", the hypervisor {found.steal_s:.2f} s"
    return (
        f"; other processes took {found.other_cpu_s:.2f} s of CPU time{steal} ({found.counted})"
        f"{ours}{told}"
    )


def _chosen(choice: Choice) -> str:
    """What `--backend best` tried, in words."""
    ranked = sorted(choice.tried.items(), key=lambda item: -item[1])
    tried = ", ".join(f"{name} {rate:.4g} frame/s" for name, rate in ranked)
    refused = "".join(f"; not {name}: {why}" for name, why in choice.refused.items())
    return f"the fastest in trials of {tried}{refused}"


def _paced(context: Context, pace: Pace) -> str:
    """How a window's queries were scheduled, in words."""
    found = kept(context.window)
    if found is not None:
        in_time = found.offered - found.late - found.dropped
        meaning = (
            "it says what was asked for, not what the system could do"
            if found.valid
            else "the system does not keep up, so it says neither what was asked for nor, with "
            "pauses, what the system could do"
        )
        return (
            f"asked: {pace.rate:.4g} query/s, one every {1 / pace.rate:.4g} s, waiting included; "
            f"met: {in_time} of {found.offered} in time, {found.late} late, {found.dropped} "
            f"dropped; {meaning}"
        )
    assert pace.share is not None
    share = f"p{100 * pace.share:g}"
    return (
        f"the highest of {pace.tries} rates of Poisson arrivals at which {share} is within "
        f"{pace.deadline_s:g} s (MLPerf early stopping, 99 % confidence"
        f"{'' if pace.share >= 0.99 else '; too few queries for p99'}); scheduled {pace.rate:.4g} "
        f"query/s, back to back {pace.capacity or math.nan:.4g} query/s, one worker"
    )


def _percentile(share: float) -> Callable[[Timed], Value]:
    name = f"p{100 * share:g}"

    def compute(context: Timed) -> Value:
        window = context.window
        if window.scenario == OFFLINE:
            return missing(
                "latency is measured by SingleStream; Offline offers all queries at once"
            )
        needed, dropped = least_queries(share), window.pace.dropped if window.pace else 0
        queries = window.queries + dropped
        told = f"{counted(queries, 'query')}, {window.scenario}"
        if window.pace is not None:
            told += ", from the scheduled arrival"
        if queries < needed:
            return missing(
                f"{TOO_FEW}: {queries} in the window, {name} needs {needed} "
                "(MLPerf early stopping, 99 % confidence, one outlier)",
                how=told,
            )
        # a frame that was dropped is answered never
        ordered: Sequence[float] = context.ordered_ns
        if dropped:
            ordered = [*ordered, *[math.inf] * dropped]
        value, high = percentile(ordered, share), early_stopping_estimate(ordered, share)
        if value == math.inf:
            return missing(f"{dropped} of {queries} frames were dropped", how=told)
        return Value(
            value=value * NANOSECOND_S,
            high=None if high is None or high == math.inf else high * NANOSECOND_S,
            how=(
                f"empirical {name} of {told}; "
                "high is MLPerf's early-stopping estimate at 99 % confidence"
                f"{minimum_said(window)}"
            ),
        )

    return compute


def _latency(share: float) -> Metric:
    name = f"p{100 * share:g}"
    return Metric(
        info=_info(
            f"latency_{name}",
            f"latency {name}",
            unit="s/query",
            better="lower",
            about=f"{100 * share:g} % of the queries take at most this long.",
        ),
        compute=_percentile(share),
    )


def _missed_frames(context: Timed) -> Value:
    window, found = context.window, kept(context.window)
    if found is None or window.pace is None:
        return missing(
            f"{window.scenario} has no deadline of a frame; frames are missed in RealTime only"
        )
    return Value(
        value=found.missed,
        how=(
            f"{found.late} of {found.offered} queries were answered after the next was due "
            f"({window.pace.deadline_s:.4g} s), {found.dropped} could not begin before it and were "
            "dropped"
        ),
    )


def _energy_per_frame(context: Timed) -> Value:
    energy = context.window.energy
    if energy is None:
        return missing(context.window.energy_reason or "no meter")
    return _of_power(energy, f"gross; {energy.how}", frames_per_s=context.throughput)


def _net_energy_per_frame(context: Timed) -> Value:
    energy = context.window.energy
    if energy is None:
        return missing(context.window.energy_reason or "no meter")
    if energy.idle_power_w is None:
        return missing(energy.idle_power_reason or "idle power was not measured")
    return _of_power(
        energy,
        f"mean power less {energy.idle_power_w:.3g} W idle",
        frames_per_s=context.throughput,
        less_w=energy.idle_power_w,
        idle=(energy.idle_low_w, energy.idle_high_w),
    )


def _mean_power(context: Timed) -> Value:
    energy = context.window.energy
    if energy is None:
        return missing(context.window.energy_reason or "no meter")
    clocks = context.window.clocks
    said = "" if clocks is None else f"; {clocks_said(clocks)}"
    return _of_power(energy, f"{energy.how}{said}", frames_per_s=1.0)


def _of_power(
    energy: EnergyReading,
    detail: str,
    *,
    frames_per_s: float,
    less_w: float = 0.0,
    idle: tuple[float | None, float | None] = (None, None),
) -> Value:
    """(mean power - `less_w`) / `frames_per_s`, with the interval of the meter's granularity.

    Where `less_w` is the idle power, `idle` is what its own measurement leaves open.
    """

    def scaled(joules: float | None, less: float) -> float | None:
        return None if joules is None else (joules / energy.seconds - less) / frames_per_s

    least, most = (less_w if end is None else end for end in idle)
    if energy.low_j is None:
        why = "it is a model"
        if energy.source != MODELLED:
            why = "the meter's granularity is not known"
        interval = f"{NO_INTERVAL}{why}"
    else:
        interval = "; interval: the meter's granularity at both ends"
    if energy.low_j is not None and least < most:
        interval += f", and the idle power's, {least:.3g} to {most:.3g} W"
    return Value(
        value=(energy.mean_power_w - less_w) / frames_per_s,
        low=scaled(energy.low_j, most),
        high=scaled(energy.high_j, least),
        how=f"{energy.source}, boundary {energy.boundary}; {detail}{interval}",
    )


def clocks_said(clocks: Clocks) -> str:
    """Clock, temperature, cap and throttle reasons of a window as one line."""
    parts = []
    if clocks.sm_clock_hz is not None:
        parts.append(f"SM clock {quantity(clocks.sm_clock_hz, 'Hz')}")
    if clocks.temperature_c is not None:
        parts.append(f"{clocks.temperature_c:g} °C")
    if clocks.power_cap_w is not None:
        parts.append(f"cap {quantity(clocks.power_cap_w, 'W')}")
    parts += [f"{name} {share:.0%}" for name, share in clocks.reasons.items()]
    return ", ".join(parts)


def _max_power(context: Timed) -> Value:
    energy = context.window.energy
    if energy is None:
        return missing(context.window.energy_reason or "no meter")
    if energy.max_power_w is None:
        return missing(energy.max_power_reason or "the meter counts energy only")
    return Value(
        value=energy.max_power_w,
        how=(
            f"largest sample; {energy.source}, boundary {energy.boundary}"
            f"{NO_INTERVAL}between two samples it may have been more"
        ),
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


def _stage(rate: Rate | None, reason: str | None) -> Value:
    if rate is None:
        return missing(reason or "not measured")
    return Value(value=rate.value, how=rate.how)


def _end_to_end(context: Context) -> Value:
    found = context.measurement
    if context.window.scenario in _OFFERED:
        return missing(_AT_RATE.format(context.window.scenario))
    if found.preprocessing is None and found.fingerprint.data == "random":
        return missing(found.preprocessing_reason or "inputs are random")
    seconds = 1 / context.throughput
    stages = ["network"]
    for name, rate in (("before", found.preprocessing), ("after", found.postprocessing)):
        if rate is not None:
            seconds += rate.value
            stages.append(f"{name} it")
    return Value(
        value=1 / seconds, how=f"{', '.join(stages)}: one after another, no stage overlapping"
    )


def _lpirc_frames(context: Context) -> tuple[float, Rate] | Value:
    """Frames within the time limit, with the joules of each; or why there is no score."""
    energy = _energy_per_frame(context)
    if context.window.scenario in _OFFERED:
        return missing(_AT_RATE.format(context.window.scenario))
    if context.measurement.accuracy is None:
        return missing(context.measurement.accuracy_reason or "the accuracy was not measured")
    if energy.value is None:
        return missing(energy.reason or "no energy was measured", how=energy.how)
    return LPIRC_SECONDS * context.throughput, Rate(value=energy.value, how=energy.how)


def _lpirc_correct(context: Context) -> Value:
    found = _lpirc_frames(context)
    if isinstance(found, Value):
        return found
    frames, energy = found
    within = min(frames, LPIRC_ENERGY_J / energy.value)
    limit = "the time limit" if within == frames else "the energy budget"
    assert context.measurement.accuracy is not None
    return Value(
        value=context.measurement.accuracy.value * within,
        how=(
            f"accuracy x frames within {LPIRC_ENERGY_J:g} J and {LPIRC_SECONDS:g} s; {limit} "
            f"binds; {energy.how}"
        ),
    )


def _lpirc_score(context: Context) -> Value:
    found = _lpirc_frames(context)
    if isinstance(found, Value):
        return found
    frames, energy = found
    done = min(frames, LPIRC_IMAGES)
    assert context.measurement.accuracy is not None
    accuracy = context.measurement.accuracy.value * done / LPIRC_IMAGES
    return Value(
        value=accuracy / (done * energy.value),
        how=(
            f"accuracy over {LPIRC_IMAGES:g} frames, those not reached in {LPIRC_SECONDS:g} s "
            f"counted wrong, over the joules they took; {energy.how}"
        ),
    )


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
        compute=_missed_frames,
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
            "preprocess_time",
            "preprocessing",
            unit="s",
            better="lower",
            about="Time a frame from what lies on disk to what the network takes.",
            influenced_by=("software", "device", "data"),
        ),
        compute=lambda context: _stage(
            context.measurement.preprocessing, context.measurement.preprocessing_reason
        ),
    ),
    Metric(
        info=_info(
            "postprocess_time",
            "postprocessing",
            unit="s",
            better="lower",
            about="Time a frame from the network's outputs to the answer.",
            influenced_by=("network", "software", "device", "data"),
        ),
        compute=lambda context: _stage(
            context.measurement.postprocessing, context.measurement.postprocessing_reason
        ),
    ),
    Metric(
        info=_info(
            "end_to_end_throughput",
            "end-to-end throughput",
            unit="frame/s",
            better="higher",
            about="Frames a second with pre- and postprocessing, one stage after another.",
            influenced_by=_ALL,
        ),
        compute=_end_to_end,
    ),
    Metric(
        info=_info(
            "lpirc_correct",
            "LPIRC, correct in budget",
            unit="1",
            better="higher",
            about="Right answers within 3.6 kJ (1 Wh) and ten minutes, whichever ends first.",
            influenced_by=_ALL,
        ),
        compute=_lpirc_correct,
    ),
    Metric(
        info=_info(
            "lpirc_score",
            "LPIRC, accuracy per energy",
            unit="1/J",
            better="higher",
            about="Accuracy over 20,000 frames in ten minutes, divided by the energy they took.",
            influenced_by=_ALL,
        ),
        compute=_lpirc_score,
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

# what a raw window gives again without the rest of its measurement
FROM_WINDOW: Mapping[str, Callable[[Timed], Value]] = {
    "throughput": lambda timed: Value(value=timed.throughput, how="frames over seconds"),
    **{f"latency_p{100 * share:g}": _percentile(share) for share in (0.50, 0.90, 0.99)},
    "missed_frames": _missed_frames,
    "energy_per_frame": _energy_per_frame,
    "net_energy_per_frame": _net_energy_per_frame,
    "mean_power": _mean_power,
    "max_power": _max_power,
}
