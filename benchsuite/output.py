"""What the commands print for people: tables from `terminal`, sentences around them."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite import formatting, terminal
from benchsuite.attribution import Missing
from benchsuite.compare import finding
from benchsuite.metrics import METRICS
from benchsuite.units import counted, duration, percent, quantity

if TYPE_CHECKING:
    from benchsuite.accounting.summary import WorkloadCount
    from benchsuite.difference import Comparison
    from benchsuite.gate import Judgement
    from benchsuite.importing import Imported
    from benchsuite.machines import Duel
    from benchsuite.projection import Projection
    from benchsuite.shifts import History
    from benchsuite.types import Result

_PIPE_WIDTH = 400
_TONES = {"improved": "green", "worse": "red"}


def print_run(results: Sequence[Result]) -> None:
    """The sentence, the table of systems and the doubts of a run."""
    _print("", finding(results), "", terminal.results_table(results),
           terminal.goals(results), terminal.doubts(results))  # fmt: skip


def print_path(what: str, path: Path) -> None:
    """Where something was written."""
    _print(f"{what}: {path.resolve()}")


def print_training(record: Mapping[str, Any], output: Path) -> None:
    """How a training ended."""
    score, target = record["score"], record["target"]
    reached = record["seconds_to_accuracy"]
    verdict = (
        f"target {target:g} reached after {duration(reached)}, epoch {record['epochs_to_accuracy']}"
        if reached is not None
        else f"target {target:g} was not reached"
    )
    energy, disturbed = record["energy_to_accuracy_j"], record["contended"]
    beside = ", ".join(f"{name} {percent(value)}" for name, value in score["beside"].items())
    _print(
        f"{record['workload']} on {record['dataset']}: {record['measure']} {score['value']:.4f}"
        + (f" ({beside})" if beside else ""),
        f"{verdict}; {record['epochs']} epochs in {duration(record['seconds'])} "
        f"on {counted(record['threads'], 'thread')} ({record['pinned']})",
        *([f"contended: {disturbed}. End other programs and train again"] if disturbed else []),
        f"energy to accuracy: {quantity(energy, 'J')} ({record['energy_how']})",
        f"weights: {output.resolve()}",
    )


def print_count(counted: WorkloadCount) -> None:
    """A network's layers and totals, per frame."""
    _print(terminal.count_table(counted), "")


def print_probe(report: Mapping[str, Any]) -> None:
    """What a probe of the device found."""
    units = {"bandwidth": "B/s", "idle_power": "W", "power_envelope": "W"}
    rows = [
        (f"peak {precision}", quantity(found["value"], "FLOP/s"), _how(found))
        for precision, found in report["peaks"].items()
    ]
    rows += [
        (name.replace("_", " "), quantity(report[name]["value"], unit), _how(report[name]))
        for name, unit in units.items()
    ]
    rows += [
        (
            f"{level['level']} ({quantity(level['size_b'], 'B')})",
            quantity(level["value"], "B/s"),
            _how(level),
        )
        for level in report["caches"]
    ]
    title = f"{report['device']} · {report['device_name']} · model {report['model'] or 'none'}"
    _print(terminal.plain_table(title, ("", "value", "how"), rows))


def print_device_models(rows: Sequence[Mapping[str, Any]], broken: Mapping[str, str]) -> None:
    """All device models in one table."""

    def figure(model: Mapping[str, Any], *path: str, unit: str) -> str:
        value: Any = model
        for key in path:
            value = (value or {}).get(key)
        return quantity(value["value"] if value else None, unit)

    table = [
        (
            row["name"],
            row["title"],
            str(row["year"]),
            figure(row, "peaks", "fp32", unit="FLOP/s"),
            figure(row, "peaks", "fp16", unit="FLOP/s"),
            figure(row, "bandwidth", unit="B/s"),
            figure(row, "power_envelope", unit="W"),
        )
        for row in sorted(rows, key=lambda row: (row["kind"], row["year"], row["name"]))
    ]
    columns = ("name", "device", "year", "fp32", "fp16", "bandwidth", "envelope")
    _print(
        terminal.plain_table("Device models (datasheet figures)", columns, table),
        *(f"broken: {message}" for message in broken.values()),
    )


