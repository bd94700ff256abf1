"""Tests of `benchsuite.ranking`: places are among equals only."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from benchsuite import digest
from benchsuite.compare import join
from benchsuite.places import placed
from benchsuite.ranking import Entry, entries, pareto
from benchsuite.shipped import shipped_weights
from benchsuite.spread import QUANTILE
from benchsuite.steadiness import still_moved
from benchsuite.store import open_store
from benchsuite.types import SINGLE_STREAM, Doubt, Process, Result
from tests.fakes import environments, failed, result, run_info


def board(rows: list[Result], tmp_path: Path) -> list[Entry]:
    """The rows as a leaderboard."""
    store = open_store(tmp_path / "r.db")
    for row in rows:
        store.add(row, environment=environments()["e1"])
    return entries(store.latest())


def places(found: list[Entry], metric: str) -> list[tuple[str, int, int]]:
    """Backend, place and size of the set of every placed entry."""
    return [
        (e.system.key.backend, e.places[metric].place, e.places[metric].of)
        for e in found
        if metric in e.places
    ]


def test_the_fastest_is_first(tmp_path: Path) -> None:
    """Within one set places follow the metric; equals share a place."""
    rows = [result(backend=b, roofline=r) for b, r in (("a", 0.2), ("b", 0.4), ("c", 0.2))]
    assert places(board(rows, tmp_path), "throughput") == [("a", 2, 3), ("b", 1, 3), ("c", 2, 3)]


@pytest.mark.parametrize(
    "change",
    [
        {"fields": {"rank_class": "qualified"}},
        {"fields": {"rank_class": "speed-only"}},
        {"identity": {"scale": "reference"}},
        {"identity": {"dataset": "other"}},
        {"frame": "pixel"},
    ],
)
def test_what_differs_in_more_than_the_system_is_never_ranked_together(
    change: dict[str, object], tmp_path: Path
) -> None:
    """Another class, scale, data set or frame is another set."""
    found = board([result(backend="a"), result(backend="b", **change)], tmp_path)  # type: ignore[arg-type]
    assert places(found, "throughput") == [("a", 1, 1), ("b", 1, 1)]


def test_energy_is_ranked_by_one_meter_and_boundary(tmp_path: Path) -> None:
    """Modelled energy has no place; counters on board and package are apart."""
    rows = [
        result(backend="a"),
        result(backend="b", source="rapl"),
        result(backend="c", source="nvml counter", boundary="board"),
        result(backend="d", source="nvml counter", boundary="board", power=10.0),
    ]
    found = board(rows, tmp_path)
    assert places(found, "energy_per_frame") == [("b", 1, 1), ("c", 2, 2), ("d", 1, 2)]
    assert found[0].reasons["energy_per_frame"] == "modelled, not measured"
    assert len(places(found, "throughput")) == 4


def test_scenarios_are_apart_and_joined(tmp_path: Path) -> None:
    """Latency is ranked by SingleStream, throughput by Offline, and both are one system."""
    rows = [result(), result(scenario=SINGLE_STREAM)]
    (found,) = board(rows, tmp_path)
    assert set(found.system.rows) == {"Offline", "SingleStream"}
    assert set(found.places) == {"throughput", "latency_p90"}


def test_the_unranked_say_why(tmp_path: Path) -> None:
    """A failure, a doubt's class and a missed target take no place and tell the reason."""
    missed = result(backend="b", accuracy_change=-0.5)
    doubted = result(
        backend="c", fields={"rank_class": "unranked", "class_reason": "contended: 31 %"}
    )
    found = board([failed(backend="a", reason="killed"), missed, doubted], tmp_path)
    assert [e.unranked for e in found] == [
        "failed: killed", "the accuracy misses its target", "contended: 31 %",
    ]  # fmt: skip
    assert all(not e.places and e.rank_class == "unranked" for e in found)


def test_what_is_not_told_apart_may_have_either_place(tmp_path: Path) -> None:
    """3 % lie within the interval of two lone processes (3.6 %), 5 % do not."""
    speeds = (("a", 0.400), ("b", 0.388), ("c", 0.380), ("d", 0.300))
    rows = [result(backend=b, roofline=r) for b, r in speeds]
    found = board(rows, tmp_path)
    # c is told to be slower than a, not than b
    assert [str(e.places["throughput"]) for e in found] == [
        "1–2 of 4",
        "1–3 of 4",
        "2–3 of 4",
        "4 of 4",
    ]


def test_a_row_that_was_not_steady_is_told_apart_from_fewer(tmp_path: Path) -> None:
    """Its interval is as wide as its median still moved."""
    moved = Doubt(code="not_steady", message="Offline: (the median still moved 20.0%). Repeat it")
    store = open_store(tmp_path / "r.db")
    for row in (
        result(backend="a", roofline=0.4),
        result(backend="b", roofline=0.3, fields={"doubts": (moved,)}),
        result(backend="c", roofline=0.2),
    ):
        store.add(row, environment=environments()["e1"])
    found = entries(store.latest())
    assert [str(e.places["throughput"]) for e in found] == ["1–2 of 3", "1–3 of 3", "2–3 of 3"]
    (doubt,) = found[1].doubted("throughput")
    assert (doubt.code, still_moved([doubt])) == ("not_steady", 0.2)
    assert found[0].doubts == {}


