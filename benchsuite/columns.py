"""A result as one line of a table: identity, metrics, and what each number rests on.

The columns, in this order:

- what the results JSON says of a result beside its metrics (`run` ... `measured_at`);
- `METRIC`: every metric's value, empty where it is missing;
- `meter`, `energy_kind`, `energy_boundary`: where the joules and watts come from; `warnings`;
- `METRIC_low`, `METRIC_high`, `METRIC_source`, `METRIC_how`: its interval, a word of `SOURCES`, and
  how it was obtained, or `missing: ` and the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchsuite.metrics import METRICS
from benchsuite.origin import MEASURED, Origin, origin_in
from benchsuite.types import Result, Value

COUNTED = "counted"  # of the network, without running it
PROBED = "probed"  # of the device, beside or before the systems
STATED = "stated"  # by a data sheet, the driver or the operating system
DERIVED = "derived"  # from other metrics of the row
# Metrics of energy are `modelled` or `replayed` where their joules are.
SOURCES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "accuracy", "throughput", "latency_p50", "latency_p90", "latency_p99",
            "energy_per_frame", "net_energy_per_frame", "missed_frames", "mean_power", "max_power",
            "peak_memory", "time_to_accuracy", "energy_to_accuracy", "preprocess_time",
            "postprocess_time", "reference_accuracy", "compile_time", "idle_power",
        ),
        MEASURED,
    ),
    **dict.fromkeys(
        (
            "work", "work_without_padding", "macs", "training_work", "parameters", "model_size",
            "activations", "traffic", "traffic_input", "traffic_weights", "traffic_activations",
            "compulsory_traffic", "arithmetic_intensity",
        ),
        COUNTED,
    ),
    **dict.fromkeys(("device_peak", "drift", "bandwidth_drift", "peak", "bandwidth"), PROBED),
    **dict.fromkeys(("datasheet_peak", "power_envelope", "power_cap", "weights_fit_in"), STATED),
    **dict.fromkeys(
        (
            "end_to_end_throughput", "lpirc_correct", "lpirc_score", "meets_goals", "achieved",
            "fraction_of_peak", "fraction_of_datasheet_peak", "fraction_of_roofline",
            "break_even_queries", "accuracy_change", "configuration_gain", "fit", "peak_per_watt",
            "ridge_point",
        ),
        DERIVED,
    ),
}  # fmt: skip
_ENERGY = ("energy_per_frame", "mean_power", "energy_to_accuracy")
# what a line has no room for, or has in another form
_NESTED = ("warnings", "fingerprint", "beside", "metrics", "processes", "counts", "layer_times")
_MISSING = Value(value=None, how="", reason="stored by a version without this metric")
# by these a spreadsheet takes a cell for a formula (OWASP, CSV injection)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def of(result: Result, made: Mapping[str, Any]) -> dict[str, Any]:
    """The line of a result.

    Args:
        result: Whose line.
        made: The same of the results JSON.
    """
    values = {key: result.metrics.get(key, _MISSING) for key in METRICS}
    row = {name: cell for name, cell in made.items() if name not in _NESTED}
    row |= {key: value.value for key, value in values.items()}
    origin = _energy(values)
    row |= {
        "meter": None if origin is None else origin.source,
        "energy_kind": None if origin is None else origin.kind,
        "energy_boundary": None if origin is None else origin.boundary,
        "warnings": " | ".join(f"{doubt.code}: {doubt.message}" for doubt in result.doubts) or None,
    }
    for key, value in values.items():
        row |= {
            f"{key}_low": value.low,
            f"{key}_high": value.high,
            f"{key}_source": None if value.value is None else _source(key, value, origin),
            f"{key}_how": value.how if value.value is not None else f"missing: {value.reason}",
        }
    return row


def as_text(cell: Any) -> Any:
    """A cell as CSV takes it: a text that a spreadsheet takes for a formula gets an apostrophe.

    A lone carriage return, which pandas leaves unquoted, would begin another line.
    """
    if not isinstance(cell, str):
        return cell
    text = "\n".join(cell.splitlines()) if "\r" in cell else cell
    return f"'{text}" if cell.startswith(_FORMULA) else text


def _energy(values: Mapping[str, Value]) -> Origin | None:
    """Where the row's joules come from; None where it has none."""
    told = (origin_in(values[key].how) for key in _ENERGY if values[key].value is not None)
    return next((origin for origin in told if origin is not None), None)


def _source(key: str, value: Value, energy: Origin | None) -> str:
    origin = energy if key == "idle_power" else origin_in(value.how)
    usual = SOURCES[key]
    return usual if origin is None or origin.kind == MEASURED else origin.kind
