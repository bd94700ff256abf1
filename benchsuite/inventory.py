"""What is usable here, and why the rest is not: the rows of `benchsuite list`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchsuite import catalog, hw
from benchsuite.errors import BadInput, MissingPackage, NotMeasurable
from benchsuite.masking import without_password
from benchsuite.store import Store
from benchsuite.types import REFERENCE, TensorSpec

Row = dict[str, Any]


def listing(what: str, *, content: Sequence[Path] = ()) -> list[Row]:
    """Rows of one kind of thing; each has `name`, `usable`, and `why` where it is not.

    Args:
        what: `workloads`, `suites`, `backends`, `devices`, `meters`, `metrics`, `datasets`
            or `goals`.
        content: The user's content folders.
    """
    roots = catalog.content_roots(content)
    makers: dict[str, Callable[[Sequence[Path]], list[Row]]] = {
        "workloads": _workloads,
        "suites": _suites,
        "backends": _backends,
        "devices": _devices,
        "meters": _meters,
        "metrics": _metrics,
        "datasets": _datasets,
        "goals": _goals,
    }
    return makers[what](roots)


def workloads_at(scale: str, *, content: Sequence[Path] = ()) -> list[Row]:
    """The workloads that have a scale, with what they are there.

    `target` is that of each data set, `also` the sets that are taken without one when the user
    gives them.
    """
    from benchsuite import datasets

    found = catalog.load_catalog(catalog.content_roots(content))
    rows = []
    for name, entry in sorted(found.entries.items()):
        if scale not in entry.workload.scales:
            continue
        definition = entry.scale(scale)
        inputs = [" + ".join(map(_input, s.inputs)) for s in definition.signatures]
        targets = [f"{d}: {q.measure} {q.target:g}" for d, q in definition.qualities.items()]
        also = datasets.alike(name, definition.qualities) if scale == REFERENCE else []
        row = _row(
            name,
            paper=entry.workload.paper,
            frame=entry.workload.frame,
            input=inputs,
            target=targets,
            also=also,
        )
        rows.append(row)
    return rows


def _input(spec: TensorSpec) -> str:
    sides = "x".join(map(str, spec.shape)) or "1"
    return f"{sides} below {spec.high}" if spec.high else sides


def runs(store: Store) -> list[Row]:
    """Stored runs, the newest first."""
    rows = []
    for run in store.runs():
        results = store.results(run.id)
        rows.append(
            {
                "name": run.id,
                "started_at": run.started_at,
                "labels": ", ".join(f"{k}={v}" for k, v in run.labels.items()),
                "results": sum(result.status == "ok" for result in results),
                "failed": sum(result.status == "failed" for result in results),
                "command": without_password(run.command),
            }
        )
    return rows


def _row(name: str, why: str | None = None, **facts: Any) -> Row:
    return {"name": name, "usable": why is None, **facts, "why": why}


def _workloads(roots: Sequence[Path]) -> list[Row]:
    found = catalog.load_catalog(roots)
    rows = [
        _row(
            entry.name,
            title=entry.workload.title,
            scales=list(entry.workload.scales),
            frame=entry.workload.frame,
            datasets=sorted({d for s in entry.workload.scales.values() for d in s.qualities}),
        )
        for entry in found.entries.values()
    ]
    rows += [_row(name, why=why) for name, why in found.broken.items()]
    return sorted(rows, key=lambda row: str(row["name"]))


def _suites(roots: Sequence[Path]) -> list[Row]:
    from benchsuite.plan import load_suite

    rows = []
    for name, path in catalog.named_files(roots, "suites").items():
        try:
            suite = load_suite(path)
            patterns = [w for group in suite.groups for w in group.workloads]
            rows.append(_row(name, title=suite.title, workloads=patterns))
        except BadInput as error:
            rows.append(_row(name, why=str(error)))
    return rows


def _backends(roots: Sequence[Path]) -> list[Row]:
    from benchsuite import backends, devices

    kind = devices.default_device().kind
    rows = []
    for name in backends.names():
        try:
            rows.append(_row(name, why=backends.backend(name).missing(kind, "fp32"), device=kind))
        except BadInput as error:
            rows.append(_row(name, why=str(error)))
    return rows


def _devices(roots: Sequence[Path]) -> list[Row]:
    from benchsuite import devices

    rows = []
    for kind in devices.kinds():
        try:
            for info in devices.device(kind).discover():
                model = hw.describe(info, roots=roots)
                rows.append(
                    _row(
                        info.label,
                        title=info.name,
                        units=info.units,
                        memory_b=info.memory_b,
                        model=None if model is None else f"hw/{model.key}.toml",
                    )
                )
        except (NotMeasurable, BadInput) as error:
            rows.append(_row(kind, why=str(error)))
    return rows


def _meters(roots: Sequence[Path]) -> list[Row]:
    from benchsuite import devices, meters

    device = devices.default_device()
    subject = meters.subject(device, threads=device.units, roots=roots)
    rows = []
    for name in meters.names():
        try:
            found = meters.meter(name)
        except BadInput as error:
            rows.append(_row(name, why=str(error)))
            continue
        why = None
        try:
            found.check(subject)
        except (NotMeasurable, BadInput) as error:
            why = str(error)
        rows.append(
            _row(
                name,
                why=why,
                boundary=found.boundary,
                measures=found.measures,
                window_s=found.window_s,
                needs=found.needs,
            )
        )
    return rows


def _metrics(roots: Sequence[Path]) -> list[Row]:
    from benchsuite.metrics import METRICS

    return [
        _row(
            info.key,
            team=info.team,
            unit=info.unit,
            better=info.better,
            influenced_by=list(info.influenced_by),
            about=info.about,
        )
        for info in METRICS.values()
    ]


def _datasets(roots: Sequence[Path]) -> list[Row]:
    from benchsuite import datasets

    rows = []
    for name in datasets.names():
        try:
            description = datasets.describe(name)
            why = datasets.why_unusable(name)
            rows.append(_row(name, why=why, title=description.title, source=description.source))
        except (BadInput, MissingPackage) as error:
            rows.append(_row(name, why=str(error)))
    return rows


def _goals(roots: Sequence[Path]) -> list[Row]:
    from benchsuite.goals import load_goals
    from benchsuite.metrics import METRICS

    rows = []
    for name, path in catalog.named_files(roots, "goals").items():
        try:
            goals = load_goals(path, keys=METRICS)
            rows.append(_row(name, title=goals.title, workload=goals.workload))
        except BadInput as error:
            rows.append(_row(name, why=str(error)))
    return rows
