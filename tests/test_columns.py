"""A result as one line of a table says what its numbers rest on."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchsuite import columns, exchange
from benchsuite.metrics import METRICS
from benchsuite.store import Store, open_store
from benchsuite.types import Doubt, Result, Value
from tests import golden_store
from tests.fakes import environments, result, run_info


def lines(store: Store) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exchange.to_csv(store, store.runs()))))


def stored(path: Path, row: Result) -> Store:
    store = open_store(str(path))
    store.add_run(run_info(), plan=[])
    store.add(replace(row, run=run_info().id), environment=environments()["e1"])
    return store


def of(row: Result) -> dict[str, Any]:
    return columns.of(row, exchange.result_json(row))


def test_every_metric_has_its_usual_source() -> None:
    """A metric that is added must say whether it is measured, counted, probed, ..."""
    assert set(columns.SOURCES) == set(METRICS)


def test_the_line_says_what_the_json_says(tmp_path: Path) -> None:
    """Value, interval and how of every metric, and the warnings, are those of the JSON."""
    store = golden_store.fill(tmp_path / "g.db")
    made = exchange.to_json(store, store.runs())["results"]
    for line, row in zip(lines(store), made, strict=True):
        for key, metric in row["metrics"].items():
            for name in ("value", "low", "high"):
                cell = line[key if name == "value" else f"{key}_{name}"]
                assert (float(cell) if cell else None) == metric[name], (key, name)
            missing = metric["value"] is None
            assert line[f"{key}_how"] == (
                f"missing: {metric['reason']}" if missing else metric["how"]
            )
            assert bool(line[f"{key}_source"]) is not missing
        said = " | ".join(f"{warning['code']}: {warning['message']}" for warning in row["warnings"])
        assert line["warnings"] == said


def test_the_columns_that_were_there_stay_first(tmp_path: Path) -> None:
    """Scripts that take columns by their place find identity and metrics where they were."""
    (row, *_) = lines(golden_store.fill(tmp_path / "g.db"))
    names = list(row)
    first = names.index("accuracy")
    assert names[:first] == [
        "run", "environment", "workload", "domain", "scale", "dataset", "weights", "backend",
        "chosen", "precision", "batch", "device", "device_name", "device_count", "threads",
        "scenario", "status", "reason", "class", "class_reason", "frame", "measure", "target",
        "measured_at",
    ]  # fmt: skip
    assert names[first : first + len(METRICS)] == list(METRICS)


def energy(how: str) -> Result:
    row = result()
    values = dict(row.metrics)
    for key in ("energy_per_frame", "mean_power"):
        values[key] = Value(value=0.2, how=how, low=0.1, high=0.3)
    values["lpirc_score"] = Value(value=3.0, how=f"accuracy over joules; {how}")
    values["idle_power"] = Value(value=1.0, how="before the windows")
    return replace(row, metrics=values)


@pytest.mark.parametrize(
    ("how", "meter", "kind", "boundary"),
    [
        ("modelled, boundary package; gross; 9 W x 7 % busy", "modelled", "modelled", "package"),
        ("csv, boundary wall; gross; w.csv: 9 rows", "csv", "measured", "wall"),
        ("nvml counter + rapl, boundary board+host; x", "nvml counter + rapl", "measured",
         "board+host"),
        ("replayed nvml counter, boundary board; x", "replayed nvml counter", "replayed", "board"),
    ],
)  # fmt: skip
def test_joules_name_meter_and_boundary(how: str, meter: str, kind: str, boundary: str) -> None:
    """So that a table that is sorted by joules cannot mix modelled and measured ones unseen."""
    line = of(energy(how))
    assert (line["meter"], line["energy_kind"], line["energy_boundary"]) == (meter, kind, boundary)
    assert line["energy_per_frame_source"] == line["mean_power_source"] == kind
    assert line["idle_power_source"] == kind
    assert line["lpirc_score_source"] == ("derived" if kind == "measured" else kind)
    assert line["throughput_source"] == "measured"


def test_a_row_without_energy_names_no_meter() -> None:
    """Nothing is made up where there is no joule."""
    row = result()
    gone = Value(value=None, how="not measured", reason="no meter")
    values = {key: gone if METRICS[key].unit in ("J", "W") else row.metrics[key] for key in METRICS}
    line = of(replace(row, metrics=values))
    assert line["meter"] is line["energy_kind"] is line["energy_boundary"] is None
    assert line["mean_power"] is line["mean_power_source"] is None
    assert line["mean_power_how"] == "missing: no meter"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_text_is_a_formula(tmp_path: Path, start: str) -> None:
    """What another machine's file says cannot run in a spreadsheet; numbers stay numbers."""
    text = f"{start}cmd|' /C calc'!A0"
    row = result()
    values = {**row.metrics, "drift": Value(value=-0.5, how=text)}
    row = replace(
        row,
        key=replace(row.key, device_name=text),
        class_reason=text,
        doubts=(Doubt(code=text, message="x"),),
        metrics=values,
    )
    (line,) = lines(stored(tmp_path / "r.db", row))
    for name in ("device_name", "class_reason", "drift_how"):
        assert line[name] == f"'{text}".replace("\r", "\n"), name
    assert line["warnings"].startswith(f"'{start}cmd".replace("\r", "\n"))
    assert float(line["drift"]) == -0.5
