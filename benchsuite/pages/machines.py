"""The part of a comparison that sets devices side by side: ratios, dumbbells, projections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchsuite import charts, formatting, plots
from benchsuite.attribution import ENERGY, THROUGHPUT, Missing, Split
from benchsuite.charts import Waterfall
from benchsuite.compare import System
from benchsuite.exclusions import Excluded, together
from benchsuite.formatting import NO_BREAK, cut
from benchsuite.machines import ALIKE, BEST, Duel, Machine, Mean, Pair, Ratio, ratio
from benchsuite.metrics import METRICS
from benchsuite.pages import Notes
from benchsuite.pages.grids import Cell, Column, Grid, GridRow
from benchsuite.pages.numbers import figure_of, note_of, plain_of
from benchsuite.plots import Axis, Bell, Mark, Plot
from benchsuite.projection import PROJECTABLE, Projection
from benchsuite.spread import OF_ENERGY
from benchsuite.types import SystemKey
from benchsuite.units import MISSING, significant

KINDS: Mapping[str, tuple[str, str]] = {
    ALIKE: ("Like for like", "the same network, backend, precision and batch on both"),
    BEST: ("Each at its best", "the fastest system of each network that may be ranked on either"),
}
_FACTS = (ENERGY, THROUGHPUT, "latency_p99", "max_power", "fraction_of_roofline", "peak",
          "power_envelope", "peak_per_watt")  # fmt: skip
_SYSTEM = (THROUGHPUT, "latency_p50", "latency_p99", ENERGY, "max_power")
_HARDWARE = ("peak", "fraction_of_peak", "fraction_of_roofline", "power_envelope",
             "peak_per_watt")  # fmt: skip
_CHARTED = (ENERGY, THROUGHPUT)
OPENING = (ENERGY, THROUGHPUT)  # what the first sentence says
_NAMED = 3
_LISTED = 12  # rows that a note on a mean names


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A mean ratio as it is shown.

    Attributes:
        said: The ratio; None where no row can be compared.
        interval: Of the measurement, 95 %.
        note: The place of the note on what the ratio and its interval rest on.
        spread: From the smallest to the largest ratio of a row.
    """

    title: str
    said: str | None
    interval: str
    note: int
    spread: str
    rows: int
    modelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Means over the same pairs.

    Attributes:
        left_out: Which metrics lack which rows, and why.
        excluded: Why, and which systems, before any metric is looked at.
        how: On what the intervals rest.
    """

    title: str
    about: str
    facts: tuple[Fact, ...]
    left_out: tuple[tuple[str, str], ...]
    excluded: tuple[tuple[str, tuple[str, ...]], ...] = ()
    how: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What of a device's speed is its own peak and what is software reaching it.

    Attributes:
        notes: Places of the notes on the waterfall's lines, the whole's the last.
    """

    title: str
    said: str
    shares: tuple[tuple[str, str, str], ...]
    waterfall: Waterfall | None
    refused: str | None
    notes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A device against the baseline, ready to be drawn."""

    id: str
    names: tuple[str, str]
    facts: tuple[Facts, ...]
    gains: tuple[Gain, ...]


def standing(duel: Duel, place: str, notes: Notes) -> Standing:
    """One duel: its means like for like and at best, and who gained what."""
    return Standing(
        id=f"device-{place}",
        names=(duel.before.name, duel.after.name),
        facts=tuple(
            facts_of(
                [duel.mean(metric, kind=kind) for metric in _FACTS],
                notes,
                title=title,
                about=about,
                excluded=duel.excluded[kind],
            )
            for kind, (title, about) in KINDS.items()
            if duel.pairs[kind]
        ),
        gains=tuple(
            _gain(KINDS[kind][0], found, duel.pairs[kind], notes)
            for kind, found in duel.gains.items()
            if duel.pairs[kind]
        ),
    )


def facts_of(
    means: Sequence[Mean],
    notes: Notes,
    *,
    title: str = "",
    about: str = "",
    excluded: Sequence[Excluded] = (),
) -> Facts:
    """Means in words; what several of them leave out for one reason is said once."""
    left: dict[tuple[str, str], list[str]] = defaultdict(list)
    for mean in means:
        for reason, names in together(mean.left_out).items():
            left[f"{_rows(len(names))} ({_some(names)})", cut(reason)].append(
                METRICS[mean.metric].title
            )
    return Facts(
        title=title,
        about=about,
        facts=tuple(_fact(mean, title, notes) for mean in means),
        how=_how([mean for mean in means if mean.metric in OPENING]),
        left_out=tuple(
            (", ".join(titles), f"{rows}: {reason}") for (rows, reason), titles in left.items()
        ),
        excluded=excluded_said(excluded),
    )


def _how(means: Sequence[Mean]) -> str:
    """On what the intervals of throughput and energy rest; that of throughput where both have."""
    ratios = [mean.ratio for mean in means if mean.ratio is not None]
    return interval_how(ratios[-1]) if ratios else ""


def excluded_said(excluded: Sequence[Excluded]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Why systems have no partner, and which they are."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for each in excluded:
        reasons[cut(each.reason)].append(cut(str(each)))
    return tuple((reason, tuple(names)) for reason, names in reasons.items())


def foremost(duel: Duel) -> str | None:
    """The kind of pairs that a comparison opens with; None where no network is on both."""
    return next((kind for kind in KINDS if duel.pairs[kind]), None)


def how_first(duel: Duel) -> str:
    """On what the intervals of the opening sentence rest."""
    kind = foremost(duel)
    return "" if kind is None else _how([duel.mean(metric, kind=kind) for metric in OPENING])


def excluded_first(duel: Duel) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What the opening sentence does not rest on: without a partner, or not to be compared."""
    kind = foremost(duel)
    if kind is None:
        return excluded_said(duel.excluded[ALIKE])
    reasons: dict[str, tuple[str, ...]] = dict(excluded_said(duel.excluded[kind]))
    left = [(metric, together(duel.mean(metric, kind=kind).left_out)) for metric in OPENING]
    for metric, own in left:
        for reason, names in own.items():
            everywhere = all(reason in other for _, other in left)
            of = "" if everywhere else f" (of {METRICS[metric].title} alone)"
            reasons[cut(reason) + of] = tuple(map(cut, names))
    return tuple(reasons.items())