def print_device_model(model: Mapping[str, Any]) -> None:
    """One device model with the source of every number."""
    rows: list[tuple[str, ...]] = []
    for precision, peak in model["peaks"].items():
        rows.append((f"peak {precision}", quantity(peak["value"], "FLOP/s"), peak["source"]))
    units = {"bandwidth": "B/s", "memory": "B", "power_envelope": "W", "cores": "1",
             "clock": "Hz", "boost_clock": "Hz"}  # fmt: skip
    for name, unit in units.items():
        if model[name]:
            value = model[name]
            rows.append((name.replace("_", " "), quantity(value["value"], unit), value["source"]))
    for cache in model["caches"]:
        rows.append((cache["name"], quantity(cache["size_b"], "B"), cache["source"]))
    if model["price"]:
        price = model["price"]
        said = f"{price['value']:g} {price['currency']} ({price['year']})"
        rows.append(("price", said, price["source"]))
    title = f"{model['title']} · {model['vendor']} {model['year']}"
    _print(terminal.plain_table(title, ("", "value", "source"), rows), model["note"] or None)


def print_listing(what: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """The rows of `list`."""
    if not rows:
        _print(f"no {what}")
        return
    columns = [key for key in rows[0] if key not in ("why", "usable")]
    for row in rows:
        columns += [key for key in row if key not in (*columns, "why", "usable")]
    troubled = any(row.get("why") for row in rows)
    table = [
        (
            *(_cell(row.get(key)) for key in columns),
            *((row.get("why") or "",) if troubled else ()),
        )
        for row in rows
    ]
    heads = (*columns, *(("not usable because",) if troubled else ()))
    _print(terminal.plain_table(what.capitalize(), heads, table))


def print_comparisons(
    comparisons: Sequence[Comparison],
    duels: Sequence[Duel] = (),
    projections: Sequence[Projection] = (),
) -> None:
    """Each pair's changes with the teams' shares; devices over the baseline; what is projected."""
    _print_changes(comparisons)
    for duel in duels:
        _print_duel(duel)
    if projections:
        heads = ("network", "device model", "projected", "latency p50", "energy per frame",
                 "projected / measured")  # fmt: skip
        rows = [_projected(each) for each in projections]
        _print("", terminal.plain_table("Projected (never measured, never ranked)", heads, rows))
        reasons = dict.fromkeys(v.reason for p in projections for v in p.values.values())
        _print(*(f"not projected: {reason}" for reason in reasons if reason))


def _print_duel(duel: Duel) -> None:
    from benchsuite.exclusions import together
    from benchsuite.machines import ALIKE, BEST

    for kind, said in ((ALIKE, "like for like"), (BEST, "each at its best")):
        rows, left = [], dict[str, None]()
        for mean in duel.means[kind]:
            found = mean.ratio
            ratio = (formatting.MINUS, "")
            if found is not None:
                said_as, *ends = formatting.ratios_said(found.value, found.low, found.high)
                ratio = (said_as, " to ".join(ends))
            modelled = ("", "modelled")[mean.modelled]
            rows.append((METRICS[mean.metric].title, *ratio, str(mean.rows), modelled))
            for reason, names in together(mean.left_out).items():
                left[f"{METRICS[mean.metric].title} left out of {len(names)}: {reason}"] = None
        apart = defaultdict(list)
        for each in duel.excluded[kind]:
            apart[each.reason].append(str(each))
        if not duel.pairs[kind]:
            continue
        title = f"{duel.after.name} over {duel.before.name}, {said}"
        _print("", terminal.plain_table(title, ("", "ratio", "95 % interval", "rows", ""), rows))
        if (speed := duel.mean("throughput", kind=kind).ratio) is not None:
            _print(f"95 % interval of throughput: {speed.how}")
        _print(*(f"excluded, {reason}: {', '.join(names)}" for reason, names in apart.items()))
        _print(*left)
        gain = duel.gains[kind]
        if not isinstance(gain, Missing):
            _print(terminal.shares_table(gain))


def _projected(each: Projection) -> tuple[str, ...]:
    from benchsuite.projection import LATENCY

    key, values = each.of.key, each.values
    error, joules = each.error("throughput"), values["energy_per_frame"].value
    return (
        f"{key.workload} {key.scale} {key.precision}",
        each.device.name,
        quantity(values["throughput"].value, "frame/s").replace("frame", each.of.row.frame),
        quantity(values[LATENCY].value, "s"),
        ("≈ " if joules is not None else "") + quantity(joules, "J"),
        "" if error is None else formatting.times(error),
    )


def _print_changes(comparisons: Sequence[Comparison]) -> None:
    for comparison in comparisons:
        for change in comparison.changes:
            _print("", f"{change.before.label}  →  {change.after.label}")
            for metric, found in change.splits.items():
                if isinstance(found, Missing):
                    _print(f"  {metric}: no split: {found.reason}")
                else:
                    measure = change.after.source(metric).measure
                    _print(terminal.shares_table(found, measure=measure))
            _print(change.cause.text)
        for side, labels in (
            (comparison.before, comparison.only_before),
            (comparison.after, comparison.only_after),
        ):
            if labels:
                _print(f"only in {side.name}: {', '.join(labels)}")
        if not comparison.changes:
            _print(f"{comparison.before.name} and {comparison.after.name} share no system")


def print_judgement(judgement: Judgement) -> None:
    """A verdict: its sentence, the figures, what needs a look, every row."""
    from benchsuite import verdicts

    _print(verdicts.sentence(judgement), "", *verdicts.facts(judgement))
    for title, lines in verdicts.details(judgement):
        _print("", f"{title}:", *(f"  {line}" for line in lines))
    if judgement.lines:
        _print("", terminal.plain_table("", verdicts.HEADS, verdicts.table(judgement)))


def print_history(found: History, page: Path) -> None:
    """What changed in a store over time, the newest first, and where the page is."""
    from benchsuite import chronicle

    _print(terminal.line(chronicle.sentence(found)), "")
    lines = chronicle.report(found)
    if lines:
        _print(*(terminal.line(text, tone=_TONES.get(said, "")) for text, said in lines), "")
    print_path("page", page)


def print_imported(imported: Imported) -> None:
    """What an import brought, and what it left out."""
    if not imported.runs and not imported.skipped and not imported.resumed:
        _print("nothing was imported: there is no run in what was given")
        return
    results = (
        f"with {counted(imported.results, 'result')}" if imported.results else "without results"
    )
    _print(f"imported: {counted(imported.runs, 'run')} {results}")
    if imported.resumed:
        _print(f"stored before, with new results now: {', '.join(imported.resumed)}")
    if imported.skipped:
        _print(f"left out, since runs of these ids are stored: {', '.join(imported.skipped)}")


def print_findings(findings: Sequence[Mapping[str, Any]]) -> None:
    """What the doctor found: problems first, each with its cost and what mends it."""
    problems, notes, good = (
        [found for found in findings if found["state"] == state]
        for state in ("problem", "note", "good")
    )
    told = [counted(len(problems), "problem")] if problems else ["Fit to measure on"]
    told += [counted(len(notes), "note")] if notes else []
    _print(", ".join(told))
    for found in (*problems, *notes):
        _print("", terminal.finding(found))
    _print("", *(terminal.finding(found) for found in good))
    if good:
        _print("", "How each was seen: benchsuite doctor --json -")


def _how(found: Mapping[str, Any]) -> str:
    return str(found.get("reason") or found["how"])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def _print(*parts: Any) -> None:
    """Prints text and tables; wide and plain where the output is no terminal."""
    from rich.console import Console

    class Plain(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # the command line ends quietly

    terminal_out = sys.stdout.isatty()
    width = None if terminal_out or "COLUMNS" in os.environ else _PIPE_WIDTH
    console = Plain(width=width, highlight=False, soft_wrap=False)
    for part in parts:
        if part is None:
            continue
        if isinstance(part, str):
            console.print(terminal.plain(part), markup=False, soft_wrap=True)
        else:
            console.print(part)
