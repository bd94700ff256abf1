"""The page of a system: where it stands, how to measure it again, its course, all its metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchsuite import compare, exchange, history, plots
from benchsuite.attribution import ENERGY, THROUGHPUT
from benchsuite.compare import System
from benchsuite.formatting import cut, date_said, share_said
from benchsuite.history import CORRECTED, SPEED, Line, Track
from benchsuite.metrics import METRICS
from benchsuite.pages.everything import everything_of
from benchsuite.pages.leaderboard import site, words
from benchsuite.pages.leaderboard.again import Again
from benchsuite.pages.leaderboard.site import Page
from benchsuite.pages.numbers import figure_of, plain_of
from benchsuite.plots import Axis, Plot
from benchsuite.ranking import LATENCY, Entry
from benchsuite.store import Course
from benchsuite.units import quantity

TEMPLATE = "system.html.j2"
_RECENT = 10
# what a window gives, which its doubts are about; accuracy, work and size are exact
_OF_A_ROW = frozenset({THROUGHPUT, "latency_p50", LATENCY, ENERGY, "mean_power", "max_power",
                       "fraction_of_roofline"})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackShown:
    """A metric's course with its changes in words."""

    plot: Plot
    changes: tuple[tuple[str, str, str, str], ...]


def pages(
    entry: Entry, system: System, lines: Sequence[Line], repeat: Again, *, slug: str, root: Path
) -> Iterator[Page]:
    """The page of a system and its JSON.

    Args:
        entry: Where it stands.
        system: The same with everything that is stored of it.
        lines: Its rows' courses.
        repeat: How to measure it again.
        slug: Of its workload's page.
        root: The content folder that holds `reports/`.
    """
    key, row = system.key, system.row
    view = {
        "title": cut(f"{key.workload} {key.backend} {key.precision}"),
        "entry": entry,
        "system": system,
        "workload": key.workload,
        "workload_page": f"../workload/{slug}.html",
        "finding": _finding(entry, system),
        "meta": [
            ("class", row.rank_class),
            ("device", key.device_name),
            ("run", f"run {row.run}"),
            ("measured", date_said(row.measured_at)),
            ("provenance", words.provenance(entry)),
            *([("weights", words.OWN_WEIGHTS)] if entry.own_weights else []),
        ],
        "standing": _standing(entry, system),
        "again": repeat,
        "bytes_said": lambda value: quantity(float(value), "B"),
        "tracks": [shown for line in lines for shown in _tracks(line, system)],
        "courses": [_course_table(line.course, system) for line in lines],
        "everything": everything_of(system),
        "doubts": list(
            dict.fromkeys((d.code, d.message) for r in system.rows.values() for d in r.doubts)
        ),
    }
    yield site.page(f"system/{entry.id}.html", TEMPLATE, view, [], root=root)
    told = {
        "entry": site.entry_json(entry),
        "command": repeat.command,
        "run": {"command": repeat.whole, "labels": dict(repeat.labels)},
        "environment": repeat.environment,
        "results": [exchange.result_json(row) for row in system.rows.values()],
        "changes": history.as_json(lines),
    }
    yield site.json_page(f"system/{entry.id}.json", told)


def _finding(entry: Entry, system: System) -> str:
    key = system.key
    who = f"{cut(key.workload)} with {cut(key.backend)} {cut(key.precision)}"
    if system.number(THROUGHPUT) is None:
        return f"{who}: no speed was measured."
    said = f"{who} runs at {plain_of(system, THROUGHPUT)}"
    if place := entry.places.get(THROUGHPUT):
        if place.of > 1:
            said += f": place {place}"
    elif entry.unranked:
        said += ", unranked"
    return said + "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A figure one looks for first.

    Attributes:
        beside: Its place, or why it has none.
        doubt: Why its row is doubted; empty where it is not.
    """

    title: str
    value: str
    beside: str
    doubt: str


def _standing(entry: Entry, system: System) -> list[Standing]:
    """The figures one looks for first, in the order in which one does."""
    keys = ("accuracy", THROUGHPUT, "latency_p50", LATENCY, ENERGY, "mean_power", "max_power",
            "peak_memory", "work", "model_size", "fraction_of_roofline")  # fmt: skip
    found = []
    for metric in keys:
        if system.number(metric) is None:
            continue
        place = entry.places.get(metric)
        if place:
            beside = f"place {place}"
        elif metric == "accuracy":
            beside = words.target(system)
        else:
            beside = entry.reasons.get(metric, "")
        found.append(
            Standing(
                title=METRICS[metric].title,
                value=words.without_query(plain_of(system, metric)),
                beside=beside,
                doubt=words.doubts_said(entry.doubted(metric)) if metric in _OF_A_ROW else "",
            )
        )
    return found


def _tracks(line: Line, system: System) -> list[TrackShown]:
    """A row's metrics in time; speed with its drift-corrected course."""
    by_metric = {track.metric: track for track in line.tracks}
    found = []
    for track in line.tracks:
        if track.metric == CORRECTED or len(track.values) < 2:
            continue
        corrected = by_metric.get(CORRECTED) if track.metric == SPEED else None
        found.append(_track(track, corrected, line, system))
    return found


def _track(track: Track, corrected: Track | None, line: Line, system: System) -> TrackShown:
    row = system.rows[line.course.scenario]
    info = METRICS[track.metric]
    shown = corrected if corrected and len(corrected.values) == len(track.values) else track

    def said(value: float) -> str:
        if track.metric in history.LINEAR:
            return share_said(row.measure)(value)
        return words.without_query(str(figure_of(value, track.metric, row)))

    runs = words.count(len(track.values), "run")
    changes = [
        (
            date_said(change.measured_at).partition(" ")[0],
            words.change_said(line, change),
            f"{said(change.before)} to {said(change.after)}",
            change.cause.text,
        )
        for change in shown.changes
    ]
    ends = tuple(date_said(track.moments[place].measured_at).partition(" ")[0] for place in (0, -1))
    modelled = "modelled " if track.modelled else ""
    title = f"{modelled}{info.title}, {line.course.scenario}"
    about = "without the device's drift; the pale line is as measured" if shown is corrected else ""
    plot = Plot(
        id=f"{track.metric}-{words.slug(line.course.scenario)}".replace("_", "-"),
        title=title,
        about=about,
        svg=plots.course(
            shown.values,
            y=Axis(title=info.title.lower(), said=said),
            ends=(ends[0], ends[1]),
            changes=[
                (change.place, text)
                for change, (_, text, _, _) in zip(shown.changes, changes, strict=True)
            ],
            beside=track.values if shown is corrected else (),
            label=f"{title}: {runs}, {words.count(len(changes), 'change')}",
        ),
        groups=(),
        heads=("measured", "run", *(("as measured", "without drift") if shown is corrected
                                    else (info.title,))),
        table=tuple(
            (
                date_said(moment.measured_at),
                moment.run,
                said(value),
                *((said(shown.values[place]),) if shown is corrected else ()),
            )
            for place, (moment, value) in list(
                enumerate(zip(track.moments, track.values, strict=True))
            )[: -_RECENT - 1 : -1]
        ),
    )  # fmt: skip
    return TrackShown(plot=plot, changes=tuple(changes))


def _course_table(course: Course, system: System) -> tuple[str, int, int]:
    """Scenario, how many results, and how many of them failed."""
    failed = sum(moment.digest.status != compare.OK for moment in course.moments)
    return course.scenario, len(course.moments), failed
