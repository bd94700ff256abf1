"""The same store as each team sees it: its own numbers, and what it could gain."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchsuite import formatting, plots
from benchsuite.attribution import ENERGY, THROUGHPUT
from benchsuite.compare import System
from benchsuite.formatting import cut
from benchsuite.machines import device_of
from benchsuite.metrics import METRICS
from benchsuite.pages.grids import Cell, Column, Grid, GridRow
from benchsuite.pages.leaderboard import fronts, site, words
from benchsuite.pages.leaderboard.site import Page
from benchsuite.pages.numbers import plain_of
from benchsuite.pages.system_charts import rooflines
from benchsuite.plots import Axis, Bell, Mark, Plot
from benchsuite.ranking import Entry
from benchsuite.types import LayerTime, LayerTimes, SystemKey
from benchsuite.units import MISSING, quantity

TEMPLATE = "team.html.j2"
LINKS = (
    ("CNN team", "team/cnn.html"),
    ("Software team", "team/software.html"),
    ("Hardware team", "team/hardware.html"),
)
_UP = "../system/"
_MOST_LAYERS = 100
_MOST_LINES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table of a team's page."""

    title: str
    about: str
    grid: Grid


def pages(board: Sequence[tuple[Entry, System]], *, root: Path) -> Iterator[Page]:
    """The three teams' pages with their JSON; none for an empty store.

    Args:
        board: Every entry with the system as it is stored in full.
        root: The content folder that holds `reports/`.
    """
    full = [replace(entry, system=system) for entry, system in board if system.measured]
    if not full:
        return
    yield from _page("cnn", "CNN team", _cnn_finding(full), _cnn_plots(full), _cnn(full), root)
    yield from _page(
        "software", "Software team", _software_finding(full), _software_plots(full),
        _software(full), root,
    )  # fmt: skip
    yield from _page(
        "hardware", "Hardware team", _hardware_finding(full), _hardware_plots(full),
        _hardware(full), root,
    )  # fmt: skip


def _page(
    name: str, title: str, finding: str, shown: Sequence[Plot], sheets: Sequence[Sheet], root: Path
) -> Iterator[Page]:
    sheets = [sheet for sheet in sheets if sheet.grid.rows]
    filters = []
    for key, said in (("device", "Device"), ("backend", "Backend"), ("precision", "Precision")):
        values = {
            cell.text
            for sheet in sheets
            for row in sheet.grid.rows
            for column, cell in zip(sheet.grid.columns, row.cells, strict=True)
            if column.filter == key
        }
        if len(values) > 1:
            filters.append((key, said, sorted(values)))
    view = {
        "title": title,
        "finding": finding,
        "plots": shown,
        "sheets": sheets,
        "filters": filters,
        "teams": [(said, place.removeprefix("team/")) for said, place in LINKS],
    }
    grids = [sheet.grid for sheet in sheets]
    yield site.page(f"team/{name}.html", TEMPLATE, view, grids, root=root)
    tables = {grid.id: site.grid_json(grid) for grid in grids}
    yield site.json_page(f"team/{name}.json", {"team": name, "tables": tables})


# --- the CNN team ---------------------------------------------------------------------------------

_CNN = ("work", "parameters", "model_size", "activations", "traffic", "arithmetic_intensity")


def _cnn_finding(board: Sequence[Entry]) -> str:
    networks = {entry.system.workload for entry in board}
    said = words.count(len(networks), "network")
    front = fronts.front(board, "work")
    if front is None:
        return f"{said}; no accuracy was measured."
    best, all_of = len(front.undominated), len(front.networks)
    which = f"all {all_of}" if best == all_of else f"{best} of the {all_of}"
    verb = "is" if best == 1 else "are"
    return f"{said}; {which} that share a data set {verb} undominated in accuracy against work."


def _cnn_plots(board: Sequence[Entry]) -> list[Plot]:
    found = [fronts.front(board, metric) for metric in ("work", "model_size", "traffic")]
    return [fronts.plot(each, place=_UP) for each in found if each and len(each.entries) > 1]


