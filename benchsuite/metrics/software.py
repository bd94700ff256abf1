"""The software team's metrics: how much of what the hardware could do is reached."""

from __future__ import annotations

from collections.abc import Callable

from benchsuite.metrics._context import Context, Metric, missing
from benchsuite.types import MetricInfo, Value


def _metric(
    key: str,
    title: str,
    *,
    unit: str,
    about: str,
    compute: Callable[[Context], Value],
    better: str = "higher",
    influenced_by: tuple[str, ...] = ("software",),
) -> Metric:
    info = MetricInfo(
        key=key,
        title=title,
        unit=unit,
        better=better,
        team="software",
        influenced_by=influenced_by,
        about=about,
    )
    return Metric(info=info, compute=compute)


_NO_WORK = "the network has no counted work (0 FLOP a frame)"


def _achieved(context: Context) -> Value:
    if not context.work:
        return missing(_NO_WORK)
    return Value(value=context.throughput * context.work, how="throughput x work")


def _fraction_of_peak(context: Context) -> Value:
    if not context.work:
        return missing(_NO_WORK)
    value = context.throughput * context.work / context.peak
    return Value(value=value, how="throughput x work / peak")


def _fraction_of_datasheet_peak(context: Context) -> Value:
    if not context.work:
        return missing(_NO_WORK)
    peak = context.datasheet_peak
    if peak is None:
        return missing(context.no_datasheet_peak())
    return Value(
        value=context.throughput * context.work / peak.value,
        how=f"throughput x work / datasheet peak ({peak.source})",
    )


def _fraction_of_roofline(context: Context) -> Value:
    if not context.roofline_s:
        return missing("the network has neither work nor traffic")
    return Value(
        value=context.roofline_s * context.throughput,
        how=(
            "sum over layers of max(FLOP/peak, bytes/bandwidth), over the measured time; above 1 "
            "where fusion or caches beat the layer-by-layer model"
        ),
    )


def _break_even(context: Context) -> Value:
    choice = context.measurement.choices.get(context.window.scenario)
    if choice is None:
        return missing("eager's time is measured beside the system by `--backend best` only")
    if choice.eager_query_s is None or choice.eager_ready_s is None:
        return missing("eager was not tried: " + choice.refused.get("eager", "it cannot run"))
    window = context.window
    gained_s = choice.eager_query_s - window.frames / window.queries / context.throughput
    paid_s = choice.ready_s - choice.eager_ready_s
    how = (
        f"{paid_s:.3g} s more to be made ready than eager, over {gained_s:.3g} s less a query; "
        f"in its first trial: {choice.ready_how}"
    )
    if paid_s <= 0:
        return Value(value=0.0, how=how)
    if gained_s <= 0:
        return missing("never: a query is not faster than in eager", how=how)
    return Value(value=paid_s / gained_s, how=how)


def _accuracy_change(context: Context) -> Value:
    measurement = context.measurement
    if measurement.accuracy is None:
        return missing(measurement.accuracy_reason or "accuracy was not measured")
    if measurement.reference is None:
        return missing(measurement.reference_reason or "the reference was not measured")
    return Value(
        value=measurement.accuracy.value - measurement.reference.value,
        how="accuracy less that of eager fp32 on the same weights and data",
    )


METRICS = (
    _metric(
        "achieved",
        "achieved",
        unit="FLOP/s",
        about="Counted work done a second.",
        influenced_by=("network", "software", "device"),
        compute=_achieved,
    ),
    _metric(
        "fraction_of_peak",
        "fraction of peak",
        unit="1",
        about="Achieved over the peak that any installed library reaches here.",
        influenced_by=("network", "software", "device"),
        compute=_fraction_of_peak,
    ),
    _metric(
        "fraction_of_datasheet_peak",
        "fraction of datasheet peak",
        unit="1",
        about="Achieved over the vendor's figure.",
        influenced_by=("network", "software", "device"),
        compute=_fraction_of_datasheet_peak,
    ),
    _metric(
        "fraction_of_roofline",
        "fraction of roofline",
        unit="1",
        about="What the layers' work and traffic allow here, over what was measured.",
        influenced_by=("software", "device"),
        compute=_fraction_of_roofline,
    ),
    _metric(
        "compile_time",
        "compile time",
        unit="s",
        better="lower",
        about="From the network to an executable that has run once.",
        influenced_by=("network", "software"),
        compute=lambda c: Value(value=c.measurement.compile_time_s, how=c.measurement.compile_how),
    ),
    _metric(
        "break_even_queries",
        "break-even",
        unit="1",
        better="lower",
        about="Queries until the time of preparing the backend is gained over eager.",
        influenced_by=("network", "software"),
        compute=_break_even,
    ),
    _metric(
        "accuracy_change",
        "change of accuracy",
        unit="1",
        about="Against the reference backend: what the software did to the answer.",
        compute=_accuracy_change,
    ),
)
