"""Results for other programs: the results JSON of the public contract, CSV and Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from io import BytesIO
from typing import TYPE_CHECKING, Any

from benchsuite import columns, raw
from benchsuite.errors import BadInput
from benchsuite.masking import without_password
from benchsuite.metrics import METRICS
from benchsuite.store import Store
from benchsuite.store.packing import counts_id
from benchsuite.types import Count, Result, RunInfo

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "benchsuite/results/1"


def to_json(store: Store, runs: Sequence[RunInfo]) -> dict[str, Any]:
    """Runs with all their results, as `run --json` and `export --format json` give them."""
    results = [result for run in runs for result in store.results(run.id)]
    windows = _raw_of(store, results)
    return {
        "schema": SCHEMA,
        "environments": store.environments(sorted({result.environment for result in results})),
        "runs": [
            {
                "id": run.id,
                "started_at": run.started_at,
                "labels": dict(run.labels),
                "command": without_password(run.command),
                "seconds": run.seconds,
                "seconds_how": "wall clock of the whole run, its wait for the device included",
            }
            for run in runs
        ],
        "counts": _counts_of(results),
        "results": [
            result_json(result) | window for result, window in zip(results, windows, strict=True)
        ],
    }


def _raw_of(store: Store, results: Sequence[Result]) -> Iterator[dict[str, Any]]:
    """Each row's raw window, or why the file has none; a row of several processes has its own."""
    left = raw.MOST_IN_FILE
    for result in results:
        window, reason = store.window(result), None
        if window is None:
            reason = "not in the store it came from"
        elif len(window.durations_ns) > min(left, raw.MOST_DURATIONS):
            reason = (
                f"too long: {len(window.durations_ns)} durations; a window may have "
                f"{raw.MOST_DURATIONS}, all of a file {raw.MOST_IN_FILE}"
            )
        if window is None or reason is not None:
            yield {"raw": None, "raw_reason": reason}
            continue
        left -= len(window.durations_ns)
        yield {"raw": raw.to_json(window), "raw_reason": None}


def _counts_of(results: Sequence[Result]) -> dict[str, list[dict[str, Any]]]:
    """Every network's layers once, by the id that its rows name."""
    distinct: dict[tuple[Count, ...], None] = dict.fromkeys(
        result.counts for result in results if result.counts
    )
    return {counts_id(each): [asdict(count) for count in each] for each in distinct}


def result_json(result: Result) -> dict[str, Any]:
    """One result of the results JSON."""
    key = result.key
    return {
        "run": result.run,
        "environment": result.environment,
        "workload": key.workload,
        "domain": result.domain,
        "scale": key.scale,
        "dataset": key.dataset,
        "weights": result.weights,
        "backend": key.backend,
        "chosen": result.chosen,
        "precision": key.precision,
        "batch": key.batch,
        "device": result.device,
        "device_name": key.device_name,
        "device_count": key.device_count,
        "threads": key.threads,
        "scenario": result.scenario,
        "status": result.status,
        "reason": result.reason,
        "class": result.rank_class,
        "class_reason": result.class_reason,
        "frame": result.frame,
        "measure": result.measure,
        "target": result.target,
        "beside": dict(result.beside),
        "measured_at": result.measured_at,
        "warnings": [asdict(doubt) for doubt in result.doubts],
        "fingerprint": None if result.fingerprint is None else asdict(result.fingerprint),
        "metrics": {key: _metric_json(key, result) for key in METRICS},
        "counts": counts_id(result.counts) if result.counts else None,
        "layer_times": None if result.layer_times is None else asdict(result.layer_times),
        "processes": [
            {
                "measured_at": process.measured_at,
                "values": dict(process.values),
                "warnings": [asdict(doubt) for doubt in process.doubts],
            }
            for process in result.processes
        ],
    }


def to_csv(store: Store, runs: Sequence[RunInfo]) -> str:
    """One line a result, as `columns` has them; no text of it is a spreadsheet's formula."""
    rows = [
        {name: columns.as_text(cell) for name, cell in row.items()} for row in _rows(store, runs)
    ]
    return str(_frame(rows).to_csv(index=False))


def to_parquet(store: Store, runs: Sequence[RunInfo]) -> bytes:
    """The same table as Parquet, its columns typed.

    Raises:
        BadInput: pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise BadInput(
            "export --format parquet needs the package pyarrow, which is not installed: "
            "pip install pyarrow"
        ) from None
    file = BytesIO()
    _frame(_rows(store, runs)).to_parquet(file, engine="pyarrow", index=False)
    return file.getvalue()


def _rows(store: Store, runs: Sequence[RunInfo]) -> list[dict[str, Any]]:
    results = [result for run in runs for result in store.results(run.id)]
    return [columns.of(result, result_json(result)) for result in results]


def _frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)


def _metric_json(key: str, result: Result) -> dict[str, Any]:
    info = METRICS[key]
    value = result.metrics.get(key)
    return {
        "value": None if value is None else value.value,
        "low": None if value is None else value.low,
        "high": None if value is None else value.high,
        "unit": info.unit,
        "team": info.team,
        "better": info.better,
        "influenced_by": list(info.influenced_by),
        "how": "not stored" if value is None else value.how,
        "reason": "stored by a version without this metric" if value is None else value.reason,
    }