def _cnn(board: Sequence[Entry]) -> list[Sheet]:
    columns = (
        Column(key="workload", title="network", numeric=False),
        Column(key="accuracy", title="accuracy", falling=True, about=METRICS["accuracy"].about),
        *(_column(metric) for metric in _CNN),
        Column(key="device", title="on device", numeric=False, filter="device", wide=True),
        Column(key="fit", title="fit", falling=True, about=METRICS["fit"].about),
        Column(
            key="gain",
            title="could gain",
            falling=True,
            about="Throughput if every layer were bound by compute alone: 1 / fit.",
        ),
    )
    rows = []
    for entry in _one_each(board, lambda key: (key.workload, key.scale, key.device_name)):
        system = entry.system
        fit = system.number("fit")
        rows.append(
            GridRow(
                cells=(
                    _network(system),
                    Cell(
                        text=plain_of(system, "accuracy"),
                        sort=system.number("accuracy"),
                        sub=words.target(system),
                    ),
                    *(_cell(system, metric) for metric in _CNN),
                    Cell(text=device_of(system.key), sub=_software_said(system)),
                    _cell(system, "fit"),
                    Cell(
                        text=formatting.times(1 / fit) if fit else MISSING,
                        sort=1 / fit if fit else None,
                    ),
                ),
                link=f"{_UP}{entry.id}.html",
            )
        )
    about = (
        "What must be computed and moved, and how well its shapes suit each device: under the "
        "roofline a layer that moves more than it computes waits for memory. Could gain: the "
        "speed-up if no layer did. Each network by its fastest system on the device."
    )
    grid = Grid(id="networks", title="Networks", columns=columns, rows=rows)
    return [Sheet(title="Networks", about=about, grid=grid)]


# --- the software team ----------------------------------------------------------------------------

_SOFTWARE = ("fraction_of_roofline", "fraction_of_peak", THROUGHPUT, "compile_time",
             "accuracy_change")  # fmt: skip


def _software_finding(board: Sequence[Entry]) -> str:
    known = [(e.system.number("fraction_of_roofline") or 0.0, e.system) for e in _sound(board)]
    known = [pair for pair in known if pair[0] > 0]
    if not known:
        return "No fraction of the roofline is known."
    (low, worst), (high, best) = (pick(known, key=lambda pair: pair[0]) for pick in (min, max))
    return (
        f"{words.count(len(known), 'system')} reach {formatting.share(low)} "
        f"({cut(worst.label)}) to {formatting.share(high)} ({cut(best.label)}) of the roofline."
    )


def _software_plots(board: Sequence[Entry]) -> list[Plot]:
    """Fraction of the roofline by backend and precision, of the device with most systems."""
    known = [e for e in _sound(board) if (e.system.number("fraction_of_roofline") or 0) > 0]
    if not known:
        return []
    devices = [device_of(entry.system.key) for entry in known]
    device = max(dict.fromkeys(devices), key=devices.count)
    own = [entry for entry in known if device_of(entry.system.key) == device]
    names = list(dict.fromkeys(words.software(entry.system) for entry in own))
    lines: dict[tuple[str, str], list[Entry]] = {}
    for entry in own:
        key = entry.system.key
        lines.setdefault((key.workload, key.scale), []).append(entry)
    shown = list(lines.items())[:_MOST_LINES]
    return [
        _dots(
            shown,
            names,
            "fraction_of_roofline",
            group=lambda entry: words.software(entry.system),
            title="fraction of roofline",
            about=f"on {cut(device)}; 100 % is what its peak and bandwidth allow layer by layer"
            + _left_out(len(lines)),
            said=formatting.share,
            origin=1.0,
        )
    ]


