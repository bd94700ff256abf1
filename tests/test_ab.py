"""Tests of `benchsuite ab` with replayed measurements: rounds, verdicts, exit codes, SPECs."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchsuite import ab, gate
from benchsuite.advice import advised
from benchsuite.cli import main
from benchsuite.errors import BadInput
from benchsuite.judge import Estimate, Verdict
from benchsuite.sequential import FEWEST_ROUNDS, Limits
from benchsuite.types import Measurement, SystemSpec
from tests.test_graphs import floats, model

from . import fakes
from .measurements import measurement, window


def run(*arguments: object) -> int:
    """The exit code of `benchsuite ab`."""
    try:
        return main(["ab", *(str(argument) for argument in arguments)])
    except SystemExit as stop:
        return int(stop.code or 0)


class Replay:
    """Stands in for the worker: measurements with noise, slower for the side that says so."""

    def __init__(self, slower: Callable[[SystemSpec], float], *, noise: float = 0.002) -> None:
        self.slower, self.noise = slower, noise
        self.random = random.Random(5)
        self.order: list[str] = []
        self.whole = 0

    def __call__(
        self, specs: Sequence[SystemSpec], interpreters: Sequence[str | None], **how: object
    ) -> list[Measurement | str]:
        return [self.measure(spec) for spec in specs]

    def measure(self, spec: SystemSpec) -> Measurement | str:
        """One process."""
        self.order.append(spec.backend)
        self.whole += not spec.trial
        factor = self.slower(spec)
        if factor == 0:
            return "the worker was ended by SIGKILL in phase 'build'"
        seconds = 2.0 * factor * (1 + self.random.gauss(0, self.noise))
        made = measurement(windows=(replace(window(queries=100), seconds=seconds, energy=None),))
        if spec.trial:
            return replace(made, accuracy=None, accuracy_reason="a trial", calibrations=())
        return made


Made = Callable[..., tuple[Replay, list[str]]]


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch, content: Path) -> Made:
    """Replays instead of workers, and the arguments that name both sides."""

    def make(slower: Callable[[SystemSpec], float], **how: float) -> tuple[Replay, list[str]]:
        replay = Replay(slower, **how)
        monkeypatch.setattr(ab.workers, "run_in_turns", replay)
        return replay, ["image/tiny@backend=eager", "image/tiny@backend=onnxruntime",
                        "--content", str(content)]  # fmt: skip

    return make


def test_an_open_input_of_a_users_network_is_told(cache: Path, tmp_path: Path) -> None:
    """`--input` says the shape, as for `run`; without it one sentence asks for it."""
    onnx = pytest.importorskip("onnx")
    nodes = [onnx.helper.make_node("Relu", ["x"], ["y"])]
    path = tmp_path / "open.onnx"
    onnx.save(model(nodes, [floats("x", "n", 3, "side")], []), str(path))
    text = f"{path}@backend=onnxruntime"
    with pytest.raises(BadInput, match="--input x=1x3xN"):
        ab.prepare(text, cache=cache, home=tmp_path)
    side, _ = ab.prepare(text, cache=cache, home=tmp_path, inputs=["x=1x3x5"])
    assert side.spec.target is not None
    assert side.spec.target.inputs == ("x=1x3x5",)


def test_two_alike_are_the_same(replayed: Made, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0; it stops at the first look that is clear."""
    replay, arguments = replayed(lambda spec: 1.0)
    assert run(*arguments) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert re.fullmatch(
        r"GREEN: nothing regressed by more than \d\.\d% in 1 row, 1 conclusive", first
    )
    assert len(replay.order) == 2 * FEWEST_ROUNDS


def test_rounds_go_abba(replayed: Made) -> None:
    """Who is first alternates from round to round."""
    replay, arguments = replayed(lambda spec: 1.0)
    run(*arguments, "--rounds", 4)
    a, b = "eager", "onnxruntime"
    assert replay.order == [a, b, b, a, a, b, b, a]


def test_what_is_exact_is_measured_once(replayed: Made, tmp_path: Path) -> None:
    """Later rounds only time; the accuracy is still compared, and `same`."""
    replay, arguments = replayed(lambda spec: 1.0)
    assert run(*arguments, "--rounds", 5, "--json", tmp_path / "ab.json", "--quiet") == 0
    assert replay.whole == 2
    lines = json.loads((tmp_path / "ab.json").read_text())["lines"]
    assert [each["verdict"] for each in lines if each["metric"] == "accuracy"] == ["same"]