def test_several_processes_tell_apart_what_lone_ones_do_not(tmp_path: Path) -> None:
    """A row of `--repeats` strays as its processes did: 2 % are told apart within 0.4 %."""
    store = open_store(tmp_path / "r.db")
    for backend, roofline in (("a", 0.400), ("b", 0.392)):
        row = result(backend=backend, roofline=roofline)
        speed = row.metrics["throughput"]
        assert speed.value is not None
        narrow = replace(speed, low=0.998 * speed.value, high=1.002 * speed.value)
        moments = tuple(Process(measured_at=f"2026-01-0{i}T00:00:00+00:00") for i in (1, 2, 3))
        row = replace(row, metrics={**row.metrics, "throughput": narrow}, processes=moments)
        store.add(row, environment=environments()["e1"])
    assert [str(e.places["throughput"]) for e in entries(store.latest())] == ["1 of 2", "2 of 2"]


@pytest.mark.parametrize("seed", range(5))
def test_places_are_those_of_the_definition(seed: int) -> None:
    """Below those told to be better, above those told to be worse, whatever the variances."""
    draw = random.Random(seed)
    systems = join([result(backend=f"b{i}", roofline=draw.uniform(0.1, 0.5)) for i in range(40)])
    variances = {system.id: draw.uniform(0.001, 0.1) ** 2 for system in systems}
    speed = {system.id: system.number("throughput") or 0.0 for system in systems}
    for system, place in placed(systems, "throughput", variances=variances):
        ahead = [
            math.log(speed[other.id] / speed[system.id])
            / math.sqrt(variances[other.id] + variances[system.id])
            for other in systems
        ]
        assert place.place == 1 + sum(each > QUANTILE for each in ahead)
        assert place.last == 40 - sum(each < -QUANTILE for each in ahead)


def test_places_follow_the_values() -> None:
    """A noisy system in the middle has a wide range and moves nobody else's."""
    systems = join([result(backend=f"b{i}", roofline=0.5 * 0.9**i) for i in range(4)])
    wide = {system.id: 0.001**2 for system in systems}
    wide[systems[1].id] = 0.5**2
    found = [str(place) for _, place in placed(systems, "throughput", variances=wide)]
    assert found == ["1–2 of 4", "1–4 of 4", "2–3 of 4", "3–4 of 4"]


def test_the_newest_result_counts(tmp_path: Path) -> None:
    """Of a row's results the last measured is shown, whatever order they were stored in."""
    store = open_store(tmp_path / "r.db")
    for run, day, roofline in (("new", 20, 0.4), ("old", 10, 0.8)):
        store.add_run(run_info(id=run), plan=[])
        made = result(roofline=roofline)
        moment = f"2026-01-{day}T00:00:00+00:00"
        store.add(replace(made, run=run, measured_at=moment), environment={})
    (latest,) = store.latest()
    assert (latest.result.run, latest.runs, latest.raw) == ("new", 2, False)
    assert store.whole([latest.id])[latest.id].metrics["fraction_of_roofline"].value == 0.4


def test_the_pareto_front_is_what_nothing_beats() -> None:
    """Less of the first and more of the second; coincident points stay together."""
    points = [(3.0, 0.9), (1.0, 0.5), (2.0, 0.5), (2.5, 0.7), (4.0, 0.9), (3.0, 0.9)]
    assert pareto(points) == [1, 3, 0, 5]
    assert pareto([]) == []


def test_weights_that_do_not_travel_with_the_workload_are_told(tmp_path: Path) -> None:
    """Other weights may be honest: the system stays ranked and says so."""
    folder = tmp_path / "workloads" / "weights" / "image" / "squeezenet"
    folder.mkdir(parents=True)
    row = result()
    assert row.fingerprint is not None
    record = folder / f"{row.key.scale}-{row.key.dataset}.json"
    store = open_store(tmp_path / "r.db")
    store.add(row, environment={})
    latest = store.latest()
    for held, own in ((row.fingerprint.weights, False), ("another", True)):
        record.write_text(json.dumps({"weights_hash": held}))
        (found,) = entries(latest, shipped=shipped_weights(tmp_path))
        assert found.own_weights == own
        assert found.unranked is None and found.places["throughput"].place == 1
    record.unlink()
    (found,) = entries(latest, shipped=shipped_weights(tmp_path))
    assert not found.own_weights


@pytest.mark.parametrize("workload", ["../../secret", "/etc", "a" * 10_000, "\0"])
def test_no_file_outside_the_weights_is_read(workload: str, tmp_path: Path) -> None:
    """A workload's name in a result may be anything."""
    (tmp_path / "workloads" / "weights").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "embedded-x.json").write_text('{"weights_hash": "w"}')
    key = replace(result().key, workload=workload, scale="embedded", dataset="x")
    assert shipped_weights(tmp_path)(key) is None


def test_a_digest_of_before_says_that_its_movement_was_not_kept() -> None:
    """Its place takes the row for steady: whoever reads the mark is told so."""
    doubt = Doubt(code="not_steady", message="Offline: (the median still moved 20.0%). Repeat it")
    row = result(fields={"doubts": (doubt,)})
    whole = digest.unpack(digest.pack(row))
    told = [
        digest.result(each, run="r", key=row.key, scenario=row.scenario, measured_at="").doubts
        for each in (whole, msgspec.structs.replace(whole, moved=None))
    ]
    assert [still_moved(own) for own in told] == [0.2, None]
    assert "takes it for steady" in told[1][0].message
    assert "steady:" in told[0][0].message and "not kept" not in told[0][0].message
