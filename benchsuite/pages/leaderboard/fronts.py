"""Pareto fronts: accuracy against what it costs, among systems that can be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from benchsuite import plots
from benchsuite.attribution import ENERGY, Origin, energy_origin
from benchsuite.formatting import cut, share_said
from benchsuite.metrics import METRICS
from benchsuite.pages.leaderboard import words
from benchsuite.pages.numbers import plain_of
from benchsuite.plots import Axis, Plot, Point
from benchsuite.ranking import LATENCY, Entry, pareto
from benchsuite.units import quantity

NO_ENERGY = "No energy was measured with a meter. "
# what accuracy is weighed against, in the order of their charts
COSTS = (ENERGY, "work", "model_size", LATENCY)
# these do not depend on the device: a network on several of them is one point
_OF_NETWORK = frozenset({"work", "model_size", "traffic"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The front of one comparable set.

    Attributes:
        entries: The systems of the set; `best` are the places of those on the front.
        alike: Each entry with those that coincide with it in network, cost and accuracy.
        device: On which they ran; None where the cost does not depend on it.
        origin: Of the energy.
    """

    metric: str
    entries: tuple[Entry, ...]
    alike: tuple[tuple[Entry, ...], ...]
    best: tuple[int, ...]
    device: str | None
    origin: Origin | None
    about: str

    @property
    def networks(self) -> set[str]:
        """Those compared."""
        return {entry.system.workload for entry in self.entries}

    @property
    def measure(self) -> str:
        """Of the accuracy."""
        return self.entries[0].system.source("accuracy").measure or "accuracy"

    @property
    def undominated(self) -> set[str]:
        """Those with a system on the front."""
        return {self.entries[place].system.workload for place in self.best}


def front(board: Sequence[Entry], metric: str) -> Front | None:
    """The front of the set of most networks; None where no set has an entry."""
    return next(iter(fronts(board, metric)), None)


def fronts(board: Sequence[Entry], metric: str) -> list[Front]:
    """The front of every set of systems whose numbers can be compared, that of most networks first.

    Comparable are systems of one class, data set and measure, and for a cost that the device has
    a part in, of one device; energies of one source and boundary that a meter measured.
    """
    sets: dict[tuple[Hashable, ...], list[Entry]] = defaultdict(list)
    for entry in board:
        system = entry.system
        key, row = system.key, system.source("accuracy")
        if entry.unranked or not system.number(metric) or system.number("accuracy") is None:
            continue
        origin = energy_origin(system.source(ENERGY)) if metric == ENERGY else None
        if metric == ENERGY and (origin is None or origin.modelled):
            continue
        device = None if metric in _OF_NETWORK else key.device_name
        sets[entry.rank_class, key.scale, key.dataset, row.measure, device, origin].append(entry)
    found = [_front(group, metric) for group in sets.values()]
    return sorted(found, key=lambda each: (-len(each.networks), -len(each.entries)))


def _front(group: Sequence[Entry], metric: str) -> Front:
    alike = _distinct(group, metric)
    own = [entries[0] for entries in alike]
    system = own[0].system
    origin = energy_origin(system.source(ENERGY)) if metric == ENERGY else None
    device = None if metric in _OF_NETWORK else system.key.device_name
    parts = [own[0].rank_class, system.key.scale, system.key.dataset or "no data", device or ""]
    about = ", ".join(dict.fromkeys(filter(None, parts)))
    if origin is not None:
        about += f"; energy {origin.source}, boundary {origin.boundary}"
    return Front(
        metric=metric,
        entries=tuple(own),
        alike=tuple(alike),
        best=tuple(pareto([(_cost(entry, metric), _accuracy(entry)) for entry in own])),
        device=device,
        origin=origin,
        about=about,
    )


def sentence(found: Front | None, instead: Front | None) -> str | None:
    """How many networks are undominated; where no meter measured energy, against work."""
    shown = found or instead
    if shown is None:
        return None
    return f"{NO_ENERGY if found is None else ''}{_undominated(shown)}"


