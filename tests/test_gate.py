"""Tests of `benchsuite gate` as a user types it: verdicts, exit codes, sentences, files."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchsuite import nightly, repeats, run, verdicts
from benchsuite.cli import main
from benchsuite.plan import Plan
from benchsuite.store import Store, open_store
from benchsuite.types import (
    SINGLE_STREAM,
    USED_UP,
    DeviceInfo,
    Doubt,
    Result,
    RunInfo,
    SystemKey,
    Value,
)
from tests.fakes import HOSTILE, environments, failed, fingerprint, key, result, run_info

WORKLOADS = ("image/lenet", "image/squeezenet", "text/word2vec", "video/slow_fusion")
SQUEEZENET = "image/squeezenet · onnxruntime fp32"
CONTENDED = Doubt(code="contended", message="other processes took 41 % of the cores")


def gate(*arguments: object) -> int:
    """The exit code of `benchsuite gate`."""
    try:
        return main(["gate", *(str(argument) for argument in arguments)])
    except SystemExit as stop:
        return int(stop.code or 0)


class Nights:
    """A store that is filled run by run from fakes."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "r.db"
        self.store: Store = open_store(self.place)
        self.random = random.Random(7)
        self.facts: dict[str, dict[str, Any]] = environments()

    def add(
        self,
        name: str,
        rows: Iterable[Result] | None = None,
        *,
        speed: Mapping[str, float] | None = None,
        spread: float = 0.005,
        environment: str = "e1",
        stored: bool = False,
        **labels: str,
    ) -> None:
        """A run of all workloads on two backends; `speed` multiplies by label's part."""
        if not stored:
            self.store.add_run(run_info(id=name, labels=labels), plan=[])
        for row in rows if rows is not None else self.rows():
            named = f"{row.key.workload} · {row.key.backend}"
            factor = next((f for part, f in (speed or {}).items() if part in named), 1.0)
            factor *= 1 + self.random.gauss(0, spread)
            row = faster(row, factor) if row.status == "ok" else row
            row = replace(row, run=name, environment=environment)
            self.store.add(row, environment=self.facts[environment])

    def rows(self) -> list[Result]:
        """Every workload on both backends under both scenarios."""
        return [
            result(workload, backend=backend, scenario=scenario)
            for workload in WORKLOADS
            for backend in ("eager", "onnxruntime")
            for scenario in ("Offline", SINGLE_STREAM)
        ]


def faster(row: Result, factor: float) -> Result:
    """The row at another speed, by the software's share; every identity still holds."""
    up = ("throughput", "fraction_of_roofline", "fraction_of_peak", "achieved",
          "fraction_of_datasheet_peak")  # fmt: skip
    down = ("latency_p50", "latency_p90", "energy_per_frame")
    changed = {}
    for name, value in row.metrics.items():
        if value.value is not None and name in up:
            changed[name] = replace(value, value=value.value * factor)
        elif value.value is not None and name in down:
            changed[name] = replace(value, value=value.value / factor)
    return replace(row, metrics={**row.metrics, **changed})


def drifting(row: Result, factor: float) -> Result:
    """The row on a machine whose compute and bandwidth are this many times as fast."""
    value = row.metrics["drift"].value
    assert value is not None
    moved = Value(value=value * factor, how="test")
    peak = row.metrics["peak"]
    assert peak.value is not None
    return replace(
        row,
        metrics={
            **row.metrics,
            "drift": moved,
            "bandwidth_drift": moved,
            "peak": replace(peak, value=peak.value * factor),
        },
    )


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    """A store with seven nights of `branch=main`."""
    made = Nights(tmp_path)
    for number in range(7):
        made.add(f"aa{number}", branch="main")
    return made


def test_a_quiet_night_is_green(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing changed: exit code 0, and the sentence says how many rows are conclusive."""
    nights.add("bb0", branch="main")
    assert gate("label:branch=main~7", "latest", "--store", nights.place) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"GREEN: nothing regressed by more than \d+\.\d% in 16 rows, 16 conclusive", lines[0]
    )
    text = "\n".join(lines)
    assert "conclusive rows: 16 of 16" in text
    assert "median detectable change:" in text
    assert "machine drift: compute +0.0%" in text


def test_a_confirmed_regression_is_red_and_names_what_changed(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first line tells system, metric, size, interval, confirmation and the package."""
    nights.facts["e2"] = json.loads(json.dumps(nights.facts["e1"]))
    nights.facts["e2"]["packages"]["onnxruntime"] = "1.32.0"
    rows = [
        replace(row, fingerprint=fingerprint(row.key, software="s-onnxruntime-1.32.0"))
        if row.key.backend == "onnxruntime"
        else row
        for row in nights.rows()
    ]
    slow = {"squeezenet · onnxruntime": 0.93}
    nights.add("bb0", rows, speed=slow, environment="e2", branch="new")
    nights.add("bb1", rows, speed=slow, environment="e2", branch="new")
    code = gate("label:branch=main~7", "bb0", "--confirm", "bb1", "--store", nights.place)
    assert code == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"RED: {SQUEEZENET} ")
    assert ", confirmed; only onnxruntime 1.31.1 -> 1.32.0 changed" in first
    assert "(software team)" in first
    assert gate("label:branch=main~7", "bb0", "--store", nights.place) == 4
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"YELLOW: {SQUEEZENET} ")
    assert first.endswith("; only onnxruntime 1.31.1 -> 1.32.0 changed")


