"""The hardware team's metrics: how fast the device could be, and on how many watts."""

from __future__ import annotations

from collections.abc import Callable

from benchsuite.metrics._context import Context, Metric, missing
from benchsuite.types import MetricInfo, Value
from benchsuite.units import quantity


def _metric(
    key: str,
    title: str,
    *,
    unit: str,
    about: str,
    compute: Callable[[Context], Value],
    better: str = "higher",
    influenced_by: tuple[str, ...] = ("device",),
) -> Metric:
    info = MetricInfo(
        key=key,
        title=title,
        unit=unit,
        better=better,
        team="hardware",
        influenced_by=influenced_by,
        about=about,
    )
    return Metric(info=info, compute=compute)


def _configuration(context: Context) -> str:
    probe = context.measurement.probe
    threads = "1 thread" if probe.threads == 1 else f"{probe.threads} threads"
    return f"{probe.precision}, {threads}" if probe.threads else probe.precision


def _datasheet_peak(context: Context) -> Value:
    figure = context.datasheet_peak
    if figure is None:
        return missing(context.no_datasheet_peak())
    return Value(value=figure.value, how=figure.source)


def _bandwidth_drift(context: Context) -> Value:
    runs = context.measurement.calibrations
    if not runs:
        return missing("no calibration was run beside the system")
    mean = sum(run.bandwidth for run in runs) / len(runs)
    return Value(
        value=mean / context.measurement.probe.calibration_bandwidth,
        how=f"mean of {len(runs)} calibrations of main memory / the same when it was pinned",
    )


def _fit(context: Context) -> Value:
    if not context.work:
        return missing("the network has no counted work (0 FLOP a frame)")
    return Value(
        value=(context.work / context.peak) / context.roofline_s,
        how="(work / peak) / roofline time: the share of peak that the layers' shapes allow here",
    )


def _power_envelope(context: Context) -> Value:
    rate = context.power_envelope
    if rate is None:
        return missing("neither the driver nor a hw/*.toml tells this device's power envelope")
    return Value(value=rate.value, how=rate.how)


def _power_cap(context: Context) -> Value:
    cap = context.measurement.power_cap
    if cap is None:
        return missing("this device's driver tells no power cap")
    return Value(value=cap.value, how=cap.how)


def _idle_power(context: Context) -> Value:
    idle = context.measurement.idle_power
    if idle is None:
        return missing(context.measurement.idle_power_reason or "no meter measured it")
    return Value(value=idle.value, low=idle.low, high=idle.high, how=idle.how)


def _peak_per_watt(context: Context) -> Value:
    rate = context.power_envelope
    if rate is None:
        return missing("neither the driver nor a hw/*.toml tells this device's power envelope")
    return Value(
        value=context.peak / rate.value, how=f"measured peak / power envelope ({rate.how})"
    )


def _weights_fit_in(context: Context) -> Value:
    size_b = context.measurement.counts[0].parameters * context.element_b
    device = context.measurement.device
    for level in device.facts.get("caches", ()):
        if size_b <= level["bytes"]:
            return Value(
                value=float(level["bytes"]),
                how=f"{level['level']} ({quantity(level['bytes'], 'B')}), as the system tells",
            )
    if size_b <= device.memory_b:
        return Value(value=float(device.memory_b), how="main memory, as the system tells")
    return missing("the weights do not fit in the device's memory")


METRICS = (
    _metric(
        "device_peak",
        "device peak",
        unit="FLOP/s",
        about="fp32 on the whole device, measured once in this environment and pinned.",
        compute=lambda c: Value(
            value=c.measurement.device_peak.value, how=c.measurement.device_peak.how
        ),
    ),
    _metric(
        "configuration_gain",
        "configuration gain",
        unit="1",
        about="Peak at this precision and thread count over the device peak.",
        influenced_by=("device", "software"),
        compute=lambda c: Value(
            value=c.measurement.probe.peak.value / c.measurement.device_peak.value,
            how=f"peak probed at {_configuration(c)} / device peak",
        ),
    ),
    _metric(
        "drift",
        "drift",
        unit="1",
        better="none",
        about="Today's calibration beside the system over the pinned value: nobody's share.",
        compute=lambda c: Value(
            value=c.drift,
            how=(
                f"mean of {len(c.measurement.calibrations)} calibrations of the winning "
                "kernel beside the windows / the same when it was pinned"
            ),
        ),
    ),
    _metric(
        "bandwidth_drift",
        "bandwidth drift",
        unit="1",
        better="none",
        about="The same of main memory's bandwidth: caches and memory drift apart from compute.",
        compute=_bandwidth_drift,
    ),
    _metric(
        "peak",
        "peak",
        unit="FLOP/s",
        about="device peak x configuration gain x drift: what can be reached here and now.",
        compute=lambda c: Value(
            value=c.peak,
            how=f"device peak x configuration gain x drift; {c.measurement.probe.peak.how}",
        ),
    ),
    _metric(
        "datasheet_peak",
        "datasheet peak",
        unit="FLOP/s",
        about="The vendor's figure at this precision, dense.",
        compute=_datasheet_peak,
    ),
    _metric(
        "bandwidth",
        "memory bandwidth",
        unit="B/s",
        about="Of main memory, measured once and pinned.",
        compute=lambda c: Value(
            value=c.measurement.probe.bandwidth.value, how=c.measurement.probe.bandwidth.how
        ),
    ),
    _metric(
        "fit",
        "fit",
        unit="1",
        about="The network on this device: the share of peak its layers' shapes allow.",
        influenced_by=("network", "device"),
        compute=_fit,
    ),
    _metric(
        "power_envelope",
        "power envelope",
        unit="W",
        better="lower",
        about="The most the device is allowed or made to draw; of a processor without a meter, of "
        "the cores that the threads use.",
        compute=_power_envelope,
    ),
    _metric(
        "power_cap",
        "power cap",
        unit="W",
        better="none",
        about="The limit in force.",
        compute=_power_cap,
    ),
    _metric(
        "idle_power",
        "idle power",
        unit="W",
        better="lower",
        about="Drawn with nothing to do.",
        compute=_idle_power,
    ),
    _metric(
        "peak_per_watt",
        "peak per watt",
        unit="FLOP/J",
        about="Measured peak over the power envelope; both of the cores that the threads use, "
        "unless a meter or driver speaks for the whole device.",
        compute=_peak_per_watt,
    ),
    _metric(
        "ridge_point",
        "ridge point",
        unit="FLOP/B",
        better="none",
        about="Arithmetic intensity above which the device is bound by computation.",
        compute=lambda c: Value(
            value=c.peak / c.measurement.probe.bandwidth.value, how="peak / bandwidth"
        ),
    ),
    _metric(
        "weights_fit_in",
        "weights fit in",
        unit="B",
        better="none",
        about="The size of the smallest memory level that holds the weights.",
        influenced_by=("network", "device", "software"),
        compute=_weights_fit_in,
    ),
)
