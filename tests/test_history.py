"""Tests of `benchsuite.history`: levels change where they do, and the cause is what differs."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from benchsuite import history
from benchsuite.cli import main
from benchsuite.store import open_store
from benchsuite.types import Result, Value
from tests.fakes import environments, fingerprint, key, result, run_info


def noisy(levels: list[tuple[float, int]], *, noise: float, seed: int = 1) -> list[float]:
    """Levels one after another with normal noise."""
    chance = random.Random(seed)
    return [level + chance.gauss(0, noise) for level, count in levels for _ in range(count)]


def test_a_steady_series_has_no_change() -> None:
    """Noise alone, a constant, and what is too short give no change point."""
    alarms = sum(bool(history.change_points(noisy([(0, 40)], noise=1, seed=s))) for s in range(100))
    assert alarms <= 3
    assert history.change_points([0.98] * 50) == []
    assert history.change_points([1.0, 1.0, 2.0, 2.0]) == []
    assert history.change_points([]) == []


@pytest.mark.parametrize("places", [[15], [10, 25], [8, 16, 24]])
def test_changes_are_found_where_they_are(places: list[int]) -> None:
    """Jumps by eight standard deviations are found at the very run, up or down."""
    ends = [0, *places, 40]
    levels = [(float(n % 2), b - a) for n, (a, b) in enumerate(pairwise(ends))]
    assert history.change_points(noisy(levels, noise=0.125)) == places


def test_a_constant_that_jumps_is_a_change() -> None:
    """An accuracy without noise that falls is seen though no noise can be estimated."""
    assert history.change_points([0.98] * 10 + [0.97] * 5) == [10]


def row(day: int, *, speed: float, software: str, drift: float = 1.0) -> Result:
    """A night's row."""
    made = result(drift=drift)
    metrics = dict(made.metrics)
    metrics["throughput"] = Value(value=speed * drift, how="measured")
    return replace(
        made,
        run=f"r{day:02d}",
        measured_at=f"2026-01-{day + 1:02d}T02:00:00+00:00",
        metrics=metrics,
        fingerprint=fingerprint(key(), software=software),
    )


def test_the_fingerprint_that_changed_is_the_cause(tmp_path: Path) -> None:
    """Newer software that is faster is named; the device's drift, corrected for, is not."""
    store = open_store(tmp_path / "r.db")
    chance = random.Random(3)
    for day in range(24):
        store.add_run(run_info(id=f"r{day:02d}"), plan=[])
        newer = day >= 12
        speed = 1000 * (1.2 if newer else 1.0) * chance.gauss(1, 0.01)
        made = row(
            day, speed=speed, software="new" if newer else "old", drift=0.8 if day >= 18 else 1.0
        )
        store.add(made, environment=environments()["e1"])
    (line,) = history.lines(store.courses())
    by_metric = {track.metric: track for track in line.tracks}
    assert by_metric["throughput"].changes == ()
    (change,) = by_metric[history.CORRECTED].changes
    assert (change.place, change.run) == (12, "r12")
    assert change.after / change.before == pytest.approx(1.2, rel=0.02)
    assert change.cause.differing == ("software",)
    assert change.cause.team == "software"
    (said,) = [each for each in history.as_json([line]) if each["metric"] == history.CORRECTED]
    assert said["run"] == "r12"


def test_what_is_not_recorded_is_said(tmp_path: Path) -> None:
    """A change without another fingerprint names nobody."""
    store = open_store(tmp_path / "r.db")
    for day in range(24):
        speed = (1000.0 if day < 12 else 700.0) + day % 3
        store.add(row(day, speed=speed, software="same"), environment=environments()["e1"])
    (line,) = history.lines(store.courses())
    causes = {change.cause.text for change in line.changes}
    assert causes == {"No fingerprint changed here: something that is not recorded, or noise."}


def test_another_meter_is_no_change_of_energy(tmp_path: Path) -> None:
    """A course of energy holds what the newest meter and boundary gave, nothing else."""
    store = open_store(tmp_path / "r.db")
    for day in range(24):
        source = "modelled" if day < 12 else "rapl"
        made = replace(
            result(source=source, power=20.0 if day < 12 else 40.0),
            run=f"r{day:02d}",
            measured_at=f"2026-01-{day + 1:02d}T02:00:00+00:00",
        )
        store.add(made, environment=environments()["e1"])
    (line,) = history.lines(store.courses())
    (energy,) = [track for track in line.tracks if track.metric == "energy_per_frame"]
    assert len(energy.values) == 12
    assert energy.changes == ()
    assert not energy.modelled


def test_results_of_one_moment_keep_their_order(tmp_path: Path) -> None:
    """By time, not by when they were stored; of one second, by their numbers."""
    store = open_store(tmp_path / "r.db")
    for run, day in (("c", 3), ("a", 1), ("b", 1)):
        made = replace(row(day, speed=1000.0, software="x"), run=run)
        store.add(made, environment=environments()["e1"])
    (course,) = store.courses()
    assert [moment.run for moment in course.moments] == ["a", "b", "c"]


def test_a_damaged_digest_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is read late; it is a user's trouble all the same, not a traceback."""
    store = open_store(tmp_path / "r.db")
    store.add(row(1, speed=1000.0, software="x"), environment=environments()["e1"])
    with sqlite3.connect(tmp_path / "r.db") as connection:
        connection.execute("UPDATE digests SET body = x'ff00'")
    place = ["--store", str(tmp_path / "r.db"), "-o", str(tmp_path / "h.html")]
    assert main(["history", *place]) == 2
    said = capsys.readouterr().err
    assert said.startswith("benchsuite: the store is damaged (")
    assert said.rstrip().endswith("restore it from a copy")
