"""Who moved it: the change between two systems, drawn here; for any other pair by a script."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchsuite import attribution, charts, compare, formatting
from benchsuite.attribution import ENERGY, OWNERS, SPLITTABLE, TEAMLESS, THROUGHPUT, Missing, Split
from benchsuite.compare import System
from benchsuite.formatting import cut
from benchsuite.pages import Texts
from benchsuite.pages.numbers import plain_of

# the metrics that are factors or addends of a split, and the wholes
_FIGURES = (
    *SPLITTABLE, "work", "fit", "fraction_of_roofline", "configuration_gain", "device_peak",
    "drift", "mean_power", "power_envelope", "reference_accuracy", "accuracy_change",
)  # fmt: skip
SPLIT_TITLES = {THROUGHPUT: "Throughput", ENERGY: "Energy per frame", "accuracy": "Accuracy"}


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
    cause = attribution.cause(before.row, after.row)
    split = attribution.credited(attribution.split(before.row, after.row, metric), cause)
    shares: tuple[tuple[str, str, str], ...] = ()
    lead = rest = ""
    measure = after.source("accuracy").measure if metric == "accuracy" else None
    if isinstance(split, Split):
        parts = attribution.parts_of(split)
        shares = formatting.parts_said(split, measure=measure)
        lead = formatting.change_said(_title(metric, after), split, measure=measure)
        rest = "everything else stayed" if 0 < len(shares) < len(parts) else ""
    return Moved(
        before=before,
        after=after,
        metric=metric,
        lead=lead,
        shares=shares,
        rest=rest,
        refused=split.reason if isinstance(split, Missing) else None,
        waterfall=charts.waterfall(split, measure=measure),
        values=(plain_of(before, metric), plain_of(after, metric)),
        cause=cause.text,
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


def split_data(systems: Sequence[System], texts: Texts | None = None) -> dict[str, Any]:
    """What the script needs to split the change between any two systems.

    Args:
        systems: All that can be picked.
        texts: Where the page keeps its texts, `hows` among them; None keeps these apart.
    """
    shared = _Shared(factors={}, grounds={}, hows=Texts() if texts is None else texts)
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
                "metrics": {metric: shared.metric(system, metric) for metric in SPLITTABLE},
                "figures": shared.figures(system),
            }
            for system in systems
        },
        "factors": [list(own) for own in shared.factors],
        "grounds": [list(own) for own in shared.grounds],
        **({"hows": shared.hows.listed()} if texts is None else {}),
        "owners": dict(OWNERS),
        "teamless": sorted(TEAMLESS),
        "wholes": {
            key: {"title": kind.title, "owner": kind.owner}
            for key, kind in attribution.WHOLES.items()
        },
        "fingerprints": list(attribution.FINGERPRINTS.items()),
        "causes": {
            "same": attribution.CAUSES.same,
            "unknown": attribution.CAUSES.unknown,
            "one": dict(attribution.CAUSES.one),
            "nobody": attribution.NOBODY,
            "several": attribution.CAUSES.several,
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What systems have in common, each kept once and named by its place.

    Attributes:
        factors: Key, title, owner and whole of each factor of a split.
        grounds: Name and value of what two systems must agree in.
        hows: How a figure was obtained.
    """

    factors: dict[tuple[tuple[str, str, str, str | None], ...], int]
    grounds: dict[tuple[tuple[str, str], ...], int]
    hows: Texts

    def figures(self, system: System) -> dict[str, tuple[str, int]]:
        """What a split's notes tell of a system: each metric in it, and its how."""
        return {
            key: (plain_of(system, key), self.hows.place(value.how))
            for key in _FIGURES
            if (value := system.value(key)).value is not None
        }

    def metric(self, system: System, metric: str) -> dict[str, Any]:
        """One metric of a system taken apart, or why it cannot be."""
        found = attribution.factors(system.row, metric)
        shown = {"value": plain_of(system, metric), "title": _title(metric, system)}
        if isinstance(found, Missing):
            return {**shown, "missing": found.reason}
        factors = tuple((f.key, f.title, f.owner, f.part_of) for f in found.factors)
        plain = metric == "accuracy" and formatting.is_correlation(system.source(metric).measure)
        grounds = tuple(found.grounds.items())
        return {
            **shown,
            "number": found.value,
            "scale": formatting.PLAIN if plain else found.scale,
            "grounds": self.grounds.setdefault(grounds, len(self.grounds)),
            "factors": self.factors.setdefault(factors, len(self.factors)),
            "amounts": [f.amount for f in found.factors],
        }