def _fact(mean: Mean, title: str, notes: Notes) -> Fact:
    found = mean.ratio
    info = METRICS[mean.metric]
    said, interval = (None, "") if found is None else ratio_said(found)
    return Fact(
        title=info.title,
        said=said,
        interval=interval,
        note=notes.add(
            f"{info.title}{f' · {title}' if title else ''}", f"{info.about}\n{_mean_how(mean)}"
        ),
        spread=_spread(mean),
        rows=mean.rows,
        modelled=mean.modelled,
    )


def _mean_how(mean: Mean) -> str:
    """What a mean rests on; or why there is none."""
    if mean.ratio is None:
        left = together(mean.left_out).items()
        return "; ".join(f"{_rows(len(names))}: {cut(reason)}" for reason, names in left) or (
            "No row can be compared."
        )
    of = "The ratio of one row." if mean.rows == 1 else (
        f"Geometric mean of the ratios of {mean.rows} rows{_with_comma(_spread(mean))}."
    )  # fmt: skip
    return f"{of}\n{interval_how(mean.ratio)}"


def interval_how(found: Ratio) -> str:
    """On what the interval of a ratio rests, or that it has none."""
    exact = found.low == found.high
    return found.how if exact else f"95 % interval: {found.how}"


def _with_comma(text: str) -> str:
    return f", {text}" if text else ""


def _rows(n: int) -> str:
    return f"{n} row{'' if n == 1 else 's'}"


