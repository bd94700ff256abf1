"""The page of one run: what its template shows, worked out from the stored results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchsuite import compare
from benchsuite.attribution import OWNERS, SPLITTABLE, THROUGHPUT
from benchsuite.pages import Notes, Texts, render_page
from benchsuite.pages.everything import everything_of
from benchsuite.pages.moved import (
    SPLIT_TITLES,
    choices_of,
    default_pair,
    moved_between,
    split_data,
)
from benchsuite.pages.run import doubts, head, verdicts
from benchsuite.pages.run import systems as tables
from benchsuite.pages.run.environments import machines_of
from benchsuite.pages.run.folded import MOST_DRAWN, details
from benchsuite.pages.run.networks import Windows, networks
from benchsuite.pages.run.rooflines import rooflines
from benchsuite.types import Result, RunInfo
from benchsuite.units import quantity

TEMPLATE = "run.html.j2"
_LONG_FINDING = 130


def render(
    run: RunInfo,
    results: Sequence[Result],
    *,
    environments: Mapping[str, Mapping[str, Any]],
    root: Path,
    windows: Windows = lambda result: None,
) -> str:
    """One run as a self-contained HTML page.

    Args:
        run: The invocation.
        results: Its rows.
        environments: By the id that the rows carry.
        root: The content folder that holds `reports/`.
        windows: Gives a row's raw window where the store has it: latency and power need it.
    """
    systems = compare.join(results)
    measured = [system for system in systems if system.measured]
    notes = Notes()
    finding = compare.finding(results)
    default = default_pair(measured)
    raised = doubts.doubts(systems)
    doubted, unmeasured = doubts.count(raised), doubts.unmeasured(systems)
    missing = sum(len(each.rows) for each in unmeasured)
    shown = networks(measured, notes, windows=windows)
    everything = [everything_of(system) for system in systems]
    folded = len(systems) > MOST_DRAWN
    view = {
        "title": f"Run {run.id}",
        "run": run,
        "finding": finding,
        "long_finding": len(finding) > _LONG_FINDING,
        "meta": head.meta(run, results, environments),
        "lede": head.lede(systems, doubts=doubted, unmeasured=missing),
        "verdicts": verdicts.verdicts(measured, notes),
        "tables": tables.tables(measured, notes),
        "moved": moved_between(*default, metric=THROUGHPUT) if default else None,
        "choices": choices_of(systems),
        "splittable": [(metric, SPLIT_TITLES[metric]) for metric in SPLITTABLE],
        "owners": OWNERS,
        "rooflines": rooflines(measured, notes),
        "networks": shown,
        "everything": everything,
        "folded": folded,
        "doubts": raised,
        "doubts_count": doubted,
        "unmeasured": unmeasured,
        "unmeasured_count": missing,
        "environments": machines_of(results, environments),
        "bytes_said": lambda value: quantity(float(value), "B"),
    }
    texts = Texts()
    data = {
        "notes": notes.data(texts),
        **split_data(systems, texts),
        **(details(everything, shown, texts) if folded else {}),
        "texts": texts.listed(),
    }
    scripts = ("run.js", "charts.js", *(("details.js",) if folded else ()))
    return render_page(root, TEMPLATE, style="page.css", script=scripts, data=data, view=view)