def test_the_machines_drift_is_the_first_rounds(
    monkeypatch: pytest.MonkeyPatch, content: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Later rounds run no calibration: that is no drift of nothing."""

    class Drifting(Replay):
        """The machine is slower by a tenth when B is calibrated."""

        def measure(self, spec: SystemSpec) -> Measurement | str:
            made = super().measure(spec)
            assert isinstance(made, Measurement)
            slower = [replace(each, peak=0.9 * each.peak, bandwidth=0.8 * each.bandwidth)
                      for each in made.calibrations]  # fmt: skip
            return replace(made, calibrations=tuple(slower)) if spec.backend != "eager" else made

    monkeypatch.setattr(ab.workers, "run_in_turns", Drifting(lambda spec: 1.0))
    assert run("image/tiny", "image/tiny@backend=onnxruntime", "--content", content) == 0
    assert "machine drift: compute -10.0%, bandwidth -20.0%" in capsys.readouterr().out


def test_a_system_that_changes_meanwhile_is_refused() -> None:
    """A later round of another network does not get the first one's accuracy."""
    first = measurement()
    other = replace(first, fingerprint=replace(first.fingerprint, network="another"))
    assert isinstance(ab._with_exact(replace(first, accuracy=None), first), Measurement)
    assert "changed during the comparison" in str(ab._with_exact(other, first))


def test_workers_take_turns(content: Path, cache: Path, tmp_path: Path) -> None:
    """Two live at once, and both measure both scenarios; the reason of one that fails is told."""
    side, _ = ab.prepare("image/tiny", cache=cache, home=tmp_path, content=[content])
    spec = replace(side.spec, seconds=0.1, warmup_s=0.1, trial=True)
    broken = replace(spec, backend="none")
    outcomes = ab.workers.run_in_turns([spec, spec, broken], [None] * 3, together=True)
    for outcome in outcomes[:2]:
        assert isinstance(outcome, Measurement)
        assert [each.scenario for each in outcome.windows] == list(spec.scenarios)
        assert not outcome.calibrations  # a trial
    assert "unknown backend" in str(outcomes[2])


def test_a_worker_that_overruns_its_turn_is_ended(
    content: Path, cache: Path, tmp_path: Path
) -> None:
    """The reason names the limit and the phase."""
    side, _ = ab.prepare("image/tiny", cache=cache, home=tmp_path, content=[content])
    spec = replace(side.spec, seconds=0.1, warmup_s=0.1, time_limit_s=0.01)
    (outcome,) = ab.workers.run_in_turns([spec], [None], together=True)
    assert str(outcome).startswith("time limit of 0.01 s reached in phase 'start'")


def test_a_slower_side_is_measured_again_and_red(
    replayed: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, confirmed in fresh rounds, with what differs as the cause."""
    replay, arguments = replayed(lambda spec: 1.05 if spec.backend == "onnxruntime" else 1.0)
    assert run(*arguments, "--rounds", 8) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("RED: image/tiny · onnxruntime fp32 throughput -")
    assert ", confirmed; " in first
    assert len(replay.order) == 2 * 16


def test_what_is_exact_is_not_measured_again(
    monkeypatch: pytest.MonkeyPatch, content: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A lower accuracy is red as it is, and does not end the look at the speed."""

    class Worse(Replay):
        """B answers less often right, and at first strays."""

        def measure(self, spec: SystemSpec) -> Measurement | str:
            self.noise = 0.02 if len(self.order) < 2 * FEWEST_ROUNDS else 0.001
            made = super().measure(spec)
            if isinstance(made, Measurement) and made.accuracy and spec.backend == "onnxruntime":
                return replace(made, accuracy=replace(made.accuracy, value=0.7, low=0.6, high=0.8))
            return made

    replay = Worse(lambda spec: 1.0)
    monkeypatch.setattr(ab.workers, "run_in_turns", replay)
    assert run("image/tiny", "image/tiny@backend=onnxruntime", "--content", content) == 1
    said = capsys.readouterr().out
    assert said.startswith("RED: image/tiny · onnxruntime fp32 accuracy 0.9 -> 0.7")
    assert "more to confirm" not in said
    assert "conclusive rows: 1 of 1" in said
    assert len(replay.order) > 2 * FEWEST_ROUNDS


def test_a_noisy_machine_is_inconclusive(
    replayed: Made,
) -> None:
    """Exit code 4, and 125 for a bisection."""
    _, arguments = replayed(lambda spec: 1.0, noise=0.2)
    assert run(*arguments, "--rounds", 6) == 4
    assert run(*arguments, "--rounds", 6, "--bisect") == 125


@pytest.mark.parametrize(
    ("factor", "code", "said", "colour"),
    [(1.0, 0, "GOOD: nothing regressed by more than ", "green"),
     (1.3, 1, "BAD: image/tiny · onnxruntime fp32 throughput -", "red"),
     (0.0, 125, "SKIP, cannot tell: ", "yellow")],
)  # fmt: skip
def test_bisect_codes(
    replayed: Made,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    factor: float,
    code: int,
    said: str,
    colour: str,
) -> None:
    """Good, bad, and what cannot be told; the sentence, the JSON and the page agree."""
    _, arguments = replayed(lambda spec: factor if spec.backend == "onnxruntime" else 1.0)
    told, page = tmp_path / "ab.json", tmp_path / "ab.html"
    files = ("--json", told, "-o", page)
    assert run(*arguments, "--bisect", "--rounds", 6, *files) == code
    data = json.loads(told.read_text())
    assert data["sentence"].startswith(said)
    assert data["bisect"] == said.partition(":")[0].partition(",")[0].lower()
    assert (data["verdict"], data["exit_code"]) == (colour, code)
    assert f'class="long verdict {colour}"' in page.read_text()
    assert run(*arguments, "--bisect", "--rounds", 6, "--quiet") == code
    assert capsys.readouterr().out.splitlines()[0].startswith(said)


def test_what_the_budget_ended_says_what_to_give(
    replayed: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a bisection and outside of one; no advice where the verdict is clear."""
    replay, arguments = replayed(lambda spec: 1.0, noise=0.2)
    told = "the budget of 0.01 s ended after 4 rounds; give --budget 0.05"
    assert run(*arguments, "--budget", 0.01) == 4
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("YELLOW: ") and first.endswith(told)
    assert run(*arguments, "--budget", 0.01, "--bisect") == 125
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("SKIP, cannot tell: ") and first.endswith(told)
    assert run(*arguments, "--rounds", 6) == 4
    first = capsys.readouterr().out.splitlines()[0]
    assert first.endswith("6 rounds were asked for; give --rounds 12, or leave it out")
    replay.noise = 0.001
    assert run(*arguments) == 0
    assert "give --" not in capsys.readouterr().out


def test_a_suspicion_that_did_not_come_again_says_so() -> None:
    """The two looks disagree: that is no lack of rounds in the first."""
    line = gate.Line(
        label="x", scenario="Offline", key=fakes.key(), leading=True,
        verdict=Verdict(
            row="x", metric="throughput", verdict="inconclusive", confirmed=False,
            estimate=Estimate(ratio=0.95, low=0.9, high=1.0, p=0.05, error=0.02, df=7.0),
        ),
    )  # fmt: skip
    made = gate.Judgement(before="a", after="b", lines=(line,))
    told = advised(made, rounds=6, again=8, limits=Limits(budget_s=60))
    assert (
        told.advice == "6 rounds and the 8 that measured it again do not agree; give --budget 300"
    )
    most = advised(
        replace(made, lines=(replace(line, verdict=replace(line.verdict, confirmed=None)),)),
        rounds=40, again=0, limits=Limits(),
    )  # fmt: skip
    assert most.advice == "40 rounds are the most that a budget makes; give --rounds 80"
    disturbed = replace(line, verdict=replace(line.verdict, estimate=None, reason="contended"))
    assert (
        advised(replace(made, lines=(disturbed,)), rounds=4, again=0, limits=Limits()).advice == ""
    )


STEP = """
import random, sys
from dataclasses import replace
from pathlib import Path
from benchsuite import ab
from benchsuite.cli import main
from tests.measurements import measurement, window
chance = random.Random(5)
def side(spec):
    slow = float(Path("slow.txt").read_text()) if spec.backend == "onnxruntime" else 1.0
    if not slow:
        return "the worker was ended by SIGKILL in phase 'build'"
    seconds = 2.0 * slow * (1 + chance.gauss(0, 0.004))
    return measurement(windows=(replace(window(queries=100), seconds=seconds, energy=None),))
ab.workers.run_in_turns = lambda specs, *_, **__: [side(spec) for spec in specs]
sys.exit(main(["ab", "image/tiny@backend=eager", "image/tiny@backend=onnxruntime", "--bisect",
               "--rounds", "6", "--quiet", "--content", sys.argv[1]]))
"""


def test_git_bisect_finds_the_commit(content: Path, cache: Path, tmp_path: Path) -> None:
    """Six commits, the third does not run, the fifth made it slower: git names the fifth."""
    project, step = tmp_path / "project", tmp_path / "step.py"
    project.mkdir()
    step.write_text(STEP)
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "BENCHSUITE_CACHE": str(cache)}

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        return subprocess.run(["git", *who, *arguments], cwd=project, env=env, check=True,
                              text=True, capture_output=True).stdout  # fmt: skip

    git("init", "-q")
    commits = []
    for number, slow in enumerate((1.0, 1.001, 0.0, 0.999, 1.4, 1.41)):
        (project / "slow.txt").write_text(str(slow))
        git("add", ".")
        git("commit", "-qm", f"commit {number + 1}")
        commits.append(git("rev-parse", "HEAD").strip())
    git("bisect", "start", commits[-1], commits[0])
    said = git("bisect", "run", sys.executable, str(step), str(content))
    assert f"{commits[4]} is the first bad commit" in said
    assert {"GOOD: ", "BAD: ", "SKIP, cannot tell: "} <= set(
        re.findall(r"^(?:GOOD|BAD|SKIP, cannot tell): ", said, re.MULTILINE)
    )


def test_a_side_that_does_not_run_is_named(
    replayed: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 5, the reason in the sentence, and no endless rounds."""
    replay, arguments = replayed(lambda spec: 0.0 if spec.backend == "onnxruntime" else 1.0)
    assert run(*arguments) == 5
    first = capsys.readouterr().out.splitlines()[0]
    assert "failed: image/tiny@backend=onnxruntime: the worker was ended by SIGKILL" in first
    assert len(replay.order) == 4


def test_a_side_that_fails_now_and_then_is_told(
    replayed: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other rounds are judged; that some failed is a note with the reason."""
    count = iter(range(100))

    def slower(spec: SystemSpec) -> float:
        return 0.0 if spec.backend == "onnxruntime" and next(count) % 3 == 1 else 1.0

    _, arguments = replayed(slower)
    assert run(*arguments, "--rounds", 9) == 0
    said = capsys.readouterr().out
    assert "onnxruntime: failed in 3 of 9 rounds, which are left out: the worker was ended" in said


class Paced(Replay):
    """Measurements of two scenarios, of which some processes cannot have `Server`."""

    def __init__(self, unable: Callable[[SystemSpec, int], bool]) -> None:
        super().__init__(lambda spec: 1.0)
        self.unable = unable
        self.count = 0

    def measure(self, spec: SystemSpec) -> Measurement | str:
        """One process."""
        made = super().measure(spec)
        assert isinstance(made, Measurement)
        number, self.count = self.count // 2, self.count + 1
        found = [(name, self.unable(spec, number)) for name in spec.scenarios if name == "Server"]
        windows = [replace(each, scenario=name) for each in made.windows
                   for name in spec.scenarios if (name, True) not in found]  # fmt: skip
        unmet = {name: "no rate meets the latency bound" for name, not_met in found if not_met}
        return replace(made, windows=tuple(windows), unmet=unmet)


BOUND = '    frame="image",\n    latency_bound_s=0.01,'


def paced(
    monkeypatch: pytest.MonkeyPatch,
    content: Path,
    unable: Callable[[SystemSpec, int], bool],
    *,
    scenario: str = "Offline+Server",
) -> list[str]:
    """The arguments of a comparison under scenarios that some processes cannot have."""
    file = content / "workloads" / "image" / "tiny.py"
    file.write_text(file.read_text().replace('    frame="image",', BOUND))
    monkeypatch.setattr(ab.workers, "run_in_turns", Paced(unable))
    return [f"image/tiny@backend=eager,scenario={scenario}",
            f"image/tiny@backend=onnxruntime,scenario={scenario}", "--content", str(content),
            "--rounds", "6"]  # fmt: skip


def test_a_scenario_that_b_cannot_have_is_missing(
    monkeypatch: pytest.MonkeyPatch, content: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other scenario is alike, and yet nothing is green."""
    arguments = paced(monkeypatch, content, lambda spec, _: spec.backend == "onnxruntime")
    assert run(*arguments) == 5
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("RED: image/tiny · onnxruntime fp32, Server is missing: ")
    assert first.endswith("no rate meets the latency bound")


def test_a_scenario_that_some_processes_cannot_have_is_judged_by_the_others(
    monkeypatch: pytest.MonkeyPatch, content: Path, tmp_path: Path
) -> None:
    """At the edge of a bound a process meets it and the next one does not."""
    arguments = paced(monkeypatch, content, lambda spec, number: number == 2)
    told = tmp_path / "ab.json"
    assert run(*arguments, "--json", told, "--quiet") == 0
    lines = json.loads(told.read_text())["lines"]
    served = [each["verdict"] for each in lines if each["scenario"] == "Server"]
    assert served == ["same"]


def test_a_scenario_that_neither_can_have_is_told(
    monkeypatch: pytest.MonkeyPatch, content: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside another one it is a note; alone there is nothing to compare."""
    arguments = paced(monkeypatch, content, lambda spec, _: True)
    assert run(*arguments) == 0
    said = capsys.readouterr().out
    assert "Server not compared: image/tiny@backend=eager," in said
    assert "no rate meets the latency bound" in said


def test_a_scenario_alone_that_neither_can_have_fails(
    monkeypatch: pytest.MonkeyPatch, content: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 5 with the reason, after two rounds."""
    arguments = paced(monkeypatch, content, lambda spec, _: True, scenario="Server")
    assert run(*arguments[:-2]) == 5
    first = capsys.readouterr().out.splitlines()[0]
    assert "failed: image/tiny@backend=eager,scenario=Server: Server: no rate meets" in first


def test_other_scenarios_are_refused(content: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sides that share no scenario, or not all, have nothing or not all to compare."""
    sides = ("image/tiny@scenario=Offline", "image/tiny@scenario=SingleStream")
    assert run(*sides, "--content", content) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "Offline against SingleStream; give both sides the same scenarios" in said


def test_both_sides_have_their_scenarios_in_one_order(
    monkeypatch: pytest.MonkeyPatch, content: Path
) -> None:
    """Else A's turns of one scenario would lie beside B's of another."""
    seen: list[tuple[str, ...]] = []

    def record(specs: Sequence[SystemSpec], *_: object, **__: object) -> list[str]:
        seen.extend(spec.scenarios for spec in specs)
        return ["not run", "not run"]

    monkeypatch.setattr(ab.workers, "run_in_turns", record)
    sides = [f"image/tiny@scenario={x}" for x in ("Offline+SingleStream", "SingleStream+Offline")]
    assert run(*sides, "--content", content) == 5
    assert set(seen) == {("Offline", "SingleStream")}


def test_json_has_every_figure(replayed: Made, tmp_path: Path) -> None:
    """Verdict, ratio with interval, detectable change, shares and cause."""
    _, arguments = replayed(lambda spec: 1.0)
    file = tmp_path / "ab.json"
    assert run(*arguments, "--json", file, "--quiet") == 0
    data = json.loads(file.read_text())
    line = next(each for each in data["lines"] if each["metric"] == "throughput")
    assert line["verdict"] == "same"
    assert line["low"] < 1.02
    assert line["high"] > 0.98
    assert line["detectable"] > 0
    assert data["notes"] == ["4 interleaved rounds of fresh processes"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("image/tiny@speed=3", "write WORKLOAD@KEY=VALUE"),
        ("image/tiny@batch=none", "must be a whole number"),
        ("image/tiny@backend=eager,backend=eager", "given twice"),
        ("image/tiny@backend=best", "name one backend a side"),
        ("image/none", "image/none"),
        ("image/tiny@python=/nowhere/python", "cannot be started"),
        ("image/tiny@data=here", "write data=NAME=DIR"),
        ("image/tiny@batch=\N{SUPERSCRIPT TWO}", "must be a whole number"),
        ("image/tiny@batch=" + "9" * 5000, "of nine digits at most"),
        ("image/tiny@rate=nan", "rate=nan must be a number above 0"),
        ("image/tiny@time-limit=-1", "must be a number above 0"),
        ("image/tiny@rate=5", "add --scenario RealTime"),
        ("image/tiny@scenario=Offline+Server", "Server needs a latency bound"),
        ("image/tiny@meter=none-such", "unknown meter 'none-such'"),
        ("image/tiny@weights=~no-such-user/x", "there is no such user"),
        ("image/tiny@batch", "write WORKLOAD@KEY=VALUE"),
    ],
)
def test_a_wrong_spec_is_one_sentence(
    content: Path, capsys: pytest.CaptureFixture[str], spec: str, says: str
) -> None:
    """Exit code 2 before anything is measured."""
    assert run(spec, "image/tiny", "--content", content) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert says in said[-1]


def test_a_scenario_that_was_not_asked_for_is_left_out_and_told(
    content: Path, cache: Path, tmp_path: Path
) -> None:
    """A network of four samples a query has no SingleStream; asked for by name it is refused."""
    file = content / "workloads" / "image" / "tiny.py"
    file.write_text(file.read_text().replace("batch=4", "batch=4, fixed_batch=True"))
    side, notes = ab.prepare("image/tiny", cache=cache, home=tmp_path, content=[content])
    assert side.spec.scenarios == ("Offline",)
    assert any("SingleStream left out: image/tiny takes exactly 4 samples" in n for n in notes)
    with pytest.raises(BadInput, match="takes exactly 4 samples a query"):
        ab.prepare(
            "image/tiny@scenario=Offline+SingleStream",
            cache=cache, home=tmp_path, content=[content],
        )  # fmt: skip


def test_a_folder_may_have_an_at_sign_in_its_name(
    content: Path, cache: Path, tmp_path: Path
) -> None:
    """As Jenkins names the workspace of a second job: `name@2`."""
    folder = tmp_path / "job@2"
    folder.mkdir()
    (folder / "mine.py").write_text((content / "workloads" / "image" / "tiny.py").read_text())
    for text in (f"{folder}/mine.py", f"{folder}/mine.py@backend=onnxruntime,threads=1"):
        side, _ = ab.prepare(text, cache=cache, home=tmp_path)
        assert Path(side.spec.path) == folder / "mine.py"
    assert (side.spec.backend, side.spec.threads) == ("onnxruntime", 1)


def test_runs_other_flags_are_keys(content: Path, cache: Path, tmp_path: Path) -> None:
    """The rate of RealTime, the limit of a process, the meter."""
    side, _ = ab.prepare(
        "image/tiny@scenario=RealTime,rate=25,time-limit=90,meter=modelled",
        cache=cache, home=tmp_path, content=[content],
    )  # fmt: skip
    found = (side.spec.scenarios, side.spec.rate, side.spec.time_limit_s, side.spec.meter)
    assert found == (("RealTime",), 25.0, 90.0, "modelled")


def test_a_python_without_benchsuite_is_refused(
    content: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence ends with what installs it there."""
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\necho "No module named benchsuite" >&2\nexit 1\n')
    fake.chmod(0o755)
    assert run(f"image/tiny@python={fake}", "image/tiny", "--content", content) == 2
    assert f"{fake} -m pip install benchsuite" in capsys.readouterr().err
    fake.write_text("#!/bin/sh\nexit 0\n")  # some other program
    assert run(f"image/tiny@python={fake}", "image/tiny", "--content", content) == 2
    assert "benchsuite does not run there (it said nothing)" in capsys.readouterr().err


def test_a_worker_can_run_in_another_python(content: Path, cache: Path, tmp_path: Path) -> None:
    """The side's own interpreter starts the worker."""
    log = tmp_path / "log"
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    side, _ = ab.prepare(
        f"image/tiny@python={other}", cache=cache, home=tmp_path, content=[content]
    )
    spec = replace(side.spec, seconds=0.1, warmup_s=0.1, scenarios=("Offline",))
    assert isinstance(ab.workers.run_worker(spec, interpreter=side.interpreter), Measurement)
    assert "benchsuite.harness.worker" in log.read_text().splitlines()[-1]


def test_an_accelerators_host_is_not_bound(
    replayed: Made, content: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its driver has threads of its own; on processors both sides get the same cores."""
    seen: list[list[SystemSpec]] = []

    def record(specs: Sequence[SystemSpec], *_: object, **__: object) -> list[str]:
        seen.append(list(specs))
        return ["not run", "not run"]

    monkeypatch.setattr(ab.workers, "run_in_turns", record)
    monkeypatch.setattr(ab, "_cores", lambda threads, number: (number,))
    side, _ = ab.prepare("image/tiny", cache=cache, home=tmp_path, content=[content])
    board = replace(side, plan=replace(side.plan, device=replace(side.plan.device, kind="cuda")))
    ab.measure_round(side, side, number=3)
    ab.measure_round(board, board, number=3)
    assert [[spec.cores for spec in each] for each in seen] == [[(3,), (3,)], [None, None]]
