"""Tests of `benchsuite ab` with replayed measurements: rounds, verdicts, exit codes, SPECs."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchsuite import ab
from benchsuite.cli import main
from benchsuite.errors import BadInput
from benchsuite.sequential import FEWEST_ROUNDS
from benchsuite.types import Measurement, SystemSpec
from tests.test_graphs import floats, model

from .measurements import measurement, window


def run(*arguments: object) -> int:
    """The exit code of `benchsuite ab`."""
    try:
        return main(["ab", *(str(argument) for argument in arguments)])
    except SystemExit as stop:
        return int(stop.code or 0)


class Replay:
    """Stands in for the worker: measurements with noise, slower for the side that says so."""

    def __init__(self, slower: Callable[[SystemSpec], float], *, noise: float = 0.004) -> None:
        self.slower, self.noise = slower, noise
        self.random = random.Random(5)
        self.order: list[str] = []
        self.whole = 0

    def __call__(
        self, specs: Sequence[SystemSpec], interpreters: Sequence[str | None], *, together: bool
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
        return replace(made, accuracy=None, accuracy_reason="a trial") if spec.trial else made


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
    assert capsys.readouterr().out.startswith("GREEN: nothing regressed in 1 row, 1 conclusive")
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
        assert len(outcome.calibrations) == 1
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


def test_a_noisy_machine_is_inconclusive(
    replayed: Made,
) -> None:
    """Exit code 4, and 125 for a bisection."""
    _, arguments = replayed(lambda spec: 1.0, noise=0.2)
    assert run(*arguments, "--rounds", 6) == 4
    assert run(*arguments, "--rounds", 6, "--bisect") == 125


@pytest.mark.parametrize(("factor", "code"), [(1.0, 0), (1.3, 1), (0.0, 125)])
def test_bisect_codes(replayed: Made, factor: float, code: int) -> None:
    """Good, bad, and what cannot be told."""
    _, arguments = replayed(lambda spec: factor if spec.backend == "onnxruntime" else 1.0)
    assert run(*arguments, "--bisect", "--rounds", 6) == code


def test_a_side_that_does_not_run_is_named(
    replayed: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 5, the reason in the sentence, and no endless rounds."""
    replay, arguments = replayed(lambda spec: 0.0 if spec.backend == "onnxruntime" else 1.0)
    assert run(*arguments) == 5
    first = capsys.readouterr().out.splitlines()[0]
    assert "failed: image/tiny@backend=onnxruntime: the worker was ended by SIGKILL" in first
    assert len(replay.order) == 4


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
    ],
)
def test_a_wrong_spec_is_one_sentence(
    content: Path, capsys: pytest.CaptureFixture[str], spec: str, says: str
) -> None:
    """Exit code 2 before anything is measured."""
    assert run(spec, "image/tiny", "--content", content) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert says in said[-1]


def test_a_python_without_benchsuite_is_refused(
    content: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence ends with what installs it there."""
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\necho "No module named benchsuite" >&2\nexit 1\n')
    fake.chmod(0o755)
    assert run(f"image/tiny@python={fake}", "image/tiny", "--content", content) == 2
    assert f"{fake} -m pip install benchsuite" in capsys.readouterr().err


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