def test_a_small_regression_needs_a_second_measurement(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without one it is inconclusive (4, or 0 if asked); a second that shows nothing clears it."""
    nights.add("bb0", speed={"squeezenet · onnx": 0.93}, night="x")
    nights.add("bb1", night="x")
    where = ("--store", nights.place)
    assert gate("label:branch=main~7", "bb0", *where) == 4
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"YELLOW: {SQUEEZENET}")
    assert "measure it again" in first
    assert gate("label:branch=main~7", "bb0", "--inconclusive", "pass", *where) == 0
    assert gate("label:branch=main~7", "bb0", "--confirm", "bb1", *where) == 4
    assert "a second measurement gave" in capsys.readouterr().out


def test_two_single_runs_find_only_what_a_third_shows_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One process a side shows no spread: even a large loss is only suspected until it is seen
    again, and a small one is not seen.
    """
    made = Nights(tmp_path)
    made.add("aa0", spread=0.0)
    made.add("bb0", spread=0.0)
    made.add("cc0", spread=0.0, speed={"squeezenet · onnx": 0.6})
    made.add("cc1", spread=0.0, speed={"squeezenet · onnx": 0.6})
    made.add("dd0", spread=0.0, speed={"squeezenet · onnx": 0.95})
    assert gate("aa0", "bb0", "--store", made.place) == 0
    assert gate("aa0", "cc0", "--store", made.place) == 4
    assert "measure it again before it is called" in capsys.readouterr().out
    assert gate("aa0", "cc0", "--confirm", "cc1", "--store", made.place) == 1
    assert gate("aa0", "dd0", "--store", made.place) == 4


def measures_again(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, speed: Mapping[str, float]
) -> list[SystemKey]:
    """Stands in for the measuring of `--remeasure`; what it was asked for is in the list."""
    asked: list[SystemKey] = []

    def plan(store: Store, info: RunInfo, systems: Collection[SystemKey]) -> Plan:
        assert info.id == "bb0"
        asked.extend(systems)
        device = DeviceInfo(kind="cpu", index=0, name="x", units=2, memory_b=1)
        return Plan(specs=(), skipped=(), notes=(), device=device)

    def execute(plan: Plan, info: RunInfo, **_: object) -> None:
        row = [each for each in nights.rows() if any(
            (each.key.workload, each.key.backend) == (key.workload, key.backend) for key in asked
        )]  # fmt: skip
        nights.add(info.id, row, speed=speed, stored=True)

    monkeypatch.setattr("benchsuite.run.repeated_plan", plan)
    monkeypatch.setattr("benchsuite.run.execute", execute)
    return asked


@pytest.mark.parametrize(("again", "code"), [(0.7, 1), (1.0, 4)])
def test_remeasure_measures_the_suspected_again(
    nights: Nights,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    again: float,
    code: int,
) -> None:
    """Only what is suspected; seen again it is confirmed and red, else inconclusive."""
    nights.add("bb0", speed={"squeezenet · onnx": 0.7})
    asked = measures_again(nights, monkeypatch, {"squeezenet · onnx": again})
    found = gate("label:branch=main~7", "latest", "--remeasure", "--store", nights.place)
    assert found == code
    assert {(key.workload, key.backend) for key in asked} == {("image/squeezenet", "onnxruntime")}
    assert (", confirmed" in capsys.readouterr().out.splitlines()[0]) == (code == 1)
    assert nights.store.find_run("label:confirms=bb0").labels["confirms"] == "bb0"


def test_a_night_that_begins_while_one_is_measured_again_is_not_judged(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A label means what it meant when the gate began."""
    slow = {"squeezenet · onnx": 0.7}
    nights.add("bb0", speed=slow, branch="main")
    measures_again(nights, monkeypatch, slow)
    again = run.execute

    def execute(plan: Plan, info: RunInfo, **how: object) -> None:
        again(plan, info, **how)
        nights.add("cc0", [], branch="main")

    monkeypatch.setattr(run, "execute", execute)
    sides = ("label:branch=main~7", "label:branch=main", "--reference", "label:branch=main")
    assert gate(*sides, "--remeasure", "--store", nights.place) == 1
    assert capsys.readouterr().out.startswith(f"RED: {SQUEEZENET} ")


def test_a_quiet_night_is_not_measured_again(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--remeasure` costs nothing where nothing is suspected."""
    nights.add("bb0")
    asked = measures_again(nights, monkeypatch, {})
    assert gate("label:branch=main~7", "latest", "--remeasure", "--store", nights.place) == 0
    assert not asked
    assert nights.store.find_run("latest").id == "bb0"


def test_the_page_shows_ratios_over_the_drift(nights: Nights, tmp_path: Path) -> None:
    """The sentence first, every figure, a lane a row; it asks nothing of the network."""
    for name in ("bb0", "bb1"):
        rows = [drifting(row, 0.98) for row in nights.rows()]
        nights.add(name, rows, speed={"squeezenet · onnx": 0.7})
    file = tmp_path / "v.html"
    gate("label:branch=main~7", "bb0", "--confirm", "bb1", "-o", file, "--store", nights.place)
    text = file.read_text()
    assert text.index("RED: image/squeezenet") < text.index("median detectable change")
    assert text.count('<svg class="forest worse"') >= 2
    lanes = text.count('<svg class="forest') - text.count('<svg class="forest axis"')
    assert lanes == text.count('<line class="interval"')
    memory = 8  # a lane a system; no slow machine moves it
    assert lanes - text.count('<rect class="drift"') == memory
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_drift_of_the_machine_is_not_a_change(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """All is 10 % slower, and so are both calibrations: nothing regressed, the drift is shown."""
    rows = [faster(drifting(row, 0.9), 0.9) for row in nights.rows()]
    base = [drifting(row, 1.0) for row in nights.rows()]
    for number in range(5):
        nights.add(f"dd{number}", base, branch="drift")
    nights.add("bb0", rows)
    assert gate("label:branch=drift~5", "bb0", "--store", nights.place) == 0
    assert "machine drift: compute -10.0%, bandwidth -10.0%" in capsys.readouterr().out


def test_a_missing_row_fails(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    """A row of the baseline that was not measured is exit code 5, and is named."""
    nights.add("bb0", [row for row in nights.rows() if row.key.workload != "text/word2vec"])
    assert gate("label:branch=main~7", "bb0", "--store", nights.place) == 5
    first = capsys.readouterr().out.splitlines()[0]
    assert first == (
        "RED: text/word2vec · eager fp32, Offline is missing: it was not measured (and 3 more)"
    )


def test_a_failed_row_fails_and_a_regression_goes_before_it(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure is exit code 5 with its reason; beside a regression the code is 1."""
    rows = [row for row in nights.rows() if row.key != key(backend="onnxruntime")]
    rows.append(failed(backend="onnxruntime"))
    nights.add("bb0", rows)
    assert gate("label:branch=main~7", "bb0", "--store", nights.place) == 5
    assert "failed: the worker was killed for memory" in capsys.readouterr().out
    nights.add("bb1", rows, speed={"lenet": 0.5})
    nights.add("bb2", rows, speed={"lenet": 0.5})
    confirm = ("--confirm", "bb2", "--store", nights.place)
    assert gate("label:branch=main~7", "bb1", *confirm) == 1


def test_another_machine_is_inconclusive(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice as slow on another device model is no regression."""
    rows = [
        replace(row, key=replace(row.key, device_name="Another Processor")) for row in nights.rows()
    ]
    nights.add("bb0", rows, speed={"": 0.5})
    assert gate("label:branch=main~7", "bb0", "--store", nights.place) == 4
    assert "other machine: " in capsys.readouterr().out.splitlines()[0]


def elsewhere(rows: Iterable[Result]) -> list[Result]:
    """The rows on a machine of another model that is half as fast."""
    return [
        replace(faster(row, 0.5), key=replace(row.key, device_name="Another Processor"))
        for row in rows
    ]


@pytest.mark.parametrize("order", ["ooooaaa", "oaoaoao"])
def test_of_a_baseline_of_several_machines_those_of_the_nights_own_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], order: str
) -> None:
    """A runner that was exchanged, or two that take turns: others' nights are left out."""
    made = Nights(tmp_path)
    for number, machine in enumerate(order):
        rows = elsewhere(made.rows()) if machine == "o" else made.rows()
        made.add(f"aa{number}", rows, branch="main")
    for name in ("same", "slow", "slow2"):
        made.add(name, speed={"squeezenet · onnx": 0.8} if name != "same" else None)
    assert gate("label:branch=main~7", "same", "--store", made.place) == 0
    said = capsys.readouterr().out
    assert "16 rows, 16 conclusive" in said
    assert "label:branch=main~7: 4 runs of another machine left out" in said
    confirm = ("--confirm", "slow2", "--store", made.place)
    assert gate("label:branch=main~7", "slow", *confirm) == 1
    said = capsys.readouterr().out
    assert re.match(r"RED: image/squeezenet · onnxruntime fp32 throughput -(19|20)\.\d%", said)


def test_a_row_of_another_machine_alone_is_not_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two runners take turns, and one of them measures more than the other."""
    made = Nights(tmp_path)
    less = [row for row in made.rows() if row.key.workload != "text/word2vec"]
    made.add("aa0", less, branch="main")
    made.add("aa1", elsewhere(made.rows()), branch="main")
    made.add("bb0", less, spread=0.001)
    assert gate("aa1", "bb0", "--store", made.place) == 5
    capsys.readouterr()
    assert gate("label:branch=main~2", "bb0", "--store", made.place) in (0, 4)
    assert "missing" not in capsys.readouterr().out


@pytest.mark.parametrize("facts", [{"units": 4}, {"driver": "570.1"}])
def test_cores_and_driver_make_the_machine_class(nights: Nights, facts: dict[str, Any]) -> None:
    """Another number of cores or another driver is another machine."""
    nights.facts["e2"] = json.loads(json.dumps(nights.facts["e1"]))
    nights.facts["e2"]["device"] |= facts
    nights.add("bb0", environment="e2")
    assert gate("label:branch=main~7", "bb0", "--store", nights.place) == 4


def test_a_lower_accuracy_is_exact_and_red(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sample of a thousand less is a regression of the accuracy, whatever the speed."""
    rows = [
        result(row.key.workload, backend=row.key.backend, scenario=row.scenario,
               accuracy_change=-0.001 if row.key.backend == "onnxruntime" else 0.0)
        for row in nights.rows()
    ]  # fmt: skip
    nights.add("bb0", rows, speed={"": 1.5})
    assert gate("label:branch=main~7", "bb0", "--store", nights.place) == 1
    assert " accuracy 0.981 -> 0.98" in capsys.readouterr().out


def test_a_parity_breach_is_red(nights: Nights, capsys: pytest.CaptureFixture[str]) -> None:
    """Outputs outside the precision's tolerance are exit code 1 though the accuracy is the same."""
    doubt = Doubt(code="parity", message="outputs differ by 3 % from eager fp32")
    rows = [replace(row, doubts=(doubt,)) for row in nights.rows()]
    nights.add("bb0", rows)
    assert gate("label:branch=main~7", "bb0", "--store", nights.place) == 1
    assert "accuracy parity is broken: outputs differ by 3 %" in capsys.readouterr().out


@pytest.mark.parametrize("known", [True, False])
def test_a_parity_breach_is_red_without_accuracy_and_without_baseline(
    nights: Nights, capsys: pytest.CaptureFixture[str], known: bool
) -> None:
    """On random inputs, and of a backend that the baseline does not have: one line, exit code 1."""
    doubt = Doubt(code="parity", message="outputs differ by 3 % from eager fp32")
    missing = Value(value=None, how="not measured", reason="random inputs")

    def speed_only(row: Result) -> Result:
        return replace(row, metrics={**row.metrics, "accuracy": missing})

    rows = [speed_only(row) for row in nights.rows()]
    nights.add("aa8", rows)
    broken = [
        replace(row, doubts=(doubt,), key=row.key if known else replace(row.key, backend="noisy"))
        for row in rows
        if row.key.backend == "onnxruntime"
    ]
    nights.add("bb0", broken if known else [*rows, *broken])
    code = gate("aa8", "bb0", "--store", nights.place, "--json", f"{nights.place}.json")
    said = capsys.readouterr().out
    assert code == 1
    assert "accuracy parity is broken: outputs differ by 3 %" in said
    judged = json.loads(Path(f"{nights.place}.json").read_text())
    red = [line for line in judged["lines"] if line["verdict"] == "regressed"]
    assert len(red) == len({row.key.workload for row in broken})


def test_speed_counts_only_where_the_quality_target_is_met(nights: Nights) -> None:
    """A faster system that misses its target is no improvement, and is red for its accuracy."""
    rows = [
        replace(
            result(row.key.workload, backend=row.key.backend, scenario=row.scenario,
                   accuracy_change=-0.2),
            rank_class="unranked",
        )
        for row in nights.rows()
    ]  # fmt: skip
    nights.add("bb0", rows, speed={"": 2.0})
    found = nights.place.parent / "g.json"
    arguments = ("label:branch=main~7", "bb0", "--store", nights.place, "--json", found)
    assert gate(*arguments) == 1
    lines = json.loads(found.read_text())["lines"]
    speeds = [line for line in lines if line["metric"] == "throughput"]
    assert {line["verdict"] for line in speeds} == {"inconclusive"}
    assert {line["reason"] for line in speeds} == {
        "speed counts only where the quality target is met"
    }


def test_a_contended_row_is_not_judged(nights: Nights) -> None:
    """A disturbed measurement is inconclusive, never a regression."""
    noisy = [replace(row, doubts=(CONTENDED,)) for row in nights.rows()]
    nights.add("bb0", noisy, speed={"": 0.4})
    assert gate("label:branch=main~7", "bb0", "--store", nights.place) == 4


def test_a_disturbed_second_measurement_confirms_nothing(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another tenant's noise, seen twice, is still another tenant's noise."""
    slow = {"squeezenet · onnx": 0.7}
    nights.add("bb0", speed=slow, night="x")
    noisy = [replace(row, doubts=(CONTENDED,)) for row in nights.rows()]
    nights.add("bb1", noisy, speed=slow, night="x")
    where = ("--store", nights.place)
    assert gate("label:branch=main~7", "bb0", "--confirm", "bb1", *where) == 4
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"YELLOW: {SQUEEZENET}")
    assert f"suspected, but the second measurement was disturbed: {CONTENDED.message}" in first


def test_of_a_lone_runs_processes_the_disturbed_are_left_out(tmp_path: Path) -> None:
    """Three of five that a neighbour slowed are no regression."""
    made = Nights(tmp_path)

    def five(speeds: Iterable[float], disturbed: int) -> list[Result]:
        rows = []
        for row in made.rows():
            each = [faster(row, speed) for speed in speeds]
            each = [replace(one, doubts=(CONTENDED,)) if n < disturbed else one
                    for n, one in enumerate(each)]  # fmt: skip
            rows.append(repeats.combine(each, planned=5)[0])
        return rows

    made.add("aa0", five((1.0, 1.002, 0.998, 1.001, 0.999), 0), spread=0.0)
    made.add("bb0", five((0.7, 0.72, 0.71, 1.001, 0.999), 3), spread=0.0)
    made.add("bb1", five((0.7, 0.72, 0.71, 1.0, 0.998), 3), spread=0.0)
    found = tmp_path / "g.json"
    code = gate("aa0", "bb0", "--confirm", "bb1", "--store", made.place, "--json", found)
    speeds = [line for line in json.loads(found.read_text())["lines"]
              if line["metric"] == "throughput"]  # fmt: skip
    assert code in (0, 4)
    assert not any(line["suspected"] for line in speeds)
    assert all(abs(line["ratio"] - 1) < 0.01 for line in speeds)


def test_server_is_judged_by_the_rate_that_meets_its_bound(
    nights: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half the rate at the same latencies is a regression; its latencies are of another rate."""
    served = [
        replace(
            row,
            scenario="Server",
            metrics={**row.metrics, "latency_p50": Value(value=0.01, how="p50 at that rate")},
        )
        for row in nights.rows()
        if row.scenario == SINGLE_STREAM
    ]
    for number in range(7):
        nights.add(f"cc{number}", served, branch="served")
    slow = {"squeezenet · onnx": 0.5}
    nights.add("dd0", served, speed=slow)
    nights.add("dd1", served, speed=slow)
    found = tmp_path / "g.json"
    sides = ("label:branch=served~7", "dd0", "--confirm", "dd1", "--store", nights.place)
    assert gate(*sides, "--json", found) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"RED: {SQUEEZENET}, Server ")
    lines = [line for line in json.loads(found.read_text())["lines"]
             if "squeezenet" in line["workload"] and line["backend"] == "onnxruntime"]  # fmt: skip
    verdicts_of = {line["metric"]: line["verdict"] for line in lines}
    assert verdicts_of["throughput"] == "regressed"
    assert not any(metric.startswith("latency") for metric in verdicts_of)


def test_modelled_energy_is_never_compared_with_measured(nights: Nights) -> None:
    """Joules of another source are inconclusive for energy alone."""
    rows = [result(row.key.workload, backend=row.key.backend, scenario=row.scenario,
                   source="rapl", power=12.0) for row in nights.rows()]  # fmt: skip
    nights.add("bb0", rows)
    found = nights.place.parent / "g.json"
    assert gate("label:branch=main~7", "bb0", "--store", nights.place, "--json", found) == 0
    energy = [line for line in json.loads(found.read_text())["lines"]
              if line["metric"] == "energy_per_frame"]  # fmt: skip
    assert energy
    assert all("energy of another source" in line["reason"] for line in energy)


def test_energy_of_the_nights_own_source_is_compared(nights: Nights, tmp_path: Path) -> None:
    """A meter that came three nights ago: what was modelled before it is left out."""
    measured = [
        result(row.key.workload, backend=row.key.backend, scenario=row.scenario,
               power=40.0, source="nvml counter", boundary="board")
        for row in nights.rows()
    ]  # fmt: skip
    for name in ("bb0", "bb1", "bb2"):
        nights.add(name, measured, branch="main")
    nights.add("bb3", measured)
    found = tmp_path / "g.json"
    sides = ("label:branch=main~7", "bb3")
    assert gate(*sides, "--store", nights.place, "--json", found) == 0
    energy = [line for line in json.loads(found.read_text())["lines"]
              if line["metric"] == "energy_per_frame"]  # fmt: skip
    assert {line["verdict"] for line in energy} == {"same"}


def with_memory(row: Result, peak_b: float) -> Result:
    """The row of a network that needs so much memory."""
    peak = Value(value=peak_b, how="resident size")
    return replace(row, metrics={**row.metrics, "peak_memory": peak})


@pytest.mark.parametrize(("more_b", "verdict"), [(2 << 20, "same"), (12 << 20, "inconclusive")])
def test_a_buffer_more_or_less_is_no_change_of_memory(
    nights: Nights, tmp_path: Path, more_b: int, verdict: str
) -> None:
    """A small network's processes differ by a buffer; more than that is suspected."""
    for number in range(7):
        peak = 10.3e6 + (2 << 20) * (number % 3 == 1)
        nights.add(f"cc{number}", [with_memory(row, peak) for row in nights.rows()], branch="small")
    nights.add("bb0", [with_memory(row, 10.3e6 + more_b) for row in nights.rows()])
    found = tmp_path / "g.json"
    gate("label:branch=small~7", "bb0", "--store", nights.place, "--json", found)
    memory = [line for line in json.loads(found.read_text())["lines"]
              if line["metric"] == "peak_memory"]  # fmt: skip
    assert {line["verdict"] for line in memory} == {verdict}
    assert {line["suspected"] for line in memory} == {verdict != "same"}


@pytest.mark.parametrize(
    ("before_b", "after_b", "verdict"),
    [(0.0, 0.0, "same"), (0.0, 3e7, "inconclusive"), (3e7, 0.0, "inconclusive")],
)
def test_a_memory_of_nothing_has_no_ratio(
    nights: Nights, tmp_path: Path, before_b: float, after_b: float, verdict: str
) -> None:
    """What takes no memory of its own is compared without a traceback."""
    nights.add("bb0", [with_memory(row, before_b) for row in nights.rows()])
    nights.add("bb1", [with_memory(row, after_b) for row in nights.rows()])
    found = tmp_path / "g.json"
    assert gate("bb0", "bb1", "--store", nights.place, "--json", found) in (0, 4)
    memory = [line for line in json.loads(found.read_text())["lines"]
              if line["metric"] == "peak_memory"]  # fmt: skip
    assert {line["verdict"] for line in memory} == {verdict}
    assert {(line["before"], line["after"]) for line in memory} == {(before_b, after_b)}


def test_a_metric_that_only_a_disturbed_night_has_is_compared_with_it(
    nights: Nights, tmp_path: Path
) -> None:
    """The calm nights lack it: they cannot be the baseline of this metric."""
    contended = (Doubt(code="contended", message="Offline: other processes took 3 s"),)
    first = [too_few(replace(row, run="x"), "latency_p90") for row in nights.rows()]
    nights.add("cc0", first, branch="odd")
    nights.add("cc1", [replace(row, doubts=contended) for row in nights.rows()], branch="odd")
    nights.add("bb0")
    found = tmp_path / "g.json"
    sides = ("label:branch=odd~2", "bb0")
    assert gate(*sides, "--store", nights.place, "--json", found) == 4
    p90 = [line for line in json.loads(found.read_text())["lines"]
           if line["metric"] == "latency_p90"]  # fmt: skip
    assert p90 and {line["verdict"] for line in p90} == {"inconclusive"}


def too_few(row: Result, metric: str) -> Result:
    """The row of a window with too few queries for a percentile."""
    reason = "too few queries: 655 in the window, p99 needs 662"
    lost = Value(value=None, how="test", reason=reason)
    return replace(row, metrics={**row.metrics, metric: lost})


def test_a_percentile_of_too_few_queries_is_not_missing(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """A little noise, and the window is a few queries short: that is no loss of a metric."""
    with_p99 = [
        replace(row, metrics={**row.metrics, "latency_p99": Value(value=0.01, how="test")})
        for row in nights.rows()
    ]
    nights.add("base", with_p99, spread=0.001)
    nights.add("bb0", [too_few(row, "latency_p99") for row in with_p99], spread=0.001)
    assert gate("base", "bb0", "--store", nights.place) == 0
    said = capsys.readouterr().out
    assert "latency_p99" in said and "missing" not in said
    nights.add("bb1", [too_few(row, "latency_p50") for row in with_p99], spread=0.001)
    assert gate("base", "bb1", "--store", nights.place) == 4
    assert "latency p50 is inconclusive: too few queries: 655" in capsys.readouterr().out


def test_what_was_measured_again_is_no_night(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run of the suspects alone is neither `latest` nor the newest with a label."""
    suspects = [row for row in nights.rows() if row.key.workload == "image/squeezenet"]
    nights.add("bb0", commit="abc")
    nights.add("again", suspects, commit="abc", confirms="bb0")
    nights.add("bb1", speed={"lenet": 0.5})
    nights.add("bb2", speed={"lenet": 0.5})
    at = ("--store", nights.place)
    assert gate("latest~2", "latest~1", *at, "--confirm", "bb2") == 1
    assert capsys.readouterr().out.startswith("RED: image/lenet ·")
    assert gate("label:commit=abc", "bb1", *at, "--confirm", "bb2") == 1
    assert capsys.readouterr().out.startswith("RED: image/lenet ·")
    assert gate("aa6", "bb0", *at, "--confirm", "label:confirms=bb0") == 0
    assert gate("aa6", "bb1", *at, "--confirm", "again") == 2
    assert "again measured bb0 again, not bb1; give bb0 as NEW" in capsys.readouterr().err


def test_slow_creep_is_seen_against_the_release(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each night looks the same; since the release a third of the speed is gone."""
    nights.add("rr0", speed={"": 1.5}, release="1.0")
    nights.add("bb0")
    where = ("--store", nights.place)
    assert gate("label:branch=main~7", "bb0", *where) == 0
    nights.add("bb1")
    creep = ("--confirm", "bb1", "--reference", "label:release", *where)
    assert gate("label:branch=main~7", "bb0", *creep) == 1
    text = capsys.readouterr().out
    assert "since label:release" in text


def test_a_release_of_another_machine_is_told(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """Green against the nights before; that slow creep was not looked for is said."""
    nights.add("rr0", elsewhere(nights.rows()), release="1.0")
    nights.add("bb0")
    where = ("--store", nights.place, "--reference", "label:release")
    assert gate("label:branch=main~7", "bb0", *where) == 0
    assert "label:release: 16 of 16 rows not compared: other machine" in capsys.readouterr().out


def test_what_may_have_crept_is_not_green(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not measured again, slower than the release by a third: undecided, and named."""
    nights.add("rr0", speed={"squeezenet · onnx": 1.5}, release="1.0")
    nights.add("bb0")
    creep = ("--reference", "label:release", "--store", nights.place)
    assert gate("label:branch=main~7", "bb0", *creep) == 4
    first = capsys.readouterr().out.splitlines()[0]
    row = "image/squeezenet · onnxruntime fp32 throughput"
    assert first.startswith(f"YELLOW: since label:release, {row} is inconclusive")


def test_a_row_that_the_release_had_is_missed(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """A network that the last nights had no more does not turn green by itself."""
    nights.add("rr0", release="1.0")
    rest = [row for row in nights.rows() if row.key.workload != "text/word2vec"]
    for number in range(7):
        nights.add(f"dd{number}", rest, branch="without")
    nights.add("bb0", rest)
    where = ("--store", nights.place)
    assert gate("label:branch=without~7", "bb0", *where) == 0
    assert gate("label:branch=without~7", "bb0", "--reference", "label:release", *where) == 5
    assert "RED: since label:release, text/word2vec" in capsys.readouterr().out


def test_what_the_budget_put_off_is_inconclusive(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its turn comes the next night: neither red nor green, in both scenarios; five such nights
    in a row are told.
    """
    rows = nights.rows()
    late = f"the run's budget of 5 s {USED_UP}"
    left = [row for row in rows if row.key.workload != "text/word2vec"]
    put_off = [
        replace(row, status="skipped", reason=late, metrics={}, rank_class="unranked")
        for row in rows
        if row.key.workload == "text/word2vec" and row.scenario == "Offline"
    ]
    for name in ("bb0", "bb1", "bb2", "bb3", "bb4"):
        nights.add(name, [*left, *put_off], branch="late", commit=name)
        where = ("label:branch=main~7", name, "--store", nights.place)
        assert gate(*where) == 4
        assert gate(*where, "--inconclusive", "pass") == 0
        text = capsys.readouterr().out
        assert "text/word2vec · eager fp32, SingleStream, row: not measured this time" in text
        assert ("inconclusive five runs in a row" in text) == (name == "bb4")


def test_what_green_could_have_seen_is_said(
    nights: Nights, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One run against one sees less than seven nights do: the sentence tells the coarsest row."""
    nights.add("bb0", spread=0.001)
    nights.add("bb1", spread=0.001)
    told = tmp_path / "g.json"
    assert gate("bb0", "bb1", "--store", nights.place, "--json", told, "--min-effect", 0.5) == 0
    data = json.loads(told.read_text())
    coarsest = max(
        each["detectable"]
        for each in data["lines"]
        if each["metric"] == ("latency_p50" if each["scenario"] == SINGLE_STREAM else "throughput")
    )
    said = re.match(r"GREEN: nothing regressed by more than ([\d.]+)% in 16 rows", data["sentence"])
    assert said is not None
    assert float(said[1]) == pytest.approx(100 * coarsest, abs=0.06)


def test_an_exact_run_id_wins_over_those_it_begins(nights: Nights) -> None:
    """As a commit's whole name does."""
    nights.add("slow")
    nights.add("slow2")
    assert nights.store.find_run("slow").id == "slow"


ACCEPT = """
[[accepted]]
workload = "image/squeezenet"
backend = "onnxruntime"
metric = "{metric}"
size = {size}
owner = "j.doe"
expires = {expires}
"""


@pytest.mark.parametrize(
    ("size", "expires", "code"),
    [(0.5, "2999-01-01", 0), (0.2, "2999-01-01", 1), (0.5, "2020-01-01", 1)],
)
def test_accepted_regressions_hold_up_to_their_size_and_end(
    nights: Nights,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    size: float,
    expires: str,
    code: int,
) -> None:
    """Within size and date a regression passes; beyond either it is red; an end is told."""
    file = tmp_path / "accept.toml"
    bounds = {"throughput": 1.0, "latency_p50": 2.0, "latency_p90": 2.0, "energy_per_frame": 2.0}
    file.write_text(
        "".join(
            ACCEPT.format(metric=metric, size=size * by, expires=expires)
            for metric, by in bounds.items()
        )
    )
    for name in ("bb0", "bb1"):
        nights.add(name, speed={"squeezenet · onnx": 0.6})
    confirm = ("--confirm", "bb1", "--store", nights.place)
    arguments = ("label:branch=main~7", "bb0", "--accept", file, *confirm)
    assert gate(*arguments) == code
    text = capsys.readouterr().out
    assert ("accepted by j.doe until 2999-01-01" in text) == (code == 0)
    assert ("accepted no more since 2020-01-01" in text) == (expires == "2020-01-01")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("accepted = 3", "accepted is no list"),
        ("[[accept]]\na = 1", "unknown key 'accept'"),
        ('[[accepted]]\nworkload = "x"', "[[accepted]] 1: lacks 'expires'"),
        (ACCEPT.format(metric="speed", size=0.1, expires="2999-01-01"), "metric 'speed'"),
        (ACCEPT.format(metric="throughput", size='"much"', expires="2999-01-01"), "size = 'much'"),
        (ACCEPT.format(metric="throughput", size=0.1, expires='"soon"'), "must be a date"),
        (ACCEPT.format(metric="throughput", size=10**400, expires="2999-01-01"), "size = 1000"),
        (ACCEPT.format(metric="throughput", size="inf", expires="2999-01-01"), "size = inf"),
        (
            ACCEPT.format(metric="throughput", size=0.1, expires="2999-01-01").replace(
                "j.doe", " "
            ),
            "owner = ' ' must be a text",
        ),
        ("[[accepted", "accept.toml"),
        ("accepted = " + "[" * 3000 + "]" * 3000, "lie too deep"),
        ("accepted = " + "9" * 5000, "not a TOML file"),
    ],
)
def test_a_wrong_acceptance_file_is_one_sentence(
    nights: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    """Exit code 2, the file and the value named, no traceback."""
    file = tmp_path / "accept.toml"
    file.write_text(text)
    assert gate("aa0", "aa1", "--accept", file, "--store", nights.place) == 2
    said = capsys.readouterr().err
    assert says in said
    assert str(file) in said
    assert len(said.splitlines()) == 1


def test_a_fault_of_our_own_is_no_regression(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A traceback would exit with 1, which says that something regressed."""

    def fail(*_: object) -> None:
        raise ValueError("a mistake")

    monkeypatch.setattr(nightly, "judge_night", fail)
    assert gate("aa0", "aa1", "--store", nights.place) == 70
    assert "ValueError: a mistake" in capsys.readouterr().err


def test_a_pipe_that_breaks_before_the_verdict_is_not_green(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`gate ... 2>&1 | head` under pipefail: what was not judged is not "nothing regressed"."""

    def leave(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(nightly, "judge_night", leave)
    assert gate("aa0", "aa1", "--store", nights.place) == 70
    monkeypatch.undo()
    monkeypatch.setattr("benchsuite.output.print_judgement", leave)
    nights.add("bb0", speed={"squeezenet · onnx": 0.6})
    sides = ("label:branch=main~7", "bb0", "--store", nights.place)
    assert gate(*sides) == 4  # the verdict stands


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("aa0", "aa0"), "the same run"),
        (("label:branch=none~3", "aa0"), "no other run carries that label"),
        (("label:branch=main~0", "aa0"), "at least 1"),
        (("aa0", "zz"), "no run has that id"),
        (("aa0", "aa1", "--min-effect", "2"), "a share between 0 and 1"),
        (("aa0", "aa1", "--junit", "/nowhere/j.xml"), "the folder /nowhere does not exist"),
        (("aa0#image/none", "aa1"), "the baseline has no measured system"),
        (("aa0#image/lenet@speed=3", "aa1"), "write WORKLOAD@KEY=VALUE"),
    ],
)
def test_bad_usage_is_one_sentence(
    nights: Nights, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    """Exit code 2 with the fix."""
    assert gate(*arguments, "--store", nights.place) == 2
    said = capsys.readouterr().err
    assert says in said
    assert len(said.splitlines()) == 1


def test_an_acceptance_that_helps_nothing_says_why(
    nights: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A workload that is written wrong matches nothing; a size that is too small is gone beyond."""
    file = tmp_path / "accept.toml"
    once = ACCEPT.format(metric="throughput", size=0.05, expires="2999-01-01")
    file.write_text(once + once.replace("squeezenet", "squezenet"))
    for name in ("bb0", "bb1"):
        nights.add(name, speed={"squeezenet · onnx": 0.6})
    options = ("--accept", file, "--confirm", "bb1", "--store", nights.place)
    assert gate("label:branch=main~7", "bb0", *options) == 1
    said = capsys.readouterr().out
    told = "throughput of image/squeezenet (j.doe)"
    assert f"worse than the 5% that was accepted: {told}" in said
    assert f"accepted, but of no row here: {told.replace('squeeze', 'squeze')}" in said
    nights.add("bb2")
    assert gate("label:branch=main~7", "bb2", "--accept", file, "--store", nights.place) == 0
    said = capsys.readouterr().out
    assert "worse than" not in said and "of no row here" in said


def test_a_label_does_not_mean_the_run_that_is_judged(nights: Nights, tmp_path: Path) -> None:
    """The newest run carries the label too; its baseline is the runs before it."""
    found = tmp_path / "g.json"
    assert gate("label:branch=main~3", "latest", "--store", nights.place, "--json", found) in (0, 4)
    data = json.loads(found.read_text())
    assert data["before"] == "label:branch=main~3 (aa3, aa4, aa5)"
    assert data["after"] == "latest (aa6)"


def test_one_system_can_be_picked(nights: Nights, tmp_path: Path) -> None:
    """`RUN#SPEC` narrows both sides."""
    nights.add("bb0")
    found = tmp_path / "g.json"
    spec = "#image/lenet@backend=eager"
    sides = (f"label:branch=main~7{spec}", f"bb0{spec}")
    assert gate(*sides, "--store", nights.place, "--json", found) == 0
    systems = {line["system"] for line in json.loads(found.read_text())["lines"]}
    assert systems == {"image/lenet · eager fp32"}


def test_rows_that_stay_inconclusive_are_listed(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five nights in a row too noisy to tell: the row is named."""
    noise = random.Random(3)
    for number in range(5):
        wild = noise.choice((0.75, 1.3))
        nights.add(f"bb{number}", speed={"word2vec · eager": wild}, spread=0.004, branch="wild")
    for number in range(4):
        nights.add(
            f"cc{number}", speed={"word2vec · eager": (0.6, 1.4, 0.8, 1.2)[number]}, branch="base"
        )
    for number in range(5):
        nights.add(f"dd{number}", speed={"word2vec · eager": 0.95}, branch="new")
    assert gate("label:branch=base~4", "latest", "--store", nights.place) == 4
    text = capsys.readouterr().out
    assert "inconclusive five runs in a row:" in text
    after = text.partition("inconclusive five runs in a row:")[2].splitlines()[1:3]
    assert all("text/word2vec · eager fp32" in line for line in after)


# Jenkins' schema of JUnit's XML: types/model/xsd/junit-10.xsd of jenkinsci/xunit-plugin at commit
# 031e285e, the strictest form of it. What an element may carry and hold; an attribute that it must
# have is marked by `!`. GitLab reads name, classname, time, the text of failure, error, skipped and
# system-out (docs.gitlab.com, "Unit test report examples").
SCHEMA = {
    "testsuites": ("name time tests failures errors", "testsuite"),
    "testsuite": (
        "name! tests! failures! errors! group time skipped timestamp hostname id package file log "
        "url",
        "testsuite properties testcase system-out system-err",
    ),
    "testcase": (
        "name! time classname group",
        "skipped error failure rerunFailure rerunError flakyFailure flakyError system-out "
        "system-err",
    ),
    "failure": ("type message", ""),
    "error": ("type message", ""),
    "skipped": ("type message", ""),
    "system-out": ("", ""),
}
NUMBERS = {"tests": int, "failures": int, "errors": int, "skipped": int, "time": float}


def fits_schema(element: ElementTree.Element) -> None:
    """Holds an element and all in it against `SCHEMA`."""
    attributes, children = (text.split() for text in SCHEMA[element.tag])
    assert set(element.attrib) <= {name.rstrip("!") for name in attributes}, element.tag
    assert {name[:-1] for name in attributes if name.endswith("!")} <= set(element.attrib)
    for name, read in NUMBERS.items():
        assert read(element.get(name, "0")) >= 0
    for child in element:
        assert child.tag in children, f"{child.tag} in {element.tag}"
        fits_schema(child)


def test_junit_is_read_back_with_every_case(nights: Nights, tmp_path: Path) -> None:
    """Suite counts agree with the cases; failures, errors and skips are where they belong."""
    rows = [row for row in nights.rows() if row.key.workload != "text/word2vec"]
    for name in ("bb0", "bb1"):
        nights.add(name, rows, speed={"squeezenet · onnx": 0.6})
    file = tmp_path / "j.xml"
    confirm = ("--confirm", "bb1", "--store", nights.place)
    assert gate("label:branch=main~7", "bb0", "--junit", file, *confirm) == 1
    fits_schema(ElementTree.parse(file).getroot())
    suite = ElementTree.parse(file).getroot().find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    assert int(suite.attrib["tests"]) == len(cases)
    counts = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    for total, kind in counts.items():
        assert int(suite.attrib[total]) == sum(case.find(kind) is not None for case in cases)
    assert int(suite.attrib["errors"]) == 4
    assert int(suite.attrib["failures"]) >= 2
    assert all(case.attrib["classname"] and case.attrib["name"] for case in cases)


def test_hostile_names_harm_no_file(nights: Nights, tmp_path: Path) -> None:
    """Markup, direction and control characters neither break the XML nor become Markdown."""
    odd = HOSTILE + "|`*[x](javascript:1)\x00\x1b[31m"
    rows = [replace(row, key=replace(row.key, backend=odd)) for row in nights.rows()]
    for number in range(3):
        nights.add(f"hh{number}", rows, odd=odd)
    for name in ("bb0", "bb1"):
        nights.add(name, rows, speed={"squeezenet": 0.5})
    xml, md, js = tmp_path / "j.xml", tmp_path / "s.md", tmp_path / "g.json"
    html = tmp_path / "v.html"
    code = gate("hh0", "bb0", "--confirm", "bb1", "--junit", xml, "--summary", md, "--json", js,
                "-o", html, "--store", nights.place)  # fmt: skip
    assert code == 1
    assert "<script>alert" not in html.read_text()
    fits_schema(ElementTree.parse(xml).getroot())
    assert ElementTree.parse(xml).getroot().tag == "testsuites"
    text = md.read_text()
    for raw in ("<script", "<!--", "[x](", "\x00", "\x1b", "\u202e"):
        assert raw not in text
    assert all(line.count(" | ") == 5 for line in text.splitlines() if line.startswith("| "))
    assert json.loads(js.read_text())["exit_code"] == 1


def test_a_summary_is_never_too_long_for_github(
    nights: Nights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond so many rows those that are the same are left out first, and counted."""
    monkeypatch.setattr(verdicts, "_ROWS_AT_MOST", 20)
    nights.add("bb0", speed={"squeezenet · onnx": 0.6})
    file = tmp_path / "s.md"
    assert gate("label:branch=main~7", "bb0", "--summary", file, "--store", nights.place) == 4
    text = file.read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 20
    assert "inconclusive" in rows[1]
    assert "and 52 more rows: `gate --json FILE` has all" in text


def test_the_summary_begins_with_the_sentence(nights: Nights, tmp_path: Path) -> None:
    """Markdown: the sentence in bold, the figures, all rows folded away."""
    nights.add("bb0")
    file = tmp_path / "s.md"
    assert gate("label:branch=main~7", "bb0", "--summary", file, "--store", nights.place) == 0
    text = file.read_text()
    assert text.startswith("**GREEN: nothing regressed by more than ")
    assert "<details><summary>All rows</summary>" in text


def test_json_goes_to_standard_output_alone(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--json -` prints nothing else."""
    nights.add("bb0")
    assert gate("label:branch=main~7", "bb0", "--json", "-", "--store", nights.place) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["schema"] == "benchsuite/gate/1"
    assert data["verdict"] == "green"


def test_an_acceptance_ends_after_its_last_day() -> None:
    """On the day itself it still holds."""
    from benchsuite.acceptance import Acceptance

    one = Acceptance(workload="*", metric="throughput", size=0.1, owner="x",
                     expires=date(2026, 5, 1))  # fmt: skip
    assert not one.ended(date(2026, 5, 1))
    assert one.ended(date(2026, 5, 2))


def test_an_edited_plug_in_of_ones_own_is_named_as_what_changed(
    nights: Nights, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user's backend is software; his meter is how it was measured, and no team's."""
    files = {"backends/mine.py": "aa", "meters/joules.py": "11"}
    facts = {**nights.facts["e1"], "plug-ins": files}
    nights.facts["own"] = facts
    for number in range(7):
        nights.add(f"cd{number}", environment="own", branch="own")
    for number, (file, code, part) in enumerate(
        (("backends/mine.py", "bb", "software"), ("meters/joules.py", "22", "configuration"))
    ):
        nights.facts[f"f{number}"] = {**facts, "plug-ins": {**files, file: code}}
        rows = [
            replace(row, fingerprint=fingerprint(row.key, **{part: f"edited-{number}"}))
            for row in nights.rows()
        ]
        slow = {"squeezenet · onnxruntime": 0.93}
        nights.add(f"cc{number}", rows, speed=slow, environment=f"f{number}", branch="new")
        gate("label:branch=own~7", f"cc{number}", "--store", nights.place)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("YELLOW")]
    assert lines[0].endswith("; only backends/mine.py aa -> bb changed")
    assert lines[1].endswith("; only configuration differs (meters/joules.py 11 -> 22): no team's")
