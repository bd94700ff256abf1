"""All metrics of one system, each with how it was obtained or why it is missing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from benchsuite import attribution
from benchsuite.compare import OK, System
from benchsuite.metrics import METRICS, TEAMS
from benchsuite.pages.numbers import ENERGIES, figure_of, spread_of
from benchsuite.types import Value

_TEAM_TITLES = {
    "system": "system",
    "cnn": "CNN team",
    "software": "software team",
    "hardware": "hardware team",
}


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
        if spread := spread_of(value, metric, row):
            text += f" ({spread})"
        elif value.value is not None and value.high is not None:
            text += f" (at most {figure_of(value.high, metric, row).number})"
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