def _software(board: Sequence[Entry]) -> list[Sheet]:
    columns = (
        Column(key="workload", title="network", numeric=False),
        Column(key="backend", title="backend", numeric=False, filter="backend"),
        Column(key="precision", title="precision", numeric=False, filter="precision"),
        Column(key="device", title="device", numeric=False, filter="device", wide=True),
        *(_column(metric) for metric in _SOFTWARE),
        Column(
            key="gain",
            title="could gain",
            falling=True,
            about="Throughput at the roofline: 1 / fraction of roofline.",
        ),
    )
    rows = []
    for entry in board:
        system, key = entry.system, entry.system.key
        fraction = system.number("fraction_of_roofline")
        rows.append(
            GridRow(
                cells=(
                    _network(system),
                    Cell(text=key.backend, sub=words.configuration(key)),
                    Cell(text=key.precision),
                    Cell(text=device_of(key), sub=_not_ranked(entry)),
                    *(_cell(system, metric) for metric in _SOFTWARE),
                    Cell(
                        text=formatting.times(1 / fraction) if fraction else MISSING,
                        sort=1 / fraction if fraction else None,
                    ),
                ),
                link=f"{_UP}{entry.id}.html",
            )
        )
    systems = Grid(id="systems", title="Systems", columns=columns, rows=rows)
    return [
        Sheet(
            title="Systems",
            about="How much of what the hardware allows each backend reaches.",
            grid=systems,
        ),
        Sheet(
            title="Layers",
            about="The work list: layers with the most time above their roofline, of one query.",
            grid=_layers(board),
        ),
    ]


def _layers(board: Sequence[Entry]) -> Grid:
    found: list[tuple[Entry, LayerTimes, LayerTime]] = []
    for entry in board:
        row = next((r for r in entry.system.rows.values() if r.layer_times is not None), None)
        if row is None or row.layer_times is None:
            continue
        found += [(entry, row.layer_times, each) for each in row.layer_times.layers]
    found.sort(key=lambda each: -_recoverable(each[1], each[2]))
    return Grid(
        id="layers",
        title="Layers",
        columns=(
            Column(key="layer", title="layer", numeric=False),
            Column(key="workload", title="network", numeric=False),
            Column(key="backend", title="backend", numeric=False, filter="backend"),
            Column(key="precision", title="precision", numeric=False, filter="precision"),
            Column(key="device", title="device", numeric=False, filter="device", wide=True),
            Column(key="seconds", title="time", falling=True),
            Column(key="roofline", title="roofline", falling=True),
            Column(key="fraction", title="fraction of roofline"),
            Column(key="share", title="of the query’s time above it", falling=True),
        ),
        rows=[
            GridRow(
                cells=(
                    Cell(text=each.name),
                    _network(entry.system),
                    Cell(
                        text=entry.system.key.backend,
                        sub=words.configuration(replace(entry.system.key, batch=times.batch)),
                    ),
                    Cell(text=entry.system.key.precision),
                    Cell(text=device_of(entry.system.key)),
                    Cell(text=quantity(each.seconds, "s"), sort=each.seconds),
                    Cell(text=quantity(each.roofline_s, "s"), sort=each.roofline_s),
                    Cell(
                        text=formatting.share(each.fraction_of_roofline),
                        sort=each.fraction_of_roofline,
                    ),
                    Cell(
                        text=formatting.share(_recoverable(times, each)),
                        sort=_recoverable(times, each),
                    ),
                ),
                link=f"{_UP}{entry.id}.html",
            )
            for entry, times, each in found[:_MOST_LAYERS]
        ],
    )


def _recoverable(times: LayerTimes, layer: LayerTime) -> float:
    """A layer's time above its roofline as a share of its query's time."""
    whole = sum(each.seconds for each in times.layers) + times.elsewhere_s
    return layer.recoverable_s / whole if whole else 0.0


# --- the hardware team ----------------------------------------------------------------------------

_HARDWARE = ("device_peak", "peak", "datasheet_peak", "bandwidth", "ridge_point",
             "power_envelope", "power_cap", "peak_per_watt")  # fmt: skip