def ratio_said(found: Ratio) -> tuple[str, str]:
    """A ratio and the ends of its interval, with as many digits; no ends where it has no width."""
    if formatting.times(found.low) == formatting.times(found.high):
        return formatting.times(found.value), ""
    value, low, high = formatting.ratios_said(found.value, found.low, found.high)
    return value, f"{low} to {high}"


def finding(duel: Duel) -> str:
    """The sentence that opens a comparison of devices: energy first, then speed."""
    before, after = cut(duel.before.name), cut(duel.after.name)
    kind = foremost(duel)
    if kind is None:
        return f"{after} and {before} share no network."
    means = [duel.mean(metric, kind=kind) for metric in OPENING]
    rows = max(mean.rows for mean in means)
    parts = []
    for mean in means:
        if mean.ratio is None:
            continue
        title = METRICS[mean.metric].title
        value, wide = ratio_said(mean.ratio)
        said = f"{'modelled ' if mean.modelled else ''}{title} {value}"
        fewer = f" on {mean.rows} of them" if mean.rows < rows else ""
        parts.append((f"{said} ({wide})" if wide else said) + fewer)
    what = _rows(rows)
    how = KINDS[kind][0].lower()
    if not parts:
        return f"{after} against {before}, {how}: no row has numbers that can be compared."
    return f"{after} against {before}, {how} over {what}: {', '.join(parts)}."


def _spread(mean: Mean) -> str:
    if mean.rows < 2 or mean.least is None or mean.most is None:
        return ""
    ends = formatting.ratios_said(mean.least, mean.most)
    return "" if ends[0] == ends[1] else f"from {ends[0]} to {ends[1]}"


def _some(names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(cut(name) for name in names))
    more = f" and {len(distinct) - _NAMED} more" if len(distinct) > _NAMED else ""
    return ", ".join(distinct[:_NAMED]) + more


def _gain(title: str, found: Split | Missing, pairs: Sequence[Pair], notes: Notes) -> Gain:
    if isinstance(found, Missing):
        return Gain(title=title, said="", shares=(), waterfall=None, refused=found.reason)
    return Gain(
        title=title,
        said=formatting.change_said("Throughput", found),
        shares=formatting.parts_said(found),
        waterfall=charts.waterfall(found),
        refused=None,
        notes=tuple(
            notes.add(f"{name} · {title}", _share_how(key, pairs))
            for key, name in (
                *((share.key, share.title) for share in found.shares),
                (THROUGHPUT, "the whole"),
            )
        ),
    )


def _share_how(key: str, pairs: Sequence[Pair]) -> str:
    """How a line of a mean waterfall came about: each row's two figures."""
    lines = [
        f"{cut(pair.name)}: {plain_of(pair.before, key)} to {plain_of(pair.after, key)}"
        for pair in pairs[:_LISTED]
        if key in METRICS
    ]
    more = f"\nand {len(pairs) - _LISTED} more" if len(pairs) > _LISTED else ""
    return (
        "Geometric mean over the rows that can be split of what the factor's ratio does to "
        "throughput; the shares multiply to the whole.\n" + "\n".join(lines) + more
    )


# --- tables ---------------------------------------------------------------------------------------


def grids(duels: Sequence[Duel], notes: Notes, *, suffix: str = "") -> list[Grid]:
    """System metrics and hardware metrics, network by network and device by device."""
    return [
        _grid(
            duels,
            ("accuracy", *_SYSTEM),
            notes,
            id=f"devices-system{suffix}",
            title="What a user feels",
        ),
        _grid(
            duels,
            _HARDWARE,
            notes,
            id=f"devices-hardware{suffix}",
            title="What the hardware allows",
        ),
    ]


