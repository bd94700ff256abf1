"""Rows joined into systems: their labels, the best of each workload, what is found in one sentence.

A row is a system under one scenario. `Offline` is run at the batch of the system's identity,
`SingleStream` at batch 1: rows whose keys agree aside from the batch belong to one system.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from unicodedata import bidirectional

from benchsuite.attribution import ENERGY, MEASURED, THROUGHPUT, energy_origin
from benchsuite.types import OFFLINE, SINGLE_STREAM, UNRANKED, Result, SystemKey, Value
from benchsuite.units import counted, share, significant

CLASSES: Mapping[str, str] = {
    "qualified": "accuracy measured, target met",
    "speed-only": "outputs within tolerance of fp32, accuracy not measured",
    "embedded": "small real data: a functional check with a real accuracy",
    "unranked": "measured, but not to be ranked",
}
OK = "ok"
FAILED = "failed"
MISSED = "missed_frames"
_BEHIND = "rate_missed"  # the doubt of a system that does not keep up

# which row a metric is read from, first that exists; every other metric from Offline
_LATENCY_FROM = (SINGLE_STREAM, "Server", "MultiStream", "RealTime", OFFLINE)
_OFFLINE_FIRST = (OFFLINE, SINGLE_STREAM, "MultiStream", "Server", "RealTime")
_OF_A_SCENARIO = frozenset(
    {
        "throughput", "achieved", "fraction_of_peak", "fraction_of_datasheet_peak",
        "fraction_of_roofline", "fit", "drift", "peak", "energy_per_frame", "mean_power",
        "net_energy_per_frame", "max_power", "peak_memory", "meets_goals",
        "end_to_end_throughput", "lpirc_correct", "lpirc_score",
    }
)  # fmt: skip
_SAME_SPEED = 1.05
_SAME = ""
_OVERRIDES = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_REFERENCE = ("eager", "fp32")
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One system: its rows by scenario.

    Attributes:
        id: Unique among the systems joined together; the same for the same results.
        label: `image/squeezenet · onnxruntime fp32`, longer where that is ambiguous.
        short: The label without the workload.
        rows: Scenario to row; at least one.
    """

    id: str
    label: str
    short: str
    rows: Mapping[str, Result]

    @property
    def row(self) -> Result:
        """The row that stands for the system: `Offline` where it was run."""
        return next(self.rows[name] for name in _ordered(self.rows))

    @property
    def key(self) -> SystemKey:
        """The identity, with the batch of `row`."""
        return self.row.key

    @property
    def workload(self) -> str:
        """The workload's name."""
        return self.key.workload

    @property
    def network(self) -> str:
        """The workload's name without its domain."""
        return self.workload.rpartition("/")[2]

    @property
    def measured(self) -> bool:
        """Whether a row of it was measured."""
        return any(row.status == OK for row in self.rows.values())

    @property
    def ranked(self) -> bool:
        """Whether its throughput may be ranked among those of its class."""
        return self.row.status == OK and self.row.rank_class != UNRANKED

    def source(self, metric: str) -> Result:
        """The row that a metric is read from."""
        if metric.startswith("latency_"):
            order: Sequence[str] = _LATENCY_FROM
        elif metric == MISSED:
            order = ("RealTime", *_OFFLINE_FIRST)
        else:
            order = _OFFLINE_FIRST
        names = [name for name in order if name in self.rows] or list(self.rows)
        measured = [name for name in names if self.rows[name].status == OK]
        if metric in _OF_A_SCENARIO or metric.startswith("latency_"):
            return self.rows[names[0]]
        return self.rows[(measured or names)[0]]

    def value(self, metric: str) -> Value:
        """A metric of the system, from the row that measures it."""
        found = self.source(metric).metrics.get(metric)
        return found or Value(value=None, how="not measured", reason="not in this result")

    def number(self, metric: str) -> float | None:
        """The bare value."""
        return self.value(metric).value

    @property
    def target_met(self) -> bool | None:
        """Whether the accuracy reaches the workload's target; None where one is not known."""
        accuracy, target = self.number("accuracy"), self.source("accuracy").target
        return None if accuracy is None or target is None else accuracy >= target

    @property
    def modelled(self) -> bool:
        """Whether its energy rests on a model instead of a meter."""
        origin = energy_origin(self.source(ENERGY))
        return origin is not None and origin.modelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Within what systems are ranked."""

    rank_class: str
    workload: str
    scale: str
    dataset: str | None


def join(results: Iterable[Result], *, over_runs: bool = False) -> tuple[System, ...]:
    """Joins rows to systems, in the order in which the systems first appear.

    Args:
        results: The rows.
        over_runs: Whether rows of different runs may belong to one system: they are the newest
            of each row of a store.
    """
    groups: dict[tuple[str, str, SystemKey], list[Result]] = defaultdict(list)
    for result in results:
        of = ("", "") if over_runs else (result.run, result.environment)
        groups[*of, replace(result.key, batch=0)].append(result)
    rows: list[dict[str, Result]] = []
    for group in groups.values():
        rows.extend(_by_batch(group))
    heads = [_first(each) for each in rows]
    shorts = _labels([head.key for head in heads], [head.run for head in heads])
    return tuple(
        System(id=f"s{n}", label=f"{heads[n].key.workload} · {short}", short=short, rows=rows[n])
        for n, short in enumerate(shorts)
    )


def best(systems: Iterable[System]) -> dict[Place, System]:
    """The fastest system of each network among those that may be ranked.

    One whose accuracy misses its target is never the best; classes, scales and data sets are
    never compared with one another.
    """
    found: dict[Place, System] = {}
    for system in systems:
        speed = system.number(THROUGHPUT)
        if not system.ranked or speed is None or system.target_met is False:
            continue
        place = Place(
            rank_class=system.row.rank_class,
            workload=system.workload,
            scale=system.key.scale,
            dataset=system.key.dataset,
        )
        held = found[place].number(THROUGHPUT) if place in found else None
        if held is None or speed > held:
            found[place] = system
    return found


def reference(systems: Iterable[System], *, beside: System) -> System | None:
    """Eager fp32 of the same network, data, device and threads; None where it was not measured."""
    wanted = replace(beside.key, backend=_REFERENCE[0], precision=_REFERENCE[1], batch=0)
    for system in systems:
        if system.row.status == OK and replace(system.key, batch=0) == wanted:
            return system
    return None


def threads_said(key: SystemKey) -> str:
    """How many threads a system runs on; a device may have none that are chosen."""
    if not key.threads:
        return "the device’s threads"
    return "1 thread" if key.threads == 1 else f"{key.threads} threads"


def why_unranked(row: Result) -> str | None:
    """Why a row is in its class; only the code of a doubt that is told in full elsewhere."""
    reason = row.class_reason
    if reason is None:
        return "no reason was recorded" if row.rank_class == UNRANKED else None
    return next((doubt.code for doubt in row.doubts if doubt.message in reason), reason)


def finding(results: Sequence[Result]) -> str:
    """The sentence that opens a page: quality first, then speed, then what went wrong."""
    systems = join(results)
    if not systems:
        return "Nothing was measured."
    measured = [system for system in systems if system.measured]
    if not measured:
        return _nothing(systems)
    quality, speed = _quality(measured), _speed(measured)
    sentences = [f"{quality}; {speed}." if speed else f"{quality}."]
    if behind := _behind(measured):
        sentences.append(behind)
    if trouble := _trouble(systems):
        sentences.append(trouble)
    return " ".join(sentences)


def ratios(values: Sequence[float]) -> str:
    """A range of ratios as it is said: `2.1 to 3.4`, or `2.1` where both ends look the same."""
    low, high = (f"{value:.2g}" if value < 10 else f"{value:.0f}" for value in _ends(values))
    return low if low == high else f"{low} to {high}"


# --- joining --------------------------------------------------------------------------------------


def _ordered(rows: Iterable[str]) -> list[str]:
    known = {name: place for place, name in enumerate(_OFFLINE_FIRST)}
    return sorted(rows, key=lambda name: (known.get(name, len(known)), name))


def _first(rows: Mapping[str, Result]) -> Result:
    return rows[_ordered(rows)[0]]


def _by_batch(group: Sequence[Result]) -> list[dict[str, Result]]:
    """Splits rows of one key into systems: one a batch of the leading scenario.

    The other scenarios' rows go to every such system: the one of its batch, else the smallest.
    """
    leading = _ordered({row.scenario for row in group})[0]
    heads = {row.key.batch: row for row in group if row.scenario == leading}
    others: dict[str, dict[int, Result]] = defaultdict(dict)
    for row in group:
        if row.scenario != leading:
            others[row.scenario][row.key.batch] = row
    return [
        {
            leading: head,
            **{scenario: rows.get(batch) or rows[min(rows)] for scenario, rows in others.items()},
        }
        for batch, head in heads.items()
    ]


_Names = Callable[[SystemKey, str], str]
_DISTINCTIONS: tuple[_Names, ...] = (
    lambda key, run: key.scale,
    lambda key, run: key.dataset or "no data",
    lambda key, run: f"batch {key.batch}",
    lambda key, run: key.device_name,
    lambda key, run: threads_said(key),
    lambda key, run: counted(key.device_count, "device"),
    lambda key, run: f"run {run}",
)


def _labels(keys: Sequence[SystemKey], runs: Sequence[str]) -> list[str]:
    """The shortest labels that tell the systems of a workload apart."""
    labels = [f"{key.backend} {key.precision}" for key in keys]
    for name in _DISTINCTIONS:
        alike: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, (key, label) in enumerate(zip(keys, labels, strict=True)):
            alike[key.workload, label].append(place)
        for places in alike.values():
            names = {place: name(keys[place], runs[place]) for place in places}
            if len(set(names.values())) > 1:
                for place in places:
                    labels[place] += f" · {names[place]}"
    return labels


# --- the finding ----------------------------------------------------------------------------------


def _nothing(systems: Sequence[System]) -> str:
    rows = [row for system in systems for row in system.rows.values()]
    failed = [row for row in rows if row.status == FAILED]
    reason = next((row.reason for row in failed or rows if row.reason), None)
    verb = "failed" if failed else "was skipped"
    if len(systems) == 1:
        why = f": {_ended(reason)}" if reason else "."
        return f"Nothing was measured: {said(systems[0].label)} {verb}{why}"
    if failed and len(failed) < len(rows):
        what = f"{_count(len(systems), 'system')} failed or were skipped"
    else:
        verb = "failed" if failed else "were skipped"
        what = f"all {_count(len(systems), 'system')} {verb}"
    first = f" The first reason: {_ended(reason)}" if reason else ""
    return f"Nothing was measured: {what}.{first}"


def _quality(systems: Sequence[System]) -> str:
    verdicts = {name: _verdict(each) for name, each in _by_workload(systems).items()}
    reached = [name for name, verdict in verdicts.items() if verdict is True]
    missed = [name for name, verdict in verdicts.items() if verdict is False]
    unknown = [name for name, verdict in verdicts.items() if verdict is None]
    if not missed and not unknown:
        return _capital(_all_reach(reached))
    if not reached and not missed:
        of = "any network" if len(unknown) > 1 else said(unknown[0])
        if any(system.number("accuracy") is not None for system in systems):
            return f"No quality target is known for {of}"
        return f"Accuracy was not measured for {of}: speed only"
    parts = []
    if reached:
        share = f"{_number(len(reached))} of {_count(len(verdicts), 'network')}"
        verb = "reaches its quality target" if len(reached) == 1 else "reach their quality target"
        parts.append(f"{share} {verb}")
    if missed:
        verb = "misses" if len(missed) == 1 else "miss"
        target = "it" if reached else ("its quality target" if len(missed) == 1 else "theirs")
        where = _where_missed(systems, missed)
        parts.append(f"{_names(missed)} {verb} {target}{where}")
    if unknown:
        parts.append(f"the accuracy of {_names(unknown)} is not known")
    return _capital(", ".join(parts))


def _verdict(systems: Iterable[System]) -> bool | None:
    """False where a system misses the target, None where no accuracy and target are known."""
    met = [system.target_met for system in systems if system.target_met is not None]
    return all(met) if met else None


def _where_missed(systems: Sequence[System], missed: Sequence[str]) -> str:
    """With which software, where the same network reaches it with another."""
    if len(missed) > 1:
        return ""
    own = [system for system in systems if system.workload == missed[0]]
    losers = [system.short for system in own if system.target_met is False]
    return "" if len(losers) == len(own) else f" on {_names(losers)}"


def _all_reach(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{said(names[0])} reaches its quality target"
    who = "both networks" if len(names) == 2 else f"all {_count(len(names), 'network')}"
    return f"{who} reach their quality target"


def _speed(systems: Sequence[System]) -> str:
    """How the fastest software of each network compares with the slowest that may be ranked."""
    software = {_software(system) for system in systems}
    if len(software) == 1:
        return _one_software(systems, next(iter(software)))
    fastest = list(best(systems).values())
    gains: dict[str, list[tuple[System, System, float]]] = defaultdict(list)
    for system in fastest:
        base = reference(systems, beside=system) or _slowest(systems, beside=system)
        if base is None or not _rivals(systems, system):
            continue
        speed, slow = system.number(THROUGHPUT), base.number(THROUGHPUT)
        if base is system or not speed or not slow:
            gains[_SAME].append((system, base, 1.0))
        else:
            gains[_software(system)].append((system, base, speed / slow))
    gains = {name: each for name, each in gains.items() if each}
    if not gains or set(gains) == {_SAME}:
        return _nothing_gained(systems, gains.get(_SAME, []))
    if len(gains) > 1 or len({_software(base) for _, base, _ in next(iter(gains.values()))}) > 1:
        return _mixed(gains)
    ((name, pairs),) = gains.items()
    base_name = _software(pairs[0][1])
    factors = [factor for _, _, factor in pairs]
    if max(factors) < _SAME_SPEED:
        return f"{said(name)} is as fast as {said(base_name)}"
    return f"{said(name)} is {ratios(factors)} times as fast as {said(base_name)}{_energy(pairs)}"


def _energy(pairs: Sequence[tuple[System, System, float]]) -> str:
    """How the energy changes with the faster software, where a meter measured both."""
    factors = []
    for system, base, _ in pairs:
        less, more = system.number(ENERGY), base.number(ENERGY)
        mine, theirs = energy_origin(system.source(ENERGY)), energy_origin(base.source(ENERGY))
        if not less or not more or mine is None or theirs is None:
            return ""
        if mine.kind != MEASURED or mine.grounds != theirs.grounds:
            return ""
        factors.append(less / more)
    return f", energy per frame {_changes(factors)}"


def _changes(factors: Sequence[float]) -> str:
    """By what a number is multiplied, or, where it falls, divided."""
    if max(factors) < 1:
        return f"\N{DIVISION SIGN}{ratios([1 / factor for factor in factors])}"
    if min(factors) >= 1:
        return f"\N{MULTIPLICATION SIGN}{ratios(factors)}"
    return f"between {_changes([min(factors)])} and {_changes([max(factors)])}"


def _mixed(gains: Mapping[str, Sequence[tuple[System, System, float]]]) -> str:
    parts = []
    for name, pairs in gains.items():
        networks = _names([system.workload for system, _, _ in pairs])
        if name == _SAME:
            slow = _names(sorted({_software(base) for _, base, _ in pairs}))
            parts.append(f"nothing is faster than {slow} for {networks}")
        else:
            factors = ratios([factor for _, _, factor in pairs])
            slow = _names(sorted({_software(base) for _, base, _ in pairs}))
            parts.append(f"{said(name)} is {factors} times as fast as {slow} for {networks}")
    return ", ".join(parts)


def _nothing_gained(systems: Sequence[System], same: Sequence[tuple[System, System, float]]) -> str:
    if same:
        return f"nothing is faster than {_names(sorted({_software(base) for _, base, _ in same}))}"
    if not any(system.ranked for system in systems):
        return "no system can be ranked"
    return ""


def _one_software(systems: Sequence[System], name: str) -> str:
    speeds = [s for s in systems if s.number(THROUGHPUT) is not None]
    if len(systems) == 1 and speeds:
        value = significant(speeds[0].number(THROUGHPUT) or 0.0)
        speed = f"{said(name)} runs {value} {said(speeds[0].row.frame)}s a second"
        return f"{speed}{_not_ranked(speeds[0])}"
    ranked = any(system.ranked or system.target_met is False for system in systems)
    none = "" if ranked else ", and no system can be ranked"
    return f"only {said(name)} was measured, so no software is compared{none}"


def _not_ranked(system: System) -> str:
    """Why a lone system takes no place; a missed quality target is told before."""
    if system.ranked or system.target_met is False:
        return ""
    return f", but is unranked: {said(why_unranked(system.row) or '', longest=120)}"


def _behind(systems: Sequence[System]) -> str:
    """Who does not keep up with the rate that `RealTime` offers, and how many frames it misses."""
    missed = {
        system.label: value
        for system in systems
        if (value := system.number(MISSED))
        and any(d.code == _BEHIND for d in system.source(MISSED).doubts)
    }
    if not missed:
        return ""
    low, high = (share(value) for value in _ends(list(missed.values())))
    much = low if low == high else f"{low} to {high}"
    verb = "misses" if len(missed) == 1 else "miss"
    return f"{_names(list(missed))} {verb} {much} of the frames that RealTime offers."


def _slowest(systems: Iterable[System], *, beside: System) -> System | None:
    """The slowest ranked system that differs from `beside` in software and precision alone."""
    speeds = [
        (speed, system)
        for system in _rivals(systems, beside)
        if (speed := system.number(THROUGHPUT)) is not None
    ]
    return min(speeds, key=lambda pair: pair[0])[1] if speeds else None


def _rivals(systems: Iterable[System], beside: System) -> list[System]:
    """The ranked systems of the same network, data and device, `beside` itself left out."""

    def place(system: System) -> tuple[str, SystemKey]:
        return system.row.rank_class, replace(system.key, backend="", precision="", batch=0)

    return [
        system
        for system in systems
        if system is not beside and system.ranked and place(system) == place(beside)
    ]


def _trouble(systems: Sequence[System]) -> str:
    """How many systems lack a row that was asked for."""
    counts = {FAILED: 0, "skipped": 0}
    for system in systems:
        states = {row.status for row in system.rows.values()}
        for status in counts:
            if status in states:
                counts[status] += 1
                break
    parts = []
    if counts[FAILED]:
        parts.append(f"{_number(counts[FAILED])} of {_count(len(systems), 'system')} failed")
    if counts["skipped"]:
        verb = "was" if counts["skipped"] == 1 else "were"
        what = _number(counts["skipped"]) if parts else _count(counts["skipped"], "system")
        parts.append(f"{what} {verb} skipped")
    return f"{_capital(', '.join(parts))}." if parts else ""


def _software(system: System) -> str:
    """Backend, with its precision where that is not the usual one."""
    key = system.key
    return key.backend if key.precision == _REFERENCE[1] else f"{key.backend} {key.precision}"


def _by_workload(systems: Iterable[System]) -> dict[str, list[System]]:
    groups: dict[str, list[System]] = defaultdict(list)
    for system in systems:
        groups[system.workload].append(system)
    return groups


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return min(values), max(values)


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _count(count: int, noun: str) -> str:
    return f"{_number(count)} {noun}{'' if count == 1 else 's'}"


def _names(names: Sequence[str]) -> str:
    texts = [said(name) for name in names]
    if len(texts) > 4:
        return f"{', '.join(texts[:3])} and {len(texts) - 3} more"
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def said(name: str, *, longest: int = 80) -> str:
    """A name inside a sentence: on one line, not endless, not turning the text around it."""
    name = " ".join(name.split())
    name = name if len(name) <= longest else f"{name[: longest - 1]}…"
    directions = {bidirectional(letter) for letter in name}
    if directions & _OVERRIDES:
        name = "".join(
            "\ufffd" if bidirectional(letter) in _OVERRIDES else letter for letter in name
        )
    if not directions & _RIGHT_TO_LEFT:
        return name
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"


def _ended(reason: str) -> str:
    text = said(reason.strip(), longest=300)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _capital(text: str) -> str:
    """A capital first letter, unless the sentence begins with a workload's name."""
    return text if "/" in text.split(" ", 1)[0] else text[:1].upper() + text[1:]