def plot_id(found: Front, *, first: bool = True) -> str:
    """A chart's name on its page; those after the first of a metric are named by their set."""
    name = f"accuracy-{found.metric.replace('_', '-')}"
    return name if first else f"{name}-{words.slug(f'{found.about}, {found.measure}')}"


def data(found: Front, *, place: str) -> dict[str, Any]:
    """What the script needs to make the front anew of the systems that the filters leave."""
    return {
        "name": plot_id(found, first=False),
        "x": [_cost(entry, found.metric) for entry in found.entries],
        "y": [_accuracy(entry) for entry in found.entries],
        "networks": [entry.system.workload for entry in found.entries],
        "links": [[f"{place}{entry.id}.html" for entry in own] for own in found.alike],
        "against": _against(found),
    }


def plot(found: Front, *, place: str, first: bool = True) -> Plot:
    """A front as a chart; the bars are 95 % intervals.

    Args:
        place: Where the systems' pages lie, as seen from this page.
        first: Whether it is the page's first chart of its metric.
    """
    metric, group, best = found.metric, found.entries, found.best
    info = METRICS[metric]
    software = list(dict.fromkeys(words.software(entry.system) for entry in group))
    several = len(found.networks) > 1
    points = []
    for i, entry in enumerate(group):
        system = entry.system
        accuracy, cost = system.value("accuracy"), system.value(metric)
        points.append(
            Point(
                x=_cost(entry, metric),
                y=_accuracy(entry),
                label=cut(system.workload if several else system.short),
                group=software.index(words.software(system)),
                labelled=i in best,
                link=f"{place}{entry.id}.html",
                high=accuracy.high,
                low=accuracy.low,
                left=cost.low,
                right=cost.high,
            )
        )
    measure = found.measure
    frames = {entry.system.row.frame for entry in group}
    frame = cut(next(iter(frames))) if len(frames) == 1 else "frame"
    against = info.title.lower().replace("frame", frame)
    title = f"{cut(measure)} against {against}"
    unit = info.unit.partition("/")[0]
    return Plot(
        id=plot_id(found, first=first),
        title=title,
        about=found.about,
        svg=plots.scatter(
            points,
            x=Axis(title=against, said=lambda value: quantity(value, unit, digits=2), log=True),
            y=Axis(title=cut(measure), said=share_said(measure)),
            label=f"{title}: {words.count(len(best), 'system')} of {len(group)} on the front",
            front=best,
        ),
        groups=tuple(software),
        heads=("system", "device", measure, "95 % interval", info.title, "on the front"),
        table=tuple(
            (
                entry.system.label,
                entry.system.key.device_name,
                plain_of(entry.system, "accuracy"),
                _interval(entry, measure),
                words.without_query(plain_of(entry.system, metric)),
                "yes" if i in best else "",
            )
            for i, entry in enumerate(group)
        ),
    )


def _undominated(found: Front) -> str:
    verb = "is" if len(found.undominated) == 1 else "are"
    return (
        f"{len(found.undominated)} of {words.count(len(found.networks), 'network')} {verb} "
        f"undominated {_against(found)}."
    )


def _against(found: Front) -> str:
    title = METRICS[found.metric].title.lower()
    where = f" on {cut(found.device)}" if found.device else ""
    return f"in {cut(found.measure)} against {title}{where}"


def _distinct(group: Sequence[Entry], metric: str) -> list[tuple[Entry, ...]]:
    """The systems, those together that coincide in network, accuracy and cost."""
    found: dict[tuple[Hashable, ...], list[Entry]] = defaultdict(list)
    for entry in group:
        pair = (_cost(entry, metric), _accuracy(entry))
        name = (entry.system.workload, pair) if metric in _OF_NETWORK else (entry.id, pair)
        found[name].append(entry)
    return [tuple(own) for own in found.values()]


def _cost(entry: Entry, metric: str) -> float:
    return entry.system.number(metric) or 0.0


def _accuracy(entry: Entry) -> float:
    return entry.system.number("accuracy") or 0.0


def _interval(entry: Entry, measure: str) -> str:
    value = entry.system.value("accuracy")
    if value.low is None or value.high is None:
        return ""
    said = share_said(measure)
    return f"{said(value.low)} to {said(value.high)}"