def _grid(
    duels: Sequence[Duel], metrics: Sequence[str], notes: Notes, *, id: str, title: str
) -> Grid:
    columns = [
        Column(key="workload", title="network", numeric=False),
        Column(key="device", title="device", numeric=False, wide=True),
        Column(key="kind", title="compared", numeric=False),
        *(
            Column(
                key=metric,
                title=METRICS[metric].title,
                falling=METRICS[metric].better == "higher",
                about=METRICS[metric].about,
            )
            for metric in metrics
        ),
    ]
    rows: dict[tuple[str, str, str], tuple[tuple[object, ...], GridRow]] = {}
    for duel in duels:
        for place, (kind, (name, _)) in enumerate(KINDS.items()):
            for pair in duel.pairs[kind]:
                for system, base in ((pair.before, None), (pair.after, pair.before)):
                    key = system.key
                    mark = (kind, key.device_name, system.label)
                    if mark in rows and base is None:
                        continue
                    row = GridRow(
                        cells=(
                            Cell(text=key.workload, sub=_data(key)),
                            Cell(text=key.device_name, sub="" if base else "baseline"),
                            Cell(
                                text=name,
                                sub=f"{key.backend} {key.precision}, batch {key.batch}",
                            ),
                            *(_cell(system, base, metric, notes) for metric in metrics),
                        )
                    )
                    # devices stand below each other, at their best whatever ran there
                    own = (key.backend, key.precision, key.batch) if kind == ALIKE else ()
                    rows[mark] = (key.workload, key.scale, key.dataset or "", place, own), row
    ordered = sorted(rows.values(), key=lambda pair: pair[0])  # as they came where these agree
    return Grid(id=id, title=title, columns=tuple(columns), rows=[row for _, row in ordered])


def _data(key: SystemKey) -> str:
    return f"{key.scale} · {key.dataset or 'no data'}"


def accuracy_change(before: System, after: System) -> str:
    """From one accuracy to another, in points where it is a share; empty where one is missing."""
    values = before.number("accuracy"), after.number("accuracy")
    if values[0] is None or values[1] is None:
        return ""
    row = after.source("accuracy")
    return str(figure_of(values[1] - values[0], "accuracy_change", row)).replace(" ", NO_BREAK)


def _cell(system: System, base: System | None, metric: str, notes: Notes) -> Cell:
    sub = how = ""
    if base is not None and metric == "accuracy":
        sub = accuracy_change(base, system)
    elif base is not None:
        found = ratio(base, system, metric)
        if isinstance(found, str):
            sub = "" if system.number(metric) is None else cut(found)
        else:
            said, wide = ratio_said(found)
            sub = said + (f" ({wide})" if wide else "")
            how = f"Its ratio: {interval_how(found)}"
    return Cell(
        text=plain_of(system, metric).removesuffix("/query"),
        sort=system.number(metric),
        sub=sub,
        soft=metric in OF_ENERGY and system.modelled and system.number(metric) is not None,
        note=note_of(system, metric, notes, beside=how),
    )


def disclosed(machines: Sequence[Machine]) -> list[tuple[str, list[str]]]:
    """Name to what each device says of it: power cap, cooling, boundary and the like."""
    titles = list(dict.fromkeys(title for each in machines for title, _ in each.disclosed))
    return [
        (title, [dict(each.disclosed).get(title, "not told") for each in machines])
        for title in titles
    ]


# --- charts ---------------------------------------------------------------------------------------


