"""The page of one run: what its template shows, worked out from the stored results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from benchsuite import attribution, charts, compare
from benchsuite.attribution import ENERGY, OWNERS, SPLITTABLE, THROUGHPUT, Missing, Split
from benchsuite.compare import OK, System
from benchsuite.metrics import METRICS, TEAMS
from benchsuite.pages import Notes, render_page
from benchsuite.types import Doubt, Result, RunInfo, Value
from benchsuite.units import duration, percent, quantity

TEMPLATE = "run.html.j2"

_TEAM_TITLES = {
    "system": "system",
    "cnn": "CNN team",
    "software": "software team",
    "hardware": "hardware team",
}
_CNN_ROWS = (
    "work",
    "macs",
    "parameters",
    "model_size",
    "activations",
    "traffic",
    "compulsory_traffic",
    "arithmetic_intensity",
)
_HARDWARE_ROWS = (
    "peak",
    "device_peak",
    "configuration_gain",
    "drift",
    "datasheet_peak",
    "bandwidth",
    "ridge_point",
    "power_envelope",
    "power_cap",
    "idle_power",
    "peak_per_watt",
)
_TRAFFIC = (
    ("input", "traffic_input"),
    ("weights", "traffic_weights"),
    ("activations", "traffic_activations"),
)
ENERGIES = frozenset(
    {ENERGY, "net_energy_per_frame", "mean_power", "max_power", "lpirc_correct", "lpirc_score"}
)
SPLIT_TITLES = {THROUGHPUT: "Throughput", ENERGY: "Energy per frame", "accuracy": "Accuracy"}
NO_BREAK = "\N{NO-BREAK SPACE}"
_LONGEST_LABEL = 120
_LONG_FINDING = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A figure with the note that says how it was obtained, or why it is missing."""

    number: str
    unit: str
    note: int
    spread: str = ""
    modelled: bool = False
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A system's line in the table of its class."""

    system: System
    name: str
    detail: str
    best: bool
    reason: str | None
    doubts: int
    accuracy: Number
    beside: tuple[tuple[str, str], ...]
    target: str | None
    met: bool | None
    throughput: Number
    speed: Markup
    latencies: tuple[Number, ...]
    energy: Number
    power: Number
    memory: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The systems of one workload within a table."""

    workload: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One class of results: ranked within itself, never beside another."""

    key: str
    title: str
    about: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a network does what it must, in a line."""

    workload: str
    state: str
    said: str
    fastest: str | None
    throughput: Number | None
    energy: Number | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A named figure; several where the systems of a workload differ in it."""

    title: str
    about: str
    numbers: tuple[tuple[Number, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """What the software team made of a network on one system."""

    name: str
    bar: Markup
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Teams:
    """Each team's own part of one workload."""

    id: str
    workload: str
    measure: str
    accuracy: Number
    accuracy_bar: Markup
    target: str | None
    traffic: Markup
    traffic_parts: tuple[tuple[str, str], ...]
    cnn: tuple[Fact, ...]
    software: tuple[Software, ...]
    fit: Number
    beyond: str
    peak_bar: Markup
    peak_share: str
    bound: str
    hardware: tuple[Fact, ...]
    weights_in: str
    weights_note: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A metric in the table of all metrics."""

    title: str
    key: str
    scenarios: str
    text: str
    how: str
    missing: bool
    modelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """All that is known of one system."""

    system: System
    facts: tuple[tuple[str, str], ...]
    teams: tuple[tuple[str, tuple[Line, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A kind of doubt: its messages, each with the systems it was raised against."""

    code: str
    messages: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The change between two systems, ready to be drawn."""

    before: System
    after: System
    metric: str
    lead: str
    shares: tuple[tuple[str, str, str], ...]
    rest: str
    refused: str | None
    waterfall: charts.Waterfall | None
    values: tuple[str, str]
    cause: str


def render(
    run: RunInfo,
    results: Sequence[Result],
    *,
    environments: Mapping[str, Mapping[str, Any]],
    root: Path,
) -> str:
    """One run as a self-contained HTML page.

    Args:
        run: The invocation.
        results: Its rows.
        environments: By the id that the rows carry.
        root: The content folder that holds `reports/`.
    """
    systems = compare.join(results)
    measured = [system for system in systems if system.measured]
    notes = Notes()
    finding = compare.finding(results)
    default = default_pair(measured)
    raised = _doubts(systems)
    view = {
        "title": f"Run {run.id}",
        "run": run,
        "finding": finding,
        "long_finding": len(finding) > _LONG_FINDING,
        "meta": _meta(run, results, environments),
        "lede": _lede(systems, raised),
        "verdicts": _verdicts(measured, notes),
        "tables": _tables(measured, notes),
        "moved": moved_between(*default, metric=THROUGHPUT) if default else None,
        "choices": choices_of(systems),
        "splittable": [(metric, SPLIT_TITLES[metric]) for metric in SPLITTABLE],
        "owners": OWNERS,
        "teams": _teams(measured, notes),
        "everything": [everything_of(system) for system in systems],
        "doubts": raised,
        "doubts_count": sum(len(kind.messages) for kind in raised),
        "unmeasured": _unmeasured(systems),
        "environments": {
            name: environments[name]
            for name in dict.fromkeys(result.environment for result in results)
            if name in environments
        },
        "bytes_said": lambda value: quantity(float(value), "B"),
    }
    data = {"notes": notes.listed(), **split_data(systems)}
    return render_page(root, TEMPLATE, style="page.css", script="run.js", data=data, view=view)


# --- the head -------------------------------------------------------------------------------------


def _meta(
    run: RunInfo, results: Sequence[Result], environments: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, str]]:
    found = [("run", run.id), ("date", date_said(run.started_at))]
    devices = dict.fromkeys(result.key.device_name for result in results)
    if devices:
        found.append(("device", ", ".join(devices)))
    if versions := _versions(environments.values()):
        found.append(("versions", versions))
    found += [(key, f"{key}={value}") for key, value in run.labels.items()]
    if run.seconds is not None:
        found.append(("duration", duration(run.seconds)))
    return found


def _versions(environments: Iterable[Mapping[str, Any]]) -> str:
    known: dict[str, None] = {}
    for environment in environments:
        if own := environment.get("benchsuite"):
            known[f"benchsuite {own}"] = None
        packages = environment.get("packages")
        for name, version in (packages if isinstance(packages, Mapping) else {}).items():
            if version and name in ("torch", "onnxruntime", "openvino", "tensorrt"):
                known[f"{name} {version}"] = None
    return ", ".join(known)


def date_said(text: str) -> str:
    """An ISO time as people read it, in UTC; what is no time as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is None:
        return f"{moment:%Y-%m-%d %H:%M}"
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _lede(systems: Sequence[System], raised: Sequence[Raised]) -> list[str]:
    found = []
    energies = [system for system in systems if system.number(ENERGY) is not None]
    if energies and all(system.modelled for system in energies):
        found.append("Energy is modelled from the device's profile: no meter was read.")
    elif any(system.modelled for system in energies):
        found.append("Some energies are modelled: they are never ranked with measured ones.")
    elif systems and not energies:
        found.append("Energy was not measured: there was no meter.")
    doubts = sum(len(kind.messages) for kind in raised)
    if doubts:
        verb = "One doubt is" if doubts == 1 else f"{doubts} doubts are"
        found.append(f"{verb} raised below.")
    return found


# --- the systems ----------------------------------------------------------------------------------


def _verdicts(systems: Sequence[System], notes: Notes) -> list[Verdict]:
    best = compare.best(systems)
    found = []
    for title, group in _by_network(systems).items():
        states = {system.target_met for system in group} - {None}
        state = "unknown" if not states else "met" if states == {True} else "missed"
        fastest = next((s for s in best.values() if any(s is each for each in group)), None)
        found.append(
            Verdict(
                workload=title,
                state=state,
                said=_verdict_said(group, fastest, state),
                fastest=fastest.short if fastest and len(group) > 1 else None,
                throughput=number_of(fastest, THROUGHPUT, notes) if fastest else None,
                energy=(
                    number_of(fastest, ENERGY, notes)
                    if fastest and fastest.number(ENERGY) is not None
                    else None
                ),
            )
        )
    return found


def _verdict_said(group: Sequence[System], fastest: System | None, state: str) -> str:
    losers = [system for system in group if system.target_met is False]
    shown = losers[0] if losers else fastest or group[0]
    row = shown.source("accuracy")
    measure = row.measure or "accuracy"
    accuracy = plain_of(shown, "accuracy")
    if shown.number("accuracy") is None:
        return f"accuracy is not known: {shown.value('accuracy').reason or 'no reason recorded'}"
    if state == "unknown":
        return f"{measure} {accuracy}, no target is set"
    bound = _target(row) or ""
    if state == "met":
        return f"{measure} {accuracy} reaches {bound}"
    where = "" if len(losers) == len(group) else f" on {', '.join(s.short for s in losers)}"
    return f"{measure} {accuracy} misses {bound}{where}"


def _tables(systems: Sequence[System], notes: Notes) -> list[Table]:
    best = set(map(id, compare.best(systems).values()))
    found = []
    for key, about in compare.CLASSES.items():
        own = [system for system in systems if _class(system) == key]
        if not own:
            continue
        groups: dict[str, list[System]] = defaultdict(list)
        for system in own:
            groups[system.workload].append(system)
        found.append(
            Table(
                key=key,
                title=key.replace("-", " ").capitalize(),
                about=about,
                groups=tuple(
                    Group(
                        workload=workload,
                        rows=tuple(_row(each, group, id(each) in best, notes) for each in group),
                    )
                    for workload, group in groups.items()
                ),
            )
        )
    return found


def _class(system: System) -> str:
    """Of the row that stands for the system; one that is no known class is not ranked."""
    ok = next((row for row in (system.row, *system.rows.values()) if row.status == OK), system.row)
    return ok.rank_class if ok.rank_class in compare.CLASSES else compare.UNRANKED


def _row(system: System, group: Sequence[System], best: bool, notes: Notes) -> Row:
    row = system.source("accuracy")
    fastest = max((each.number(THROUGHPUT) or 0.0 for each in group), default=0.0)
    speed = system.number(THROUGHPUT)
    key = system.key
    return Row(
        system=system,
        name=system.short,
        detail=f"batch {key.batch}" + (f", {compare.threads_said(key)}" if key.threads else ""),
        best=best,
        reason=compare.why_unranked(row),
        doubts=len(_own_doubts(system)),
        accuracy=number_of(system, "accuracy", notes),
        beside=tuple((name, charts.share(value)) for name, value in row.beside.items()),
        target=_target(row),
        met=system.target_met,
        throughput=number_of(system, THROUGHPUT, notes),
        speed=(
            charts.bar(
                speed / fastest,
                label=f"{percent(speed / fastest)} of the fastest here",
                owner="system",
            )
            if speed and fastest and len(group) > 1
            else Markup("")
        ),
        latencies=_latencies(system, notes),
        energy=number_of(system, ENERGY, notes),
        power=number_of(system, "mean_power", notes),
        memory=number_of(system, "peak_memory", notes),
    )


def _latencies(system: System, notes: Notes) -> tuple[Number, ...]:
    """p50 and p90, p99 where it is known; a single dash where none is."""
    keys = ["latency_p50", "latency_p90", "latency_p99"]
    known = [key for key in keys if system.number(key) is not None]
    shown = [key for key in keys[:2] if known] + [key for key in known if key == keys[2]]
    return tuple(number_of(system, key, notes) for key in shown or keys[:1])


def _target(row: Result) -> str | None:
    if row.target is None:
        return None
    return charts.target(row.target, measure=row.measure).replace(" ", NO_BREAK)


def number_of(system: System, metric: str, notes: Notes) -> Number:
    """A metric of a system with the note behind it."""
    row, value = system.source(metric), system.value(metric)
    info = METRICS[metric]
    text = figure_of(value.value, metric, row)
    return Number(
        number=text.number,
        unit=text.unit.removesuffix("/query"),
        note=notes.add(f"{info.title} · {row.scenario}", _note(value, info.about)),
        spread=_spread(value, metric, row),
        modelled=metric in ENERGIES and system.modelled and value.value is not None,
        missing=value.value is None,
    )


def _note(value: Value, about: str) -> str:
    if value.value is None:
        return f"Missing: {value.reason or 'no reason was recorded'}"
    return f"{about}\n{value.how}"


def figure_of(value: float | None, metric: str, row: Result) -> charts.Figure:
    """A metric's value as people read it, by what the row says of frame and measure."""
    return charts.figure(value, METRICS[metric], frame=row.frame, measure=row.measure)


def _spread(value: Value, metric: str, row: Result) -> str:
    if value.value is None or value.low is None or value.high is None:
        return ""
    low, high = (figure_of(end, metric, row).number for end in (value.low, value.high))
    return f"{low} to {high}"


def plain_of(system: System, metric: str) -> str:
    """A metric of a system as text that does not break; modelled figures behind a sign."""
    figure = figure_of(system.number(metric), metric, system.source(metric))
    modelled = metric in ENERGIES and system.modelled
    return ("≈ " if modelled else "") + str(figure).replace(" ", NO_BREAK)


# --- who moved it ---------------------------------------------------------------------------------


def default_pair(systems: Sequence[System]) -> tuple[System, System] | None:
    """From the reference (else the slowest) to the best of the first workload that has both."""
    for after in compare.best(systems).values():
        before = compare.reference(systems, beside=after)
        if before is not None and before is not after:
            return before, after
    for before in systems:
        for after in systems:
            if before is not after and before.workload == after.workload:
                return before, after
    return (systems[0], systems[1]) if len(systems) > 1 else None


def moved_between(before: System, after: System, *, metric: str) -> Moved:
    """The change of a metric from one system to another, ready to be drawn."""
    split = attribution.split(before.row, after.row, metric)
    owners: dict[str, float] = defaultdict(float)
    shares: tuple[tuple[str, str, str], ...] = ()
    lead = rest = ""
    if isinstance(split, Split):
        for share in split.shares:
            owners[share.owner] += share.amount
        moved = sorted(
            (o for o, amount in owners.items() if not charts.still(amount, scale=split.scale)),
            key=lambda owner: -abs(owners[owner]),
        )
        shares = tuple(
            (owner, OWNERS[owner], charts.amount_said(owners[owner], scale=split.scale))
            for owner in moved
        )
        lead = charts.change_said(_title(metric, after), split)
        rest = "everything else stayed" if 0 < len(moved) < len(owners) else ""
    return Moved(
        before=before,
        after=after,
        metric=metric,
        lead=lead,
        shares=shares,
        rest=rest,
        refused=split.reason if isinstance(split, Missing) else None,
        waterfall=charts.waterfall(split),
        values=(plain_of(before, metric), plain_of(after, metric)),
        cause=attribution.cause(before.row, after.row).text,
    )


def _title(metric: str, system: System) -> str:
    """The number as a sentence begins with it; what is modelled says so."""
    title = SPLIT_TITLES[metric].replace("frame", system.row.frame)
    if metric == ENERGY and system.modelled:
        return f"Modelled {title[0].lower()}{title[1:]}"
    return title


def choices_of(systems: Sequence[System]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Workload to its systems' ids and names, for the two selects."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for system in systems:
        found[cut(system.workload)].append((system.id, cut(system.label)))
    return list(found.items())


def cut(text: str) -> str:
    """A label of a length that a select can show."""
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"


def split_data(systems: Sequence[System]) -> dict[str, Any]:
    """What the script needs to split the change between any two systems."""
    return {
        "systems": {
            system.id: {
                "label": cut(system.label),
                "fingerprint": (
                    None
                    if system.row.fingerprint is None
                    else [
                        getattr(system.row.fingerprint, name) for name in attribution.FINGERPRINTS
                    ]
                ),
                "metrics": {metric: _metric_data(system, metric) for metric in SPLITTABLE},
            }
            for system in systems
        },
        "owners": dict(OWNERS),
        "wholes": {
            key: {"title": kind.title, "owner": kind.owner}
            for key, kind in attribution.WHOLES.items()
        },
        "fingerprints": list(attribution.FINGERPRINTS.items()),
        "causes": {
            "same": attribution.CAUSES.same,
            "unknown": attribution.CAUSES.unknown,
            "one": dict(attribution.CAUSES.one),
            "several": attribution.CAUSES.several,
        },
    }


def _metric_data(system: System, metric: str) -> dict[str, Any]:
    found = attribution.factors(system.row, metric)
    shown = {"value": plain_of(system, metric), "title": _title(metric, system)}
    if isinstance(found, Missing):
        return {**shown, "missing": found.reason}
    return {
        **shown,
        "number": found.value,
        "scale": found.scale,
        "grounds": list(found.grounds.items()),
        "factors": [[f.key, f.title, f.owner, f.amount, f.part_of] for f in found.factors],
    }


# --- each team's own part -------------------------------------------------------------------------


def _by_network(systems: Iterable[System]) -> dict[str, list[System]]:
    """Systems by workload, scale and data set, under the shortest name that tells them apart."""
    groups: dict[tuple[str, str, str | None], list[System]] = defaultdict(list)
    for system in systems:
        key = system.key
        groups[key.workload, key.scale, key.dataset].append(system)
    titles = {}
    for workload, scale, dataset in groups:
        alike = [each for each in groups if each[0] == workload]
        title = workload if len({each[1] for each in alike}) == 1 else f"{workload} · {scale}"
        if sum(each[1] == scale for each in alike) > 1:
            title += f" · {dataset or 'no data'}"
        titles[title] = groups[workload, scale, dataset]
    return titles


def _teams(systems: Sequence[System], notes: Notes) -> list[Teams]:
    found = []
    for number, (title, group) in enumerate(_by_network(systems).items()):
        first = next((s for s in group if s.number("reference_accuracy") is not None), group[0])
        row = first.source("reference_accuracy")
        accuracy = first.number("reference_accuracy")
        fit = first.number("fit")
        fractions = [s.number("fraction_of_peak") or 0.0 for s in group]
        full = max(1.0, fit or 0.0, *fractions)
        found.append(
            Teams(
                id=f"network-{number}",
                workload=title,
                measure=row.measure or "accuracy",
                accuracy=number_of(first, "reference_accuracy", notes),
                accuracy_bar=(
                    Markup("")
                    if accuracy is None
                    else charts.bar(
                        accuracy,
                        tick=row.target,
                        owner=attribution.CNN,
                        label=f"{row.measure or 'accuracy'} {plain_of(first, 'reference_accuracy')}"
                        + (f", target {_target(row)}" if row.target is not None else ""),
                    )
                ),
                target=_target(row),
                traffic=_traffic(first),
                traffic_parts=tuple((name, plain_of(first, key)) for name, key in _TRAFFIC),
                cnn=tuple(_fact(group, key, notes) for key in _CNN_ROWS),
                software=tuple(_software(system, full, notes) for system in group),
                fit=number_of(first, "fit", notes),
                beyond=_beyond(group),
                peak_bar=_peak_bar(first),
                peak_share=_peak_share(first),
                bound=_bound(first),
                hardware=tuple(_fact(group, key, notes) for key in _HARDWARE_ROWS),
                weights_in=_level(first),
                weights_note=number_of(first, "weights_fit_in", notes),
            )
        )
    return found


def _traffic(system: System) -> Markup:
    parts = [(name, system.number(key)) for name, key in _TRAFFIC]
    known = [(name, size) for name, size in parts if size is not None]
    if len(known) < len(parts):
        return Markup("")
    said = ", ".join(f"{name} {plain_of(system, key)}" for name, key in _TRAFFIC)
    return charts.stack(known, label=f"traffic: {said}", owner=attribution.CNN)


def _software(system: System, full: float, notes: Notes) -> Software:
    fraction, fit = system.number("fraction_of_peak"), system.number("fit")
    label = f"{cut(system.short)}: {plain_of(system, 'fraction_of_peak')} of peak"
    if fit is not None:
        label += f"; the roofline allows {plain_of(system, 'fit')}"
    keys = (
        "fraction_of_peak",
        "fraction_of_roofline",
        "fraction_of_datasheet_peak",
        "compile_time",
        "accuracy_change",
    )
    return Software(
        name=system.short,
        bar=(
            Markup("")
            if fraction is None
            else charts.bar(fraction, tick=fit, full=full, owner=attribution.SOFTWARE, label=label)
        ),
        facts=tuple(_fact([system], key, notes) for key in keys),
    )


def _beyond(systems: Sequence[System]) -> str:
    """What is said of systems that are faster than the layer-by-layer roofline."""
    names = [cut(s.short) for s in systems if (s.number("fraction_of_roofline") or 0.0) > 1]
    if not names:
        return ""
    return (
        f"Above 100 % of the roofline ({', '.join(names)}): fusion or caches move fewer bytes "
        "than the layers one by one."
    )


def _fact(systems: Sequence[System], metric: str, notes: Notes) -> Fact:
    """A metric of a group of systems: once where all show the same, else by whom, or a range."""
    shown: dict[tuple[str, str], tuple[Number, list[System]]] = {}
    for system in systems:
        number = number_of(system, metric, notes)
        shown.setdefault((number.number, number.unit), (number, []))[1].append(system)
    distinct = list(shown.values())
    present = [entry for entry in distinct if not entry[0].missing] or distinct[:1]
    numbers: tuple[tuple[Number, str], ...]
    if len(present) == 1:
        numbers = ((present[0][0], ""),)
    elif len(present) <= 2:
        numbers = tuple((number, _who(own, systems)) for number, own in present)
    else:
        ordered = sorted(present, key=lambda entry: entry[1][0].number(metric) or 0.0)
        numbers = ((ordered[0][0], "to"), (ordered[-1][0], ""))
    return Fact(title=METRICS[metric].title, about=METRICS[metric].about, numbers=numbers)


def _who(own: Sequence[System], systems: Sequence[System]) -> str:
    """By what the systems that show a figure differ from the others."""
    precisions = {system.key.precision for system in own}
    others = {system.key.precision for system in systems if system not in own}
    if not precisions & others:
        return ", ".join(sorted(precisions))
    return ", ".join(system.short for system in own[:2]) + (" and others" if len(own) > 2 else "")


def _peak_share(system: System) -> str:
    """How much of the vendor's figure any library reaches; empty where there is none."""
    peak, sheet = system.number("peak"), system.number("datasheet_peak")
    return f"{percent(peak / sheet)} of the data sheet's peak" if peak and sheet else ""


def _peak_bar(system: System) -> Markup:
    peak, sheet = system.number("peak"), system.number("datasheet_peak")
    if not peak or not sheet:
        return Markup("")
    return charts.bar(
        peak / sheet,
        full=max(1.0, peak / sheet),
        tick=1.0 if peak > sheet else None,
        owner=attribution.HARDWARE,
        label=_peak_share(system),
    )


def _bound(system: System) -> str:
    """On which side of the ridge the network lies, layers taken together."""
    intensity, ridge = system.number("arithmetic_intensity"), system.number("ridge_point")
    if intensity is None or ridge is None:
        return ""
    ends = f"{plain_of(system, 'arithmetic_intensity')} against a ridge at "
    ends += plain_of(system, "ridge_point")
    side = "computation" if intensity >= ridge else "memory bandwidth"
    return f"Taken as a whole the network is bound by {side}: {ends}."


def _level(system: System) -> str:
    """The name of the memory level that holds the weights, as its `how` begins."""
    value = system.value("weights_fit_in")
    if value.value is None:
        return ""
    return value.how.partition(",")[0].partition(" (")[0]


# --- everything, doubts ---------------------------------------------------------------------------


def everything_of(system: System) -> Everything:
    """All metrics of a system, with how each was obtained."""
    key = system.key
    row = system.row
    facts = [
        ("class", row.rank_class + (f": {row.class_reason}" if row.class_reason else "")),
        ("scale", key.scale),
        ("data set", key.dataset or "none"),
        ("weights", row.weights or "none"),
        ("device", f"{key.device_name} ({row.device})"),
        ("threads", str(key.threads)),
        *((f"batch in {name}", str(each.key.batch)) for name, each in system.rows.items()),
        *(
            (f"{each.status} in {name}", each.reason or "no reason was recorded")
            for name, each in system.rows.items()
            if each.status != OK
        ),
    ]
    if row.fingerprint is not None:
        prints = [f"{name} {getattr(row.fingerprint, name)}" for name in attribution.FINGERPRINTS]
        facts.append(("fingerprints", ", ".join(prints)))
    return Everything(
        system=system,
        facts=tuple(facts),
        teams=tuple(
            (
                _TEAM_TITLES[team],
                tuple(
                    line
                    for metric, info in METRICS.items()
                    if info.team == team
                    for line in _lines(system, metric)
                ),
            )
            for team in TEAMS
        ),
    )


def _lines(system: System, metric: str) -> list[Line]:
    """A metric's line; one a scenario where the rows say different things."""
    said: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for scenario, row in system.rows.items():
        value = row.metrics.get(metric) or Value(value=None, how="", reason="not in this result")
        missing = value.value is None
        text = str(figure_of(value.value, metric, row))
        if spread := _spread(value, metric, row):
            text += f" ({spread})"
        how = (value.reason or "no reason was recorded") if missing else value.how
        said[text, how, missing].append(scenario)
    return [
        Line(
            title=METRICS[metric].title,
            key=metric,
            scenarios="" if len(scenarios) == len(system.rows) else ", ".join(scenarios),
            text=text,
            how=how,
            missing=missing,
            modelled=metric in ENERGIES and system.modelled and not missing,
        )
        for (text, how, missing), scenarios in said.items()
    ]


def _own_doubts(system: System) -> dict[Doubt, None]:
    return dict.fromkeys(doubt for row in system.rows.values() for doubt in row.doubts)


def _doubts(systems: Sequence[System]) -> list[Raised]:
    kinds: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for system in systems:
        for doubt in _own_doubts(system):
            kinds[doubt.code][doubt.message].append(system.label)
    return [
        Raised(code=code, messages=tuple((text, tuple(own)) for text, own in messages.items()))
        for code, messages in kinds.items()
    ]


def _unmeasured(systems: Sequence[System]) -> list[tuple[str, str, str, str]]:
    """Label, scenario, status and reason of every row that was not measured."""
    return [
        (system.label, scenario, row.status, row.reason or "no reason was recorded")
        for system in systems
        for scenario, row in system.rows.items()
        if row.status != OK
    ]
