"""Tests of workers that are forked from a process that has imported torch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from benchsuite import ab
from benchsuite.forks import Nurseries, Nursery
from benchsuite.types import Measurement, SystemSpec
from benchsuite.workers import Worker, run_in_turns, run_worker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")


@pytest.fixture
def spec(content: Path, cache: Path, tmp_path: Path) -> SystemSpec:
    """A short one of the tiny network."""
    side, _ = ab.prepare("image/tiny", cache=cache, home=tmp_path, content=[content])
    return replace(side.spec, seconds=0.1, warmup_s=0.1, trial=True, scenarios=("Offline",))


def alone(worker: Worker) -> Measurement | str:
    """What a worker measures that is given every turn."""
    while worker.wait():
        worker.go()
    return worker.outcome()


def test_a_forked_worker_measures_what_one_by_itself_does(spec: SystemSpec) -> None:
    """Two at once, twice from the same nursery: all but the times is alike."""
    by_itself, _ = run_in_turns([spec, spec], [None, None], together=True)
    assert isinstance(by_itself, Measurement)
    with Nurseries() as nurseries:
        for _ in range(2):
            found = run_in_turns([spec, spec], [None, None], together=True, nurseries=nurseries)
            for each in found:
                assert isinstance(each, Measurement)
                assert each.fingerprint == by_itself.fingerprint
                assert each.counts == by_itself.counts
                assert each.distance == by_itself.distance
                assert each.windows[0].frames > 0
                assert len(each.turns["Offline"]) >= 6


def test_its_environment_is_that_of_a_worker_by_itself(spec: SystemSpec) -> None:
    """Its threads are those that its system is given."""
    spec = replace(spec, threads=1)
    run_in_turns([spec], [None], together=True)  # the first of all probes, with more libraries
    with Nurseries() as nurseries:
        (found,) = run_in_turns([spec], [None], together=True, nurseries=nurseries)
    (by_itself,) = run_in_turns([spec], [None], together=True)
    assert isinstance(found, Measurement)
    assert isinstance(by_itself, Measurement)
    assert found.environment == by_itself.environment


def test_a_nursery_and_its_workers_end_with_it(spec: SystemSpec) -> None:
    """Also those that still measure: nothing is left running."""
    long = replace(spec, turns=True, seconds=60.0)
    with Nursery(interpreter=None, threads=1) as nursery:
        worker = Worker(long, nursery=nursery)
        assert worker.wait()
        parent = psutil.Process(nursery.pid)
        family = [parent, *parent.children(recursive=True)]
        assert len(family) >= 2
    with worker:
        assert not worker.wait()
        assert "ended by SIGKILL" in str(worker.outcome())
    _, left = psutil.wait_procs(family, timeout=10)
    assert not left


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raise ValueError('no <such> thing')", "ValueError: no <such> thing"),
        ("__import__('os').kill(__import__('os').getpid(), 11)", "ended by SIGSEGV"),
        ("__import__('sys').exit(3)", "SystemExit: 3"),
        ("__import__('os')._exit(3)", "the worker failed in phase"),
    ],
)
def test_a_forked_worker_that_fails_says_why(
    spec: SystemSpec, content: Path, how: str, said: str
) -> None:
    """As one by itself does; the next one from the same nursery measures."""
    path = next(content.rglob("tiny.py"))
    text = path.read_text()
    with Nurseries() as nurseries:
        path.write_text(f"{text}\n{how}\n")
        (broken,) = run_in_turns([spec], [None], together=True, nurseries=nurseries)
        path.write_text(text)
        (found,) = run_in_turns([spec], [None], together=True, nurseries=nurseries)
    assert said in str(broken)
    assert isinstance(found, Measurement)


@pytest.mark.parametrize("forked", [True, False])
def test_a_worker_that_is_killed_before_its_turn_fails_alone(
    spec: SystemSpec, forked: bool
) -> None:
    """As the system does when memory runs out: a broken pipe is no end of the comparison."""
    with Nurseries() as nurseries:
        nursery = nurseries.of(interpreter=None, threads=spec.threads) if forked else None
        with Worker(replace(spec, turns=True), nursery=nursery) as worker:
            assert worker.wait()
            worker._process.kill()
            worker._process.wait()
            worker.go()
            assert not worker.wait()
            assert "ended by SIGKILL" in str(worker.outcome())


def test_a_worker_that_overruns_is_ended(spec: SystemSpec) -> None:
    """With its time limit as the reason."""
    with Nurseries() as nurseries:
        nursery = nurseries.of(interpreter=None, threads=1)
        hurried = replace(spec, turns=True, time_limit_s=0.01)
        with Worker(hurried, nursery=nursery) as worker:
            assert "time limit of 0.01 s" in str(alone(worker))


def test_where_there_is_no_nursery_a_worker_starts_by_itself(
    spec: SystemSpec, interpreter: Callable[[str], Path]
) -> None:
    """A Python whose benchsuite has none, one that is not there, and one that died meanwhile."""
    python = interpreter('case "$*" in *nursery*) exit 1;; esac')
    with Nurseries() as nurseries:
        assert nurseries.of(interpreter=str(python), threads=1) is None
        assert nurseries.of(interpreter="/no/such/python", threads=1) is None
        (found,) = run_in_turns([spec], [str(python)], together=True, nurseries=nurseries)
        assert isinstance(found, Measurement)
        nursery = nurseries.of(interpreter=None, threads=spec.threads)
        assert nursery is not None
        psutil.Process(nursery.pid).kill()
        nursery._listener.join()
        (found,) = run_in_turns([spec], [None], together=True, nurseries=nurseries)
        assert isinstance(found, Measurement)


def test_a_system_without_process_descriptors_has_no_nursery(
    spec: SystemSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels before 5.3 and some containers: known before a worker is entrusted to it."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os\ndef refused(*_):\n    raise OSError(38, 'Function not implemented')\n"
        "os.pidfd_open = refused\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with Nurseries() as nurseries:
        assert nurseries.of(interpreter=None, threads=spec.threads) is None
        (found,) = run_in_turns([spec], [None], together=True, nurseries=nurseries)
        assert isinstance(found, Measurement)


def test_rounds_come_from_fresh_nurseries_now_and_then(
    spec: SystemSpec, content: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verdict does not rest on where one process's libraries happened to lie."""
    side, _ = ab.prepare("image/tiny", cache=cache, home=tmp_path, content=[content])
    renewed: list[int] = []
    nurseries = Nurseries()
    monkeypatch.setattr(nurseries, "renew", lambda: renewed.append(1))
    monkeypatch.setattr(ab.workers, "run_in_turns", lambda *_, **__: ["no", "no"])
    for number in range(2 * ab.ROUNDS_A_NURSERY):
        ab.measure_round(side, side, number=number, nurseries=nurseries)
    assert len(renewed) == 2


