"""Tests of `benchsuite.importing`: what export wrote comes back, what is unsound is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchsuite import exchange, importing
from benchsuite.cli import main
from benchsuite.errors import BadInput
from benchsuite.importing import import_files, read
from benchsuite.store import Store, open_store
from tests import golden_store
from tests.fakes import environments, run_info, troubled_run


def filled(path: Path) -> Store:
    """A store with one run in which everything went wrong that can."""
    store = open_store(path)
    store.add_run(run_info(), plan=[])
    for row in troubled_run():
        store.add(row, environment=environments()["e1"])
    return store


def exported(store: Store) -> dict[str, Any]:
    """What `export --format json` writes."""
    found: dict[str, Any] = json.loads(json.dumps(exchange.to_json(store, store.runs())))
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An export."""
    return exported(filled(tmp_path_factory.mktemp("store") / "r.db"))


def test_an_export_comes_back_as_it_was(data: dict[str, Any], tmp_path: Path) -> None:
    """Exporting what was imported gives the same JSON, hostile names and missing values too."""
    (tmp_path / "a.json").write_text(json.dumps(data))
    store = open_store(tmp_path / "other.db")
    done = import_files(store, [tmp_path / "a.json"])
    assert (done.runs, done.results, done.skipped) == (1, len(data["results"]), ())
    assert exported(store) == data
    assert all(not each.raw for each in store.latest())


def test_processes_come_back_but_for_metrics_that_nobody_knows(
    data: dict[str, Any], tmp_path: Path
) -> None:
    """`processes` of another machine are kept where the row is one of them."""
    other = json.loads(json.dumps(data))
    value = other["results"][0]["metrics"]["throughput"]["value"]
    other["results"][0]["processes"] = _processes(value) + _processes(2 * value)
    (tmp_path / "a.json").write_text(json.dumps(other))
    store = open_store(tmp_path / "other.db")
    import_files(store, [tmp_path / "a.json"])
    stored = exported(store)["results"][0]["processes"]
    assert [each["values"] for each in stored] == [{"throughput": value}, {"throughput": 2 * value}]


def test_a_run_that_is_stored_is_left_out(data: dict[str, Any], tmp_path: Path) -> None:
    """The second import of the same file changes nothing and says so."""
    (tmp_path / "a.json").write_text(json.dumps(data))
    store = open_store(tmp_path / "other.db")
    import_files(store, [tmp_path / "a.json"])
    again = import_files(store, [tmp_path / "a.json"])
    assert (again.runs, again.results, again.skipped) == (0, 0, ("7f3a91c2",))
    assert exported(store) == data


def test_what_is_newer_is_ignored(data: dict[str, Any]) -> None:
    """Unknown keys and metrics of a later version within schema /1 do no harm."""
    later = json.loads(json.dumps(data))
    later["news"] = 1
    later["results"][0]["mood"] = "good"
    later["results"][0]["metrics"]["mood"] = {"value": 1, "unit": "1", "how": "", "reason": None}
    assert "mood" not in read(json.dumps(later).encode(), name="f").results[0].metrics