def _hardware_finding(board: Sequence[Entry]) -> str:
    devices = {device_of(entry.system.key) for entry in board}
    said = words.count(len(devices), "device")
    found = [(_per_flop(e.system), e.system) for e in board if not e.system.modelled]
    known = [(value, system) for value, system in found if value is not None]
    if not known:
        return f"{said}; no energy was measured with a meter."
    least, system = min(known, key=lambda pair: pair[0])
    return (
        f"{said}; the least energy is {_flop_said(least)}, on {cut(device_of(system.key))} "
        f"({cut(system.workload)}, {words.software(system)})."
    )


def _hardware_plots(board: Sequence[Entry]) -> list[Plot]:
    systems = [entry.system for entry in board]
    found = rooflines(_best_a_setting(systems), runs=False)
    known = [e for e in board if _per_flop(e.system) is not None]
    known = _one_each(
        known, lambda key: (key.workload, key.scale, key.device_name, key.device_count)
    )
    if not known:
        return found
    names = list(dict.fromkeys(device_of(entry.system.key) for entry in known))
    lines: dict[tuple[str, str], list[Entry]] = {}
    for entry in known:
        lines.setdefault((entry.system.workload, entry.system.key.scale), []).append(entry)
    return [
        _dots(
            list(lines.items())[:_MOST_LINES],
            names,
            ENERGY,
            group=lambda entry: device_of(entry.system.key),
            title="energy per FLOP",
            about="each network by its fastest system on the device; hollow where modelled"
            + _left_out(len(lines)),
            said=_flop_said,
            origin=None,
        ),
        *found,
    ]


def _best_a_setting(systems: Sequence[System]) -> list[System]:
    """At most a few systems a device, precision and number of threads: each network's best."""
    found: dict[tuple[Hashable, ...], System] = {}
    for system in systems:
        key = system.key
        place = (key.workload, key.scale, key.device_name, key.precision, key.threads)
        held = found.get(place)
        if held is None or (system.number("achieved") or 0) > (held.number("achieved") or 0):
            found[place] = system
    return list(found.values())


def _hardware(board: Sequence[Entry]) -> list[Sheet]:
    columns = (
        Column(key="device", title="device", numeric=False, filter="device", wide=True),
        Column(key="precision", title="precision", numeric=False, filter="precision"),
        Column(
            key="threads", title="threads", about="None where the device has none that are chosen."
        ),
        *(_column(metric) for metric in _HARDWARE),
        Column(
            key="per_flop",
            title="energy per FLOP",
            about="Energy per frame / work, of the network that spends least.",
        ),
        Column(
            key="fraction",
            title="best fraction of peak",
            falling=True,
            about="Of all networks and backends.",
        ),
    )
    groups: dict[tuple[str, str, int], list[Entry]] = {}
    for entry in board:
        key = entry.system.key
        groups.setdefault((device_of(key), key.precision, key.threads), []).append(entry)
    rows = []
    for (device, precision, threads), group in groups.items():
        best = max(group, key=lambda entry: entry.system.number("peak") or 0.0).system
        spent = [(value, e.system) for e in group if (value := _per_flop(e.system)) is not None]
        least = min(spent, key=lambda pair: (pair[1].modelled, pair[0]), default=None)
        reached = max(group, key=lambda e: e.system.number("fraction_of_peak") or 0.0).system
        own = plain_of(reached, "peak")  # another run's peak may differ a little
        who = f"{cut(reached.network)}, {words.software(reached)}"
        who += "" if own == plain_of(best, "peak") else f", of {own}"
        networks = words.count(len({entry.system.workload for entry in group}), "network")
        rows.append(
            GridRow(
                cells=(
                    Cell(text=device, sub=networks),
                    Cell(text=precision),
                    Cell(text=str(threads) if threads else MISSING, sort=threads or None),
                    *(_cell(best, metric) for metric in _HARDWARE),
                    Cell(text=MISSING) if least is None else Cell(
                        text=("≈ " if least[1].modelled else "") + _flop_said(least[0]),
                        sort=least[0], sub=cut(least[1].network), soft=least[1].modelled,
                    ),
                    Cell(text=plain_of(reached, "fraction_of_peak"),
                         sort=reached.number("fraction_of_peak"), sub=who),
                )
            )
        )  # fmt: skip
    about = (
        "Peak and bandwidth as measured, beside the datasheet’s; the power envelope, and what is "
        "spent a FLOP by the network that spends least."
    )
    grid = Grid(id="devices", title="Devices", columns=columns, rows=rows)
    return [Sheet(title="Devices", about=about, grid=grid)]