@pytest.fixture
def interpreter(tmp_path: Path) -> Callable[[str], Path]:
    """A Python that first runs a line of shell."""

    def make(first: str) -> Path:
        path = tmp_path / "python"
        path.write_text(f'#!/bin/sh\n{first}\nexec {sys.executable} "$@"\n')
        path.chmod(0o755)
        return path

    return make


FORK = """
import os, sys
import torch
from benchsuite.harness import mapped
def files():
    status = dict(line.split(":") for line in open("/proc/self/status") if ":" in line)
    return int(status["RssFile"].split()[0])
runs, parent = mapped.resident(), files()
if os.fork() == 0:
    before = files()
    mapped.have(runs)
    print(parent, before, files(), flush=True)
    os._exit(0)
os.wait()
"""


def test_a_fork_has_the_pages_of_files_that_its_parent_had() -> None:
    """Else the first use of a library's page would count as memory of what is measured."""
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True)
    parent, before, after = map(int, done.stdout.split())
    assert before < 0.7 * parent
    assert after == pytest.approx(parent, rel=0.1)


def test_making_an_artefact_is_no_part_of_the_systems_memory(
    spec: SystemSpec, tmp_path: Path
) -> None:
    """The exporter's modules stay in the process that exported; the next one has none of them."""
    pytest.importorskip("onnxscript")
    spec = replace(spec, backend="onnxruntime", cache=str(tmp_path / "cold"))
    cold, warm = (run_worker(spec) for _ in range(2))
    assert isinstance(cold, Measurement)
    assert isinstance(warm, Measurement)
    assert cold.windows[0].peak_memory_b is not None
    assert warm.windows[0].peak_memory_b is not None
    assert cold.compile_time_s > warm.compile_time_s
    assert "exported by torch.onnx" in cold.compile_how
    assert abs(cold.windows[0].peak_memory_b - warm.windows[0].peak_memory_b) < 20e6
