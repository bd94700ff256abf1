"""Tables for the terminal: they choose their columns by the width there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unicodedata import category

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from benchsuite import compare, formatting, units
from benchsuite.attribution import ENERGY, LINEAR, OWNERS, Missing, Split
from benchsuite.compare import OK, System
from benchsuite.metrics import METRICS
from benchsuite.types import UNRANKED, Result
from benchsuite.units import MISSING, percent, quantity, significant

if TYPE_CHECKING:
    from benchsuite.accounting.summary import WorkloadCount

GOALS = "meets_goals"
_FULL_WIDTH = 116
_LONGEST_NAME = 60
_LONGEST_REASON = 200
_MARKS = {"problem": ("✗", "red"), "note": ("·", "yellow"), "good": ("✓", "green")}
_SAID = {"ok": "green", "failed": "red", "skipped": "yellow"}


def results_table(results: Sequence[Result]) -> RenderableType:
    """One row a system, one table a class; below them why a system has no numbers."""
    return _Results(systems=compare.join(results))


def shares_table(split: Split | Missing, *, measure: str | None = None) -> RenderableType:
    """The shares of a change, whose they are, and the whole; or why there is no split.

    Args:
        split: The change.
        measure: Of an accuracy, which says whether its shares are percentage points.
    """
    if isinstance(split, Missing):
        return _text(f"No split: {split.reason}", style="red")
    table = _table("factor", "whose", right=("share",))
    scale = formatting.scale_of(split, measure)
    for share in split.shares:
        still = formatting.still(share.amount, scale=scale)
        ratio = formatting.amount_said(share.amount, scale=scale)
        table.add_row(
            _text(share.title), _text(OWNERS[share.owner]), ratio, style="dim" if still else ""
        )
    table.add_section()
    unit = " points" if scale == LINEAR else ""
    whole = formatting.amount_said(split.amount, scale=scale) + unit
    table.add_row(
        f"{METRICS[split.metric].title}{', modelled' if split.modelled else ''}",
        "",
        whole,
        style="bold",
    )
    return table


def count_table(counted: WorkloadCount) -> RenderableType:
    """A network's layers with what each must compute and move, per frame in fp32."""
    from benchsuite.accounting.summary import roofline_total  # much to import for the other tables

    roofed = counted.roof is not None
    columns = ["output", "parameters", "work", "unpadded", "traffic", "FLOP/B", "of work"]
    table = _table("layer", "kind", right=(*columns, *(("at best", "bound by") if roofed else ())))
    for layer in counted.layers:
        intensity = layer.arithmetic_intensity
        at_best = (quantity(layer.roofline_s, "s"), layer.bound_by or MISSING) if roofed else ()
        table.add_row(
            _text(layer.name),
            _text(layer.kind),
            "x".join(map(str, layer.output_shape)),
            _whole_number(layer.parameters),
            quantity(layer.work, "FLOP"),
            quantity(layer.work_without_padding, "FLOP"),
            quantity(layer.traffic, "B"),
            MISSING if intensity is None else significant(intensity),
            percent(layer.work / counted.work) if counted.work else MISSING,
            *at_best,
        )
    table.add_section()
    table.add_row(
        "total",
        units.counted(len(counted.layers), "layer"),
        "",
        _whole_number(counted.parameters),
        quantity(counted.work, "FLOP"),
        quantity(counted.work_without_padding, "FLOP"),
        quantity(counted.traffic, "B"),
        significant(counted.work / counted.traffic) if counted.traffic else MISSING,
        "",
        *((quantity(roofline_total(counted), "s"), "") if roofed else ()),
        style="bold",
    )
    frame = counted.frame
    head = _text(
        f"{counted.workload}, {counted.scale}, batch {counted.batch}: per {frame}, fp32",
        style="bold",
    )
    facts = _text(
        f"{quantity(counted.work / 2, 'MAC')} · unpadded: work without taps on padding · "
        f"weights {quantity(counted.model_size, 'B')} · "
        f"activations {quantity(counted.activations, 'B')}"
    )
    notes = [] if counted.roof is None else [_text(f"at best: {counted.roof.how}", style="dim")]
    if counted.uncounted:
        names = ", ".join(counted.uncounted)
        notes.append(_text(f"not counted: {names}", style="yellow"))
    return Group(head, table, facts, *notes)