def _per_flop(system: System) -> float | None:
    """J/FLOP; None where energy or work is missing."""
    energy, work = system.number(ENERGY), system.number("work")
    return energy / work if energy and work else None


def _flop_said(value: float) -> str:
    return quantity(value, "J/FLOP")


# --- what they share ------------------------------------------------------------------------------


def _dots(
    lines: Sequence[tuple[tuple[str, str], Sequence[Entry]]],
    names: Sequence[str],
    metric: str,
    *,
    group: Callable[[Entry], str],
    title: str,
    about: str,
    said: Callable[[float], str],
    origin: float | None,
) -> Plot:
    """A line a network with a dot a group; energy is given per FLOP."""
    bells, table = [], []
    for (workload, scale), entries in lines:
        marks = []
        kinds = [group(entry) for entry in entries]
        for entry in entries:
            system = entry.system
            value = _per_flop(system) if metric == ENERGY else system.number(metric)
            if not value:
                continue
            name = group(entry)
            hollow = metric == ENERGY and system.modelled
            # batch or threads tell apart what has one colour
            told = name if kinds.count(name) == 1 else f"{name}, {words.configuration(system.key)}"
            marks.append(
                Mark(at=value, label=f"{cut(told)}: {said(value)}", group=names.index(name),
                     hollow=hollow)
            )  # fmt: skip
            table.append((workload, scale, told, ("≈ " if hollow else "") + said(value)))
        bells.append(Bell(label=f"{cut(workload)} {scale}", marks=tuple(marks)))
    return Plot(
        id=metric.replace("_", "-"),
        title=title,
        about=about,
        svg=plots.dumbbells(
            bells,
            x=Axis(title=title, said=said, log=True),
            label=f"{title}: {words.count(len(bells), 'network')}",
            origin=origin,
        ),
        groups=tuple(cut(name) for name in names),
        heads=("network", "scale", "with", title),
        table=tuple(table),
    )


def _one_each(
    board: Sequence[Entry], of: Callable[[SystemKey], tuple[Hashable, ...]]
) -> list[Entry]:
    """The fastest entry of each kind, in the order in which the kinds appear."""
    found: dict[tuple[Hashable, ...], Entry] = {}
    for entry in board:
        place = of(entry.system.key)
        held = found.get(place)
        if held is None or _speed(entry) > _speed(held):
            found[place] = entry
    return list(found.values())


def _speed(entry: Entry) -> tuple[bool, float]:
    return entry.unranked is None, entry.system.number(THROUGHPUT) or 0.0


def _sound(board: Sequence[Entry]) -> list[Entry]:
    """The systems that are ranked: sentences and charts are of them; all where none is."""
    return [entry for entry in board if not entry.unranked] or list(board)


def _not_ranked(entry: Entry) -> str:
    return f"unranked: {cut(entry.unranked)}" if entry.unranked else ""


def _network(system: System) -> Cell:
    key = system.key
    return Cell(text=key.workload, sub=f"{key.scale} · {key.dataset or 'no data'}")


def _software_said(system: System) -> str:
    return f"{words.software(system)}, {words.configuration(system.key)}"


def _column(metric: str) -> Column:
    info = METRICS[metric]
    return Column(key=metric, title=info.title, falling=info.better == "higher", about=info.about)


def _cell(system: System, metric: str) -> Cell:
    return Cell(text=plain_of(system, metric), sort=system.number(metric))


def _left_out(count: int) -> str:
    more = count - _MOST_LINES
    return f"; the first {_MOST_LINES} networks, {more} more in the table" if more > 0 else ""