def charts_of(
    duels: Sequence[Duel], projections: Sequence[Projection], *, suffix: str = ""
) -> list[Plot]:
    """One dumbbell chart a metric: like for like and each at its best, projections hollow."""
    found = []
    for metric in _CHARTED:
        bells, table = [], []
        for duel in duels:
            several = len(duels) > 1
            for bell, rows in _bells(duel, metric, several=several):
                bells.append(bell)
                table += rows
        unmeasured = (p.device.name for p in projections if p.measured is None)
        names = [cut(each) for each in dict.fromkeys(unmeasured)]
        for bell, rows in _projected(projections, names, metric):
            bells.append(bell)
            table += rows
        if not bells:
            continue
        info = METRICS[metric]
        base = cut(duels[0].before.name) if duels else cut(projections[0].of.key.device_name)
        title = f"{info.title} over {base}’s"
        kinds = [name for name, _ in KINDS.values()]
        last = max(mark.group for bell in bells for mark in bell.marks)
        kinds += [f"{name}, projected" for name in names[: last - 1]]
        drawn = {mark.group for bell in bells for mark in bell.marks}
        found.append(
            Plot(
                id=f"ratio-{metric.replace('_', '-')}{suffix}",
                title=title,
                about=f"{info.better} is better{_drawn_said(bells)}",
                svg=plots.dumbbells(
                    bells,
                    x=Axis(title="ratio", said=_ratio_said, log=True),
                    label=f"{title}: {len(bells)} lines",
                ),
                groups=tuple(name if at in drawn else "" for at, name in enumerate(kinds)),
                hollow=frozenset(
                    name
                    for at, name in enumerate(kinds)
                    if at in drawn
                    and all(m.hollow for bell in bells for m in bell.marks if m.group == at)
                ),
                heads=("network", "device", "compared", "ratio", "95 % interval"),
                table=tuple(table),
            )
        )
    return found


def _drawn_said(bells: Sequence[Bell]) -> str:
    """What stands beside the dots of a chart: only what it has."""
    marks = [mark for bell in bells for mark in bell.marks]
    said = ""
    if any(mark.low != mark.high for mark in marks):
        said += "; the bar through a dot is its 95 % interval"
    if not all(bell.joined for bell in bells):
        said += "; a hollow dot is projected, and no interval is known"
    if any(mark.hollow for bell in bells if bell.joined for mark in bell.marks):
        said += "; hollow where modelled"
    return said


def _ratio_said(value: float) -> str:
    sign = formatting.TIMES if value >= 1 else formatting.DIVIDED
    return sign + significant(max(value, 1 / value), 2)


_Rows = list[tuple[str, ...]]


def _bells(duel: Duel, metric: str, *, several: bool) -> list[tuple[Bell, _Rows]]:
    """A line a network: the baseline's best configuration on both, and each one's own best."""
    places = dict.fromkeys(
        (pair.workload, pair.before.key.scale, pair.before.key.dataset)
        for kind in KINDS
        for pair in duel.pairs[kind]
    )
    found = []
    for place in places:
        marks: list[Mark] = []
        rows: _Rows = []
        best = _of(duel.pairs[BEST], place)
        own = best[0].before if best else None
        alike = sorted(
            _of(duel.pairs[ALIKE], place),
            key=lambda pair: (pair.before is not own, -(pair.before.number(THROUGHPUT) or 0.0)),
        )
        for group, (kind, pairs) in enumerate(((ALIKE, alike), (BEST, best))):
            if not pairs:
                continue
            pair = pairs[0]
            made = ratio(pair.before, pair.after, metric)
            if isinstance(made, str):
                continue
            hollow = metric in OF_ENERGY and pair.after.modelled
            name = KINDS[kind][0]
            shown, wide = ratio_said(made)
            said = f"{name} ({_software(pair)}): {shown}"
            marks.append(
                Mark(at=made.value, low=made.low, high=made.high, label=said, group=group,
                     hollow=hollow, radius=4.0 if group else 6.5)
            )  # fmt: skip
            rows.append(
                (cut(pair.workload), duel.after.name, f"{name} ({_software(pair)})",
                 shown, wide)
            )  # fmt: skip
        if marks:
            label = cut(place[0]) + (f" on {cut(duel.after.name)}" if several else "")
            found.append((Bell(label=label, marks=tuple(marks)), rows))
    return found


def _of(pairs: Sequence[Pair], place: tuple[str, str, str | None]) -> list[Pair]:
    return [
        pair
        for pair in pairs
        if (pair.workload, pair.before.key.scale, pair.before.key.dataset) == place
    ]


