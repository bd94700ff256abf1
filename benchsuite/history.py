"""Metrics in the course of time: where their level changed, and what changed there.

Binary segmentation of the mean (Scott and Knott 1974; Vostrikova 1981): a series is cut where two
levels explain it best, as long as the cut reduces the sum of squares by more than a penalty, then
each part is cut again. The penalty is `PENALTY * log(n)` times the variance of the noise, which is
estimated from the differences of neighbours, where a change of level counts once. The factor is
twice that of the modified BIC (Zhang and Siegmund 2007), since the noise of a short series is
itself uncertain. Metrics that are ratios are cut in logarithms.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from benchsuite import digest
from benchsuite.attribution import CAUSES, ENERGY, MODELLED, Cause, cause_between
from benchsuite.compare import said
from benchsuite.figures import Figures
from benchsuite.store import Course, Moment, Moments
from benchsuite.types import COMMIT, SINGLE_STREAM, SystemKey

if TYPE_CHECKING:
    import numpy as np

    Floats = np.ndarray[Any, np.dtype[np.float64]]

# simulated, normal noise: a false alarm in 3 % of steady series of 8 to 12 runs, 1.1 % of 20,
# 0.1 % of 50; a change by three standard deviations amid 30 runs is found in 95 %
PENALTY = 6.0
LEAST_RUNS = 8
LEAST_PART = 3
_HASH = re.compile(r"([0-9a-f]{7})[0-9a-f]*(-dirty)?")
_LEAST_NOISE = 1e-6  # of a ratio, or of a share of 1: below what pages show
_OF_DIFFERENCES = 0.6745 * math.sqrt(2)  # median |difference| / standard deviation
_OF_MEAN = 2 / math.sqrt(math.pi)  # mean |difference| / standard deviation

SPEED = "throughput"
CORRECTED = "throughput_without_drift"
LINEAR = frozenset({"accuracy"})
_OFFLINE = (SPEED, CORRECTED, "energy_per_frame", "accuracy")
_LATENCY = ("latency_p50", "latency_p90")
_READ = (SPEED, "drift", "energy_per_frame", "accuracy", *_LATENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of a metric's level.

    Attributes:
        place: Of the first moment on the new level, in the track.
        run, measured_at: Of that moment.
        run_before, before_at: Of the moment before it.
        commit_before, commit: Of the project in these runs; None where none was recorded.
        environments: Of the moment before and of that moment, by their ids.
        before, after: The levels: mean, of ratios geometric, up to the neighbouring changes.
        cause: By the fingerprints of the moments on both sides of the change.
    """

    metric: str
    place: int
    run: str
    measured_at: str
    run_before: str
    before_at: str
    before: float
    after: float
    cause: Cause
    environments: tuple[str, str]
    commit_before: str | None = None
    commit: str | None = None

    @property
    def commits(self) -> str | None:
        """`abc1234..def5678`: what the project was changed by; None where neither end is known."""
        return range_of(self.commit_before, self.commit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One metric of a row in time.

    Attributes:
        moments: Those at which it has a value, the oldest first.
        values: In the metric's SI unit.
        changes: In time.
    """

    metric: str
    moments: Moments
    values: tuple[float, ...]
    changes: tuple[Change, ...]

    @property
    def modelled(self) -> bool:
        """Whether it is energy that no meter has measured."""
        how = self.moments[-1].digest.energy_how
        return self.metric == ENERGY and how.startswith(MODELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row's tracks; those of energy are of the newest meter and boundary alone."""

    course: Course
    tracks: tuple[Track, ...]

    @property
    def key(self) -> SystemKey:
        """The system's identity."""
        return self.course.key

    @property
    def changes(self) -> tuple[Change, ...]:
        """Of all tracks."""
        return tuple(change for track in self.tracks for change in track.changes)


def lines(
    courses: Iterable[Course], labels: Mapping[str, Mapping[str, str]] = MappingProxyType({})
) -> list[Line]:
    """The tracks of each row with their changes; rows without any value are left out.

    Args:
        courses: Rows over time.
        labels: Of every run, by its id: `commit` tells what was measured.
    """
    commits = {run: own[COMMIT] for run, own in labels.items() if own.get(COMMIT)}
    found = (Line(course=course, tracks=_tracks(course, commits)) for course in courses)
    return [line for line in found if line.tracks]


def as_json(found: Iterable[Line]) -> list[dict[str, Any]]:
    """Every change of level, as `history --json` gives it."""
    return [
        {
            **asdict(line.key),
            "scenario": line.course.scenario,
            "metric": change.metric,
            "run": change.run,
            "measured_at": change.measured_at,
            "run_before": change.run_before,
            "commit": change.commit,
            "commit_before": change.commit_before,
            "commits": change.commits,
            "before": change.before,
            "after": change.after,
            "cause": asdict(change.cause),
        }
        for line in found
        for change in line.changes
    ]


def change_points(values: Sequence[float] | Floats) -> list[int]:
    """The places at which a new level begins; none in a series of less than `LEAST_RUNS`."""
    import numpy as np

    array = np.asarray(values, dtype=np.float64)
    if len(array) < LEAST_RUNS:
        return []
    penalty = PENALTY * math.log(len(array)) * _noise(array) ** 2
    sums = np.concatenate(((0.0,), np.cumsum(array - array.mean())))
    found: list[int] = []
    parts = [(0, len(array))]
    while parts:
        start, end = parts.pop()
        count = end - start
        if count < 2 * LEAST_PART:
            continue
        left = np.arange(LEAST_PART, count - LEAST_PART + 1)
        inner = sums[start + LEAST_PART : end - LEAST_PART + 1] - sums[start]
        total = sums[end] - sums[start]
        # the reduction of the sum of squares when a part of two levels gets both
        gain = (inner - left * (total / count)) ** 2 * (count / (left * (count - left)))
        best = int(gain.argmax())
        if gain[best] > penalty:
            cut = start + LEAST_PART + best
            found.append(cut)
            parts += [(start, cut), (cut, end)]
    return sorted(found)


def _noise(array: Floats) -> float:
    """The standard deviation around the level, from differences of neighbours."""
    import numpy as np

    steps = np.sort(np.abs(np.diff(array)))
    middle = float(steps[(len(steps) - 1) // 2] + steps[len(steps) // 2]) / 2
    noise = middle / _OF_DIFFERENCES if middle else float(steps.mean()) / _OF_MEAN
    return max(noise, _LEAST_NOISE)


def _tracks(course: Course, commits: Mapping[str, str]) -> tuple[Track, ...]:
    import numpy as np

    found: list[Track] = []
    figures = course.figures(_READ)
    driftless = not np.nan_to_num(figures.values["drift"]).any()
    for metric in _LATENCY if course.scenario == SINGLE_STREAM else _OFFLINE:
        values = _values(figures, metric)
        known = ~np.isnan(values)
        if not known.any():
            continue
        here = course.moments if known.all() else course.moments.only(known.tolist())
        # drift is nobody's change: speed as measured is judged only where drift is not known
        judged = metric != SPEED or driftless
        found.append(_track(metric, here, values[known], judged=judged, commits=commits))
    return tuple(found)


def _values(figures: Figures, metric: str) -> Floats:
    """A metric at every moment; NaN where it has no value that can be judged."""
    import numpy as np

    values: Floats
    if metric == CORRECTED:
        speed, drift = figures.values[SPEED], figures.values["drift"]
        values = np.divide(speed, drift, out=np.full(len(speed), np.nan), where=drift != 0)
    else:
        values = figures.values[metric]
    if metric not in LINEAR:
        values = np.where(values > 0, values, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    if metric == ENERGY and len(known):  # another meter or boundary is another quantity
        newest = figures.sources[known[-1]]
        same = [source == newest for source in figures.sources]
        values = np.where(same, values, np.nan)
    return values


def _track(
    metric: str,
    moments: Moments,
    values: Floats,
    *,
    judged: bool,
    commits: Mapping[str, str],
) -> Track:
    import numpy as np

    scaled = values if metric in LINEAR else np.log(values)
    judged = judged and bool((values != values[0]).any())  # a constant has one level
    places = [0, *(change_points(scaled) if judged else ()), len(values)]
    levels = [float(scaled[start:end].mean()) for start, end in pairwise(places)]
    if metric not in LINEAR:
        levels = [math.exp(level) for level in levels]
    changes = tuple(
        _change(metric, moments, place, levels[number : number + 2], commits=commits)
        for number, place in enumerate(places[1:-1])
    )
    return Track(metric=metric, moments=moments, values=tuple(values.tolist()), changes=changes)


def _change(
    metric: str,
    moments: Moments,
    place: int,
    levels: Sequence[float],
    *,
    commits: Mapping[str, str],
) -> Change:
    """The change at a place: `levels` are those before and after it."""
    before, first = moments[place - 1], moments[place]
    return Change(
        metric=metric,
        place=place,
        run=first.run,
        measured_at=first.measured_at,
        run_before=before.run,
        before_at=before.measured_at,
        commit_before=commits.get(before.run),
        commit=commits.get(first.run),
        environments=(before.digest.environment, first.digest.environment),
        before=levels[0],
        after=levels[1],
        cause=_cause(before, first),
    )


def range_of(before: str | None, after: str | None) -> str | None:
    """`abc1234..def5678`, as git names what lies between two commits; None where none is known."""
    if before is None and after is None:
        return None
    return f"{_short(before)}..{_short(after)}"


def _short(commit: str | None) -> str:
    """As git shortens a hash; another name as it is, within bounds."""
    if commit is None:
        return "unknown"
    hashed = _HASH.fullmatch(commit)
    return f"{hashed[1]}{hashed[2] or ''}" if hashed else said(commit, longest=40)


def _cause(before: Moment, after: Moment) -> Cause:
    found = cause_between(digest.fingerprint(before.digest), digest.fingerprint(after.digest))
    if found.text == CAUSES.same:
        return Cause(
            differing=(),
            team=None,
            text="No fingerprint changed here: something that is not recorded, or noise.",
        )
    return found