def _at(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        inner: Any = data
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value

    return change


def _processes(throughput: object) -> list[dict[str, Any]]:
    """One process, as `run --repeats` would have written it."""
    return [
        {
            "measured_at": "2026-01-01T00:00:00+00:00",
            "values": {"throughput": throughput, "a newer version's": 1.0},
            "warnings": [],
        }
    ]


ROW = ("results", 0)
METRIC = (*ROW, "metrics", "throughput")
UNSOUND = {
    "schema": (_at("schema", value="benchsuite/results/9"), "schema 'benchsuite/results/9'"),
    "no schema": (lambda d: d.pop("schema"), "missing required field `schema`"),
    "no runs": (lambda d: d.pop("runs"), "missing required field `runs`"),
    "type": (_at(*ROW, "batch", value="4"), r"Expected `int`, got `str` - at `\$.results\[0\]"),
    "batch": (_at(*ROW, "batch", value=0), "batch"),
    "endless batch": (_at(*ROW, "batch", value=10**30), "batch"),
    "class": (_at(*ROW, "class", value="best"), "Invalid enum value 'best'"),
    "run": (_at(*ROW, "run", value="zz"), r"results\[0\]: its run 'zz' is not in the file"),
    "environment": (_at(*ROW, "environment", value="zz"), "environment 'zz' is not in the file"),
    "domain": (_at(*ROW, "domain", value="text"), "is not that of workload"),
    "run id": (_at("runs", 0, "id", value="../../etc"), "matching regex"),
    "run twice": (lambda d: d["runs"].append(d["runs"][0]), "run 7f3a91c2 is there twice"),
    "row twice": (lambda d: d["results"].append(d["results"][0]), "is there twice in its run"),
    "time": (_at(*ROW, "measured_at", value="yesterday"), "'yesterday' is no ISO time"),
    "unit": (_at(*METRIC, "unit", value="frame/h"), "the contract says 'frame/s'"),
    "no reason": (_at(*METRIC, "value", value=None), "a missing one needs one"),
    "negative": (_at(*METRIC, "value", value=-1.0), "must be above 0"),
    "bounds": (_at(*METRIC, "low", value=1e20), "is above the value"),
    "implausible": (_at(*METRIC, "value", value=1e9), "peak x fraction_of_peak / work is"),
    "how": (_at(*METRIC, "how", value=" "), "throughput: a value needs its how"),
    "processes": (_at(*ROW, "processes", value="three"), "Expected `array`, got `str`"),
    "process": (_at(*ROW, "processes", value=_processes("x")), "Expected `float | null`"),
    "below zero": (_at(*ROW, "processes", value=_processes(-1.0)), r"none of|above 0"),
    "endless": (_at(*METRIC, "value", value=1e300), r"1e\+300 is beyond 1e\+24"),
    "vanishing": (_at(*METRIC, "value", value=1e-320), "is below 1e-24"),
    "endless process": (_at(*ROW, "processes", value=_processes(1e300)), "is beyond|of none of"),
    "endless target": (_at(*ROW, "target", value=-1e300), "is beyond"),
    "text for a number": (_at(*METRIC, "value", value="NaN"), "Expected `float | null`"),
    "negative seconds": (_at("runs", 0, "seconds", value=-1.0), "seconds|>= 0"),
    "endless seconds": (_at("runs", 0, "seconds", value=1e300), "<= 1"),
    "negative time": (_at(*ROW, "metrics", "compile_time", "value", value=-2.0), "not be negative"),
    "negative bound": (_at(*METRIC, "low", value=-1.0), "must be above 0"),
    "negative memory": (_at(*ROW, "metrics", "peak_memory", "low", value=-1.0), "not be negative"),
    "too many processes": (
        _at(*ROW, "processes", value=_processes(1.0) * 10_001), "length <= 10000",
    ),
    "foreign processes": (_at(*ROW, "processes", value=_processes(1e12)), "of none of its 1 proc"),
    "accuracy": (_at(*ROW, "metrics", "accuracy", "value", value=98.2), "is above|below|no share"),
    "failed with numbers": (_at(*ROW, "status", value="failed"), "status failed"),
    "qualified": (_at(*ROW, "class", value="qualified"), "class qualified at scale embedded"),
    "below its target": (_at(*ROW, "target", value=0.999), "class embedded with accuracy"),
    "no target": (_at(*ROW, "target", value=None), "class embedded without a target"),
    "contended": (
        _at(*ROW, "warnings", value=[{"code": "contended", "message": "m"}]),
        "class embedded beside the doubt contended",
    ),
    "the future": (_at(*ROW, "measured_at", value="2999-01-01T00:00:00+00:00"), "in the future"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSOUND)
def test_what_is_unsound_is_refused_whole(
    name: str,
    data: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One sentence names the file and what is wrong; the exit code is 2; nothing is stored."""
    # the made-up rows' targets are not those of the workloads whose names they have
    monkeypatch.setattr(importing, "contract_of", lambda _: lambda _: None)
    change, said = UNSOUND[name]
    bad = json.loads(json.dumps(data))
    change(bad)
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(bad))
    good = json.loads(json.dumps(data).replace("7f3a91c2", "aaaaaaaa"))
    (tmp_path / "good.json").write_text(json.dumps(good))
    with pytest.raises(BadInput, match=said):
        read(path.read_bytes(), name="bad.json")
    place = tmp_path / "s.db"
    assert main(["import", str(tmp_path / "good.json"), str(path), "--store", str(place)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"benchsuite: {path}")
    assert len(error.splitlines()) == 1
    assert open_store(place).runs() == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "nonsense", "[" * 100_000, '{"schema": "benchsuite/results/1"', "\udcff\udcfe"],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    """Cut off, deep beyond measure or not UTF-8: one sentence."""
    with pytest.raises(BadInput, match="no sound results JSON"):
        read(text.encode("utf-8", "surrogateescape"), name="f")


def test_numbers_beyond_all_are_refused(data: dict[str, Any]) -> None:
    """NaN is no JSON, and a literal beyond a double's range is no number."""
    for literal in ("NaN", "1e999"):
        bad = json.loads(json.dumps(data))
        bad["results"][0]["metrics"]["throughput"]["value"] = 0.125125
        text = json.dumps(bad).replace("0.125125", literal, 1)
        with pytest.raises(BadInput):
            read(text.encode(), name="f")


def test_another_machine_under_a_stored_environments_id_is_refused(
    data: dict[str, Any], tmp_path: Path
) -> None:
    """Facts that are stored are never exchanged for others, and nothing is half imported."""
    store = filled(tmp_path / "r.db")
    other = json.loads(json.dumps(data).replace("7f3a91c2", "bbbbbbbb"))
    other["environments"]["e1"]["benchsuite"] = "9"
    (tmp_path / "a.json").write_text(json.dumps(other))
    with pytest.raises(BadInput, match="environment e1 is stored already"):
        import_files(store, [tmp_path / "a.json"])
    assert [run.id for run in store.runs()] == ["7f3a91c2"]


def test_parquet_needs_pyarrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without it, the pip line; with it, a file."""
    import sys

    filled(tmp_path / "r.db")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    arguments = ["export", "--format", "parquet", "--store", str(tmp_path / "r.db")]
    assert main([*arguments, "-o", str(tmp_path / "r.parquet")]) == 2
    assert "pip install pyarrow" in capsys.readouterr().err
    assert main(arguments) == 2
    assert "-o FILE" in capsys.readouterr().err


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An export whose rows have counts, and profiles of their layers."""
    return exported(golden_store.fill(tmp_path_factory.mktemp("layered") / "g.db"))


def test_layers_travel_once_and_come_back(layered: dict[str, Any], tmp_path: Path) -> None:
    """Rows name their network's layers, which stand in the file once; profiles travel too."""
    rows = [row for row in layered["results"] if row["counts"]]
    assert len(rows) > len(layered["counts"]) >= 1
    (tmp_path / "a.json").write_text(json.dumps(layered))
    store = open_store(tmp_path / "other.db")
    import_files(store, [tmp_path / "a.json"])
    assert exported(store) == layered
    found = [row for run in store.runs() for row in store.results(run.id)]
    assert sum(len(row.counts) for row in found) == len(rows)
    assert any(row.layer_times for row in found)


def _first(data: dict[str, Any]) -> Any:
    return next(iter(data["counts"].values()))[0]


def _profiled(data: dict[str, Any]) -> Any:
    return next(row for row in data["results"] if row["layer_times"])["layer_times"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: _first(data)["layers"][0].update(work=1.0), "above 1"),
        (lambda data: _first(data)["layers"][0].update(work=9e9), "but the layers have"),
        (lambda data: _first(data)["layers"][1].update(weight_elements=-1), "layers[1]: weight_el"),
        (lambda data: _first(data).update(frames=0.0), "above 0"),
        (lambda data: _first(data).update(batch=0), "above 0"),
        (lambda data: _profiled(data)["layers"][0].update(seconds=-1.0), "layer_times: layers[0]"),
        (lambda data: _profiled(data).update(elsewhere_s="long"), "no sound results JSON"),
        (lambda data: data["counts"].clear(), "are not in the file"),
    ],
)
def test_unsound_layers_are_refused(
    layered: dict[str, Any], change: Callable[[dict[str, Any]], None], said: str
) -> None:
    """Layers that cannot be, or whose work is not the row's, are named with their place."""
    data = json.loads(json.dumps(layered))
    change(data)
    with pytest.raises(BadInput) as caught:
        read(json.dumps(data).encode(), name="f")
    assert said in str(caught.value)


SHIPPED = (Path(__file__).parent.parent / "reports" / "data" / "epyc-2-threads.json").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"target": 0.01}, "target 0.01, but text/word2vec at scale embedded on wikipedia-sample "
                           "must reach 0.38"),
        ({"measure": "Pearson r"}, "is judged by 'Spearman rho'"),
        ({"dataset": "my-own"}, "on my-own has none here"),
    ],
)  # fmt: skip
def test_a_target_is_the_workloads_own(
    change: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A submitter cannot lower the bar of a workload that this installation has."""
    data = json.loads(SHIPPED)
    assert data["results"][0]["workload"] == "text/word2vec"
    data["results"][0] |= change
    path = tmp_path / "f.json"
    path.write_text(json.dumps(data))
    assert main(["import", str(path), "--store", str(tmp_path / "r.db")]) == 2
    error = capsys.readouterr().err
    assert said in error and "results[0]" in error


def test_the_target_of_an_unknown_workload_is_believed(tmp_path: Path) -> None:
    """Nothing here says what a workload that is not here must reach."""
    data = json.loads(SHIPPED)
    for row in data["results"]:
        if row["workload"] == "text/word2vec":
            row |= {"workload": "text/unheard-of", "target": 0.01}
    path = tmp_path / "f.json"
    path.write_text(json.dumps(data))
    assert main(["import", str(path), "--store", str(tmp_path / "r.db")]) == 0


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (("runs", "results"), "imported: 1 run with 20 results"),
        (("runs",), "imported: 1 run without results"),
        ((), "nothing was imported: there is no run in what was given"),
    ],
)
def test_what_was_imported_is_said(
    kept: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One run is no plural, and an empty file is not passed over as imported."""
    data = json.loads(SHIPPED)
    data |= {part: [] for part in ("runs", "results") if part not in kept}
    path = tmp_path / "f.json"
    path.write_text(json.dumps(data))
    assert main(["import", str(path), "--store", str(tmp_path / "r.db")]) == 0
    assert capsys.readouterr().out.strip() == said