def plain_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> RenderableType:
    """A list as a table; a missing cell is a dash.

    Args:
        title: Stands above; empty for none.
        columns: Their names.
        rows: One cell a column.
    """
    table = _table(*columns, named=True)
    for row in rows:
        table.add_row(*(_text(_cell(cell)) for cell in row))
    return Group(_text(title, style="bold"), table) if title else table


def finding(found: Mapping[str, Any]) -> RenderableType:
    """One thing that the doctor looked at, with its cost and what mends it."""
    mark, colour = _MARKS[found["state"]]
    longest = _LONGEST_REASON * 5
    good = found["state"] == "good"
    said = Table.grid(padding=(0, 1))
    said.add_row(
        Text(mark, style=colour),
        Text(_clean(found["what"], longest=longest), style="" if good else "bold"),
    )
    if good:
        return said
    more = Table.grid(padding=(0, 1))
    for name, key in (("costs", "cost"), ("mend", "mend"), ("seen", "how")):
        if found[key]:
            dim = "dim" if key == "how" else ""
            text = Text(_clean(found[key], longest=longest), style=dim)
            more.add_row(Text(f"  {name:5}", style="dim"), text)
    return Group(said, more)


def line(text: str, *, tone: str = "") -> RenderableType:
    """A line of text that cannot steer the terminal, in a colour."""
    return _text(text, style=tone)


def doubts(results: Sequence[Result]) -> RenderableType:
    """Each kind of doubt once: whom it concerns, and the first message in full."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for system in compare.join(results):
        for row in system.rows.values():
            for doubt in row.doubts:
                kinds.setdefault(doubt.code, []).append((system.label, doubt.message))
    lines = []
    for code, raised in kinds.items():
        names = list(dict.fromkeys(label for label, _ in raised))
        others = len({message for _, message in raised}) - 1
        more = f" ({others} more of this kind on the page)" if others else ""
        line = Text(f"doubt {_clean(code)} ", style="yellow")
        line.append(f"{_names(names)}: ", style="bold not yellow")
        line.append(_clean(raised[0][1], longest=5 * _LONGEST_REASON) + more, style="not yellow")
        lines.append(line)
    return Group(*lines)


def goals(results: Sequence[Result]) -> RenderableType:
    """What each system misses of the goals that the run was given; nothing where none were."""
    lines = []
    for system in compare.join(results):
        for scenario, row in system.rows.items():
            value = row.metrics.get(GOALS)
            if row.status != OK or value is None or not value.how.startswith("goals "):
                continue
            said = {1.0: ("meets ", "green"), 0.0: ("misses ", "red")}
            word, colour = said.get(value.value, ("open ", "yellow"))  # type: ignore[arg-type]
            line = Text(word, style=colour)
            line.append(_clean(f"{system.label}, {scenario}: "), style=f"bold not {colour}")
            text = value.reason or value.how.removeprefix("goals ")
            line.append(_clean(text, longest=_LONGEST_REASON), style=f"not {colour}")
            lines.append(line)
    return Group(*([Text("")] if lines else []), *lines)


# --- the table of systems -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Results:
    """Chooses its columns by the width there is."""

    systems: Sequence[System]

    def __rich_console__(self, out: Console, options: ConsoleOptions) -> RenderResult:
        groups: dict[str, list[System]] = {}
        order = {system.workload: place for place, system in reversed([*enumerate(self.systems)])}
        for system in sorted(self.systems, key=lambda system: order[system.workload]):
            name = system.row.rank_class if system.measured else "not measured"
            groups.setdefault(name, []).append(system)
        wide = options.max_width >= _FULL_WIDTH
        for place, (name, own) in enumerate(groups.items()):
            if len(groups) > 1:
                about = compare.CLASSES.get(name)
                yield Text(f"{chr(10) if place else ''}{name}{': ' + about if about else ''}")
            if name != "not measured":
                yield _wide(own) if wide else _narrow(own)
            yield from _without_numbers(own)


def _wide(systems: Sequence[System]) -> Table:
    table = _table(
        "workload",
        "backend",
        right=("accuracy", "throughput", "p50 / p90", "energy/frame", "of peak", "of roofline"),
    )
    for system in systems:
        table.add_row(
            _text(system.workload),
            _text(system.short),
            _accuracy(system),
            _figured(system, "throughput") + _spread(system),
            _latencies(system),
            _energy(system),
            _figured(system, "fraction_of_peak"),
            _figured(system, "fraction_of_roofline"),
        )
    return table


def _narrow(systems: Sequence[System]) -> Table:
    """For 80 columns: the workload on a line of its own, p50 alone, frames named beside it."""
    table = _table(
        "system", right=("accuracy", "frame/s", "p50", "J/frame", "peak", "roofline"), gap=1
    )
    workload = None
    for system in systems:
        if system.workload != workload:
            workload = system.workload
            table.add_row(_text(f"{workload} ({system.row.frame})", style="bold"))
        speed = system.number("throughput")
        table.add_row(
            _text(f"  {system.short}"),
            _accuracy(system),
            MISSING if speed is None else significant(speed) + _spread(system),
            _figured(system, "latency_p50").replace("/query", ""),
            _energy(system),
            _figured(system, "fraction_of_peak"),
            _figured(system, "fraction_of_roofline"),
        )
    return table


def _without_numbers(systems: Sequence[System]) -> Iterator[Text]:
    """A line for each row that failed or was skipped, and for what cannot be ranked."""
    for system in systems:
        for scenario, row in system.rows.items():
            if row.status != OK:
                line = Text(f"{row.status} ", style=_SAID.get(row.status, ""))
                line.append(_clean(f"{system.label}, {scenario}: "), style="bold not dim")
                line.append(_clean(row.reason or "no reason was recorded", longest=_LONGEST_REASON))
                yield line
        if system.measured and system.row.rank_class == UNRANKED:
            reason = compare.why_unranked(system.row) or ""
            line = Text("unranked ", style="yellow")
            line.append(_clean(f"{system.label}: "), style="bold not yellow")
            line.append(_clean(reason, longest=_LONGEST_REASON), style="not yellow")
            yield line


def _accuracy(system: System) -> Text:
    text = Text(_figured(system, "accuracy"), no_wrap=True)
    if system.target_met is not None:
        text.append(*((" ✓", "green") if system.target_met else (" ✗", "bold red")))
    return text


def _spread(system: System) -> str:
    """Throughput's interval over processes, as shares of it; else nothing."""
    row = system.source("throughput")
    found = row.metrics.get("throughput")
    if found is None or not found.value or found.low is None or found.high is None:
        return ""
    return f" {formatting.spread(found.value, low=found.low, high=found.high)}"