def _software(pair: Pair) -> str:
    names = [f"{s.key.backend} {s.key.precision}" for s in (pair.before, pair.after)]
    return cut(names[0] if names[0] == names[1] else f"{names[0]} to {names[1]}")


def _projected(
    projections: Sequence[Projection], names: Sequence[str], metric: str
) -> list[tuple[Bell, _Rows]]:
    """Projected devices over the measured system whose network it is; no interval is known."""
    lines: dict[tuple[str, str], tuple[list[Mark], _Rows]] = {}
    for projection in projections:
        value, base = projection.values[metric].value, projection.of.number(metric)
        modelled = metric in OF_ENERGY and projection.of.modelled
        if not value or not base or projection.measured is not None or modelled:
            continue
        key, who = projection.of.key, cut(projection.device.name)
        said = formatting.times(value / base)
        marks, rows = lines.setdefault((cut(key.workload), key.precision), ([], []))
        group = 2 + names.index(who)
        marks.append(
            Mark(at=value / base, label=f"{who}, projected: {said}", group=group, hollow=True)
        )
        rows.append((cut(key.workload), who, "projected", said, "none is known"))
    return [
        (
            Bell(label=f"{workload} {precision}, projected", marks=tuple(marks), joined=False),
            rows,
        )
        for (workload, precision), (marks, rows) in lines.items()
    ]


# --- projections ----------------------------------------------------------------------------------


def projected(projections: Sequence[Projection], notes: Notes) -> Grid:
    """What the roofline projects, beside what was measured on such a device where it was."""
    columns = (
        Column(key="workload", title="network", numeric=False),
        Column(key="device", title="device model", numeric=False, wide=True),
        *(
            Column(key=metric, title=f"{METRICS[metric].title}, projected")
            for metric in PROJECTABLE
        ),
        Column(key="bound", title="bound by bytes", about="Share of the projected time."),
        Column(
            key="error",
            title="projected / measured",
            about="Of throughput; a dash where nobody measured such a device.",
        ),
    )
    return Grid(
        id="projected",
        title="Projected",
        columns=columns,
        rows=[_projection_row(each, notes) for each in projections],
    )


def _projection_row(projection: Projection, notes: Notes) -> GridRow:
    system, key = projection.of, projection.of.key
    error = projection.error(THROUGHPUT)
    measured = projection.measured
    reasons = [v.reason for v in projection.values.values() if v.reason]
    cells = []
    for metric in PROJECTABLE:
        value = projection.values[metric]
        text = str(figure_of(value.value, metric, system.source(metric))).removesuffix("/query")
        sub = cut(value.reason or "") if value.value is None else ""
        title = f"{METRICS[metric].title}, projected on {cut(projection.device.name)}"
        cells.append(
            Cell(
                text=text,
                sort=value.value,
                sub=sub,
                soft=value.value is not None,
                note=notes.add(title, value.reason or value.how),
            )
        )
    if len(set(reasons)) == 1 and len(reasons) == len(PROJECTABLE):  # said once
        cells[1:] = [replace(each, sub="") for each in cells[1:]]
    share = projection.bandwidth_bound
    if error is None:
        last = Cell(text=MISSING, sub="" if measured is None else "not comparable")
    else:
        last = Cell(
            text=formatting.times(error), sort=error, sub=cut(measured.short) if measured else ""
        )
    return GridRow(
        cells=(
            Cell(
                text=key.workload,
                sub=f"{key.scale}, {key.precision}, batch{NO_BREAK}{key.batch}",
            ),
            Cell(text=projection.device.name, sub=projection.part),
            *cells,
            Cell(text=MISSING if share is None else _whole_percent(share), sort=share),
            last,
        )
    )


def _whole_percent(share: float) -> str:
    """A share of a model's time: a decimal would be more than a roofline knows."""
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"