def _latencies(system: System) -> str:
    found = [_figured(system, key).replace("/query", "") for key in ("latency_p50", "latency_p90")]
    return MISSING if set(found) == {MISSING} else " / ".join(found)


def _energy(system: System) -> str:
    return ("≈ " if system.modelled else "") + _figured(system, ENERGY)


def _figured(system: System, metric: str) -> str:
    row = system.source(metric)
    return str(
        formatting.figure(
            system.number(metric), METRICS[metric], frame=_clean(row.frame), measure=row.measure
        )
    )


# --- small things ---------------------------------------------------------------------------------


def _table(*left: str, right: Sequence[str] = (), gap: int = 2, named: bool = False) -> Table:
    """An empty table; `named` keeps the first column, which names the row, whole."""
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
    for place, name in enumerate(left):
        table.add_column(name, overflow="fold", no_wrap=named and place == 0)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _text(text: str, *, style: str = "") -> Text:
    return Text(_clean(text, longest=5 * _LONGEST_REASON), style=style)


def _clean(text: str, *, longest: int = _LONGEST_NAME * 2) -> str:
    return plain(text if len(text) <= longest else f"{text[: longest - 1]}…")


def plain(text: str) -> str:
    """Text that cannot steer the terminal: control characters are shown, not obeyed."""
    return "".join(
        letter if letter == "\n" or category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else "�"
        for letter in text
    )


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(_clean(name) for name in names[:3]) + more


def _cell(value: object) -> str:
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or MISSING
    return str(value)


def _whole_number(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")
