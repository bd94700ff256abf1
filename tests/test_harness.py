"""Tests of benchsuite.harness: the timed loop, the warm-up, contention, networks and accuracy."""

from __future__ import annotations

import os
import pickle
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from benchsuite import catalog, machine, meters
from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.harness import (
    accuracy,
    contention,
    doubts,
    network,
    performance,
    probing,
    windows,
)
from benchsuite.harness.performance import Gauges, Load, Metered
from benchsuite.meters import Subject, csv
from benchsuite.types import (
    Arrays,
    ClockReading,
    Contention,
    Distance,
    EnergyReading,
    Part,
    Rate,
    Split,
)

from .measurements import DEVICE, measurement, window

SUBJECT = Subject(device=DEVICE, envelope=None, threads=1)


def calls(count: int) -> tuple[list[int], Load]:
    made: list[int] = []
    queries = [lambda n=n: made.append(n) for n in range(count)]
    return made, Load(scenario="Offline", calls=queries, batch=2, frames=2.0 * count)


def measured(load: Load, metered: Metered | None = None) -> performance.Window:
    return performance.measure(
        load,
        seconds=0.02,
        warmup_s=0.01,
        gauges=gauges(metered),
    )


def gauges(metered: Metered | None = None) -> Gauges:
    return Gauges(
        metered=metered or Metered(meter=None, subject=SUBJECT, reason="no meter: test"),
        start_memory=lambda: None,
        peak_memory=lambda: 123,
    )


def test_what_a_meter_waits_for_is_not_the_windows() -> None:
    """Memory is read before a meter that reads a log waits for it; clocks are read meanwhile."""
    order: list[str] = []

    class Slow:
        def stop(self) -> EnergyReading:
            order.append("energy")
            raise NotMeasurable("the log ends")

    class Meter:
        window_s, measures, boundary, needs = 0.0, True, "wall", "nothing"

        def start(self, subject: Subject) -> Slow:
            return Slow()

    got = performance.measure(
        calls(1)[1],
        seconds=0.02,
        warmup_s=0.01,
        gauges=Gauges(
            metered=Metered(meter=Meter(), subject=SUBJECT),  # type: ignore[arg-type]
            start_memory=lambda: None,
            peak_memory=lambda: order.append("memory") or 0,  # type: ignore[func-returns-value]
            clocks=lambda: ClockReading(sm_clock_hz=1e9),
        ),
    )
    assert order == ["memory", "energy"]
    assert (got.energy, got.energy_reason) == (None, "the log ends")
    assert got.clocks is not None
    assert got.clocks.samples >= 2


def test_a_window_holds_whole_cycles_and_every_query() -> None:
    """Queries rotate through the pool in order; durations, queries and frames agree."""
    made, load = calls(3)
    got = measured(load)
    assert got.queries % 3 == 0
    assert len(got.durations_ns) == got.queries
    assert got.frames == 2.0 * got.queries
    assert made == [0, 1, 2] * (len(made) // 3)
    assert got.seconds >= 0.02
    assert sum(got.durations_ns) <= got.seconds * 1e9 * 1.0001
    assert got.peak_memory_b == 123
    assert got.energy is None
    assert got.energy_reason == "no meter: test"


def test_a_window_has_its_least_queries() -> None:
    """Time alone does not end a window that lacks queries."""
    made: list[int] = []
    load = Load(scenario="SingleStream", calls=[lambda: made.append(0)] * 3, batch=1, frames=3.0)
    got = performance.back_to_back(
        load,
        performance.Warmth(seconds=0.0, steady=True, movement=0.0, cycle_s=0.05),
        seconds=1e-9,
        min_queries=100,
    )
    assert got.queries == len(made) == 102


def test_an_asynchronous_device_is_waited_for() -> None:
    """SingleStream waits after each query, Offline on a queue once a cycle."""
    waits: list[None] = []
    for queued, per in ((False, 1), (True, 2)):
        waits.clear()
        made: list[int] = []
        load = Load(
            scenario="Offline", calls=[partial(made.append, 1)] * 2, batch=1, frames=2.0,
            wait=lambda: waits.append(None), queued=queued,
        )  # fmt: skip
        got = measured(load)
        assert len(waits) * per == len(made)
        assert got.queries == len(got.durations_ns) * got.queries_per_duration


class _Meter:
    window_s = 0.0
    measures = True

    def __init__(self, failure: str | None = None) -> None:
        self._failure = failure

    def check(self, subject: Subject) -> None: ...

    def start(self, subject: Subject) -> _Meter:
        return self

    def stop(self) -> EnergyReading:
        if self._failure:
            raise NotMeasurable(self._failure)
        return EnergyReading(energy_j=1.0, seconds=1.0, source="csv", boundary="wall", how="test")


def test_the_meter_watches_the_window() -> None:
    """A meter's reading is kept; one that fails leaves its reason, and the window stands."""
    _, load = calls(1)
    good = measured(load, Metered(meter=_Meter(), subject=SUBJECT))  # type: ignore[arg-type]
    assert good.energy is not None
    assert good.energy.source == "csv"
    bad = measured(load, Metered(meter=_Meter("too short"), subject=SUBJECT))  # type: ignore[arg-type]
    assert bad.energy is None
    assert bad.energy_reason == "too short"
    assert bad.queries > 0


def looks(medians_ns: list[int]) -> tuple[list[int], object]:
    """A cycle whose k-th look takes the k-th duration for each query, the last one for ever."""
    taken: list[int] = []

    def cycle(cycles: int) -> list[int]:
        duration = medians_ns[min(len(taken), len(medians_ns) - 1)]
        taken.append(duration)
        return [n * duration for n in range(cycles + 1)]

    return taken, cycle


@pytest.mark.parametrize(
    ("window_s", "scenarios", "measured"),
    [
        (200.0, ("Offline", "SingleStream"), True),
        (200.0, ("Offline", "RealTime"), False),
        (400.0, ("SingleStream",), False),
    ],
)
def test_a_meter_too_slow_for_the_time_limit_gives_no_energy(
    window_s: float, scenarios: tuple[str, ...], measured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One row a minute would need windows of an hour: it says so, and the speed is measured."""
    slow = replace(csv.METER, window_s=window_s)
    monkeypatch.setattr(meters, "choose", lambda *_, **__: ("csv:log.csv", slow))
    monkeypatch.setattr(csv._Csv, "idle_power", lambda *_: Rate(value=1.0, how="made up"))
    spec = SimpleNamespace(
        threads=1, roots=(), meter="csv:log.csv", scenarios=scenarios, time_limit_s=600.0
    )
    system: Any = SimpleNamespace(spec=spec, device=DEVICE, cache=None)
    metered, idle, reason = windows.meter(system, preferred=())
    assert (metered.meter is slow) == measured
    if measured:
        assert idle is not None
    else:
        assert idle is None
        assert reason is not None
        assert "csv:log.csv: it needs windows of" in reason
        assert reason.endswith("a longer --time-limit")


def test_a_warm_up_ends_when_the_median_stands_still() -> None:
    """Two looks in a row within 1 % are steady; a median that keeps moving is not."""
    taken, still = looks([10**8] * 9)
    steady = performance.warm_up(still, at_most_s=60.0)  # type: ignore[arg-type]
    assert steady.steady
    assert len(taken) == 4
    _, moving = looks([int(10**8 * 1.1**n) for n in range(50)])
    restless = performance.warm_up(moving, at_most_s=0.0)  # type: ignore[arg-type]
    assert not restless.steady
    assert restless.movement == pytest.approx(0.1, rel=0.01)
    # a last look that stands still by chance does not make it a small movement
    _, jumping = looks([10**8, 10**8, int(1.3 * 10**8), int(1.3 * 10**8)])
    by_chance = performance.warm_up(jumping, at_most_s=0.0)  # type: ignore[arg-type]
    assert not by_chance.steady
    assert by_chance.movement == pytest.approx(0.3, rel=0.01)


def test_contention_is_what_others_took() -> None:
    """Other processes' time is the machine's busy time less our own; steal is told apart."""
    before = contention.Reading(involuntary={1: 5, 2: 7}, steal_s=1.0, busy_s=10.0, own_s=3.0)
    after = contention.Reading(involuntary={1: 9, 2: 8, 3: 2}, steal_s=1.5, busy_s=14.0, own_s=6.0)
    assert contention.between(before, after) == Contention(
        involuntary_switches=4, steal_s=0.5, other_cpu_s=1.0
    )
    unknown = contention.Reading(involuntary=None, steal_s=None, busy_s=None, own_s=0.0)
    assert contention.between(unknown, unknown) == Contention()


def test_of_disturbed_probes_each_rate_is_the_best(tmp_path: Path) -> None:
    """A probe that nothing disturbed is not replaced by a disturbed one."""
    calm = measurement().probe
    loud = replace(calm, disturbed="others ran", peak=replace(calm.peak, value=1e9))
    assert probing.pin_unless_worse(tmp_path, "one", calm) == calm
    assert probing.pin_unless_worse(tmp_path, "one", loud) == calm
    assert probing.read_pinned(tmp_path, "one") == calm
    better = replace(
        loud,
        peak=replace(calm.peak, value=1.001e9),
        bandwidth=replace(calm.bandwidth, value=calm.bandwidth.value / 3),
        calibration_bandwidth=calm.calibration_bandwidth / 3,
    )
    probing.pin_unless_worse(tmp_path, "two", loud)
    kept = probing.pin_unless_worse(tmp_path, "two", better)
    assert (kept.peak, kept.bandwidth) == (better.peak, loud.bandwidth)
    assert kept.calibration_bandwidth == loud.calibration_bandwidth
    assert probing.pin_unless_worse(tmp_path, "two", calm) == calm


def test_a_disturbed_window_is_doubted() -> None:
    """A second of other work in a 2-s window is flagged, a hundredth is not."""
    quiet = replace(window(), contention=Contention(steal_s=0.0, other_cpu_s=0.02))
    busy = replace(window(), contention=Contention(steal_s=0.0, other_cpu_s=1.0))
    assert contention.doubts(quiet, cores=2, threads=2) == []
    (doubt,) = contention.doubts(busy, cores=2, threads=2)
    assert doubt.code == "contended"
    assert doubt.message.startswith("Offline:")


@pytest.mark.parametrize(
    ("cores", "threads", "other_s", "switches", "flagged"),
    [
        # two cores, windows of 1 s: nothing, and one busy process (its two rows are recorded)
        (2, 1, 0.05, 2, False),
        (2, 1, 1.03, 28, True),
        (2, 2, 0.08, 12, False),
        (2, 2, 1.05, 641, True),
        # a library's own threads interrupt one another: nobody else took the time
        (2, 2, 0.01, 23931, False),
        # all cores used: one busy process is enough, some daemons are not
        (16, 16, 0.20, 12, False),
        (16, 16, 0.95, 180, True),
        (64, 64, 0.20, 12, False),
        (64, 64, 0.95, 180, True),
        (64, 64, 0.95, None, True),
        # free cores hold it, unless it took ours
        (16, 1, 0.75, 2, False),
        (16, 1, 0.75, 180, True),
        (64, 1, 0.95, 2, False),
        (64, 1, 0.95, 180, True),
        (64, 63, 0.95, 2, False),
        (64, 63, 1.95, 2, True),
        # a twentieth of the whole: caches, memory and clock are shared
        (64, 1, 4.0, 2, True),
    ],
)
def test_others_are_judged_against_the_cores_in_use(
    cores: int, threads: int, other_s: float, switches: int | None, flagged: bool
) -> None:
    """One busy process is seen on any number of cores where it takes one of ours."""
    found = Contention(involuntary_switches=switches, steal_s=0.0, other_cpu_s=other_s)
    said = contention.disturbance(found, seconds=1.0, cores=cores, threads=threads)
    assert (said is not None) == flagged
    if said is not None and switches is not None:
        assert said.endswith(f"interrupted {switches} times a second")


@pytest.mark.parametrize(
    ("threads", "ours_s", "other_s", "switches", "flagged"),
    [
        # recorded, one thread: quiet, a busy process on another core, one on ours
        (1, 0.01, 0.11, 10, False),
        (1, 0.02, 0.88, 140, False),
        (1, 0.40, 0.46, 100, True),
        # interruptions without time taken tell nothing; time taken without a count of them does
        (1, 0.00, 0.20, 900, False),
        (1, 0.40, 0.46, None, True),
        # one busy process is enough on any number of cores
        (32, 0.45, 0.95, 100, True),
        (32, 0.20, 0.95, 100, False),
        # a twentieth of the whole, wherever it runs
        (1, 0.00, 4.0, 2, True),
    ],
)
def test_a_bound_run_is_judged_by_what_was_taken_of_its_cores(
    threads: int, ours_s: float, other_s: float, switches: int | None, flagged: bool
) -> None:
    """On 64 cores: what others do beside it is harmless until they share caches and memory."""
    found = Contention(
        involuntary_switches=switches, other_cpu_s=other_s, bound_cpu_s=ours_s, bound="4"
    )
    said = contention.disturbance(found, seconds=1.0, cores=64, threads=threads)
    assert (said is not None) == flagged
    if said is not None:
        assert f"{ours_s:.2f} s on processor 4, where this run is bound" in said


def test_time_taken_of_our_own_cores_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Busy time and steal of the processors we are bound to, less our own; others' are left out."""
    monkeypatch.setenv(machine.STARTED_WITH, "0-3")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1})
    monkeypatch.setattr(os, "sysconf", lambda name: 100)
    rows = "cpu0 900 0 0 0 0 0 0 0\ncpu1 {} 0 0 0 0 0 0 {}\n"
    root = recorded(tmp_path, {"proc/stat": rows.format(200, 10), "proc/self/cgroup": "0::/\n"})
    before = replace(contention.read(root), own_s=1.0)
    recorded(tmp_path, {"proc/stat": rows.format(300, 15)})
    after = replace(contention.read(root), own_s=1.7)
    found = contention.between(before, after)
    assert (found.bound, found.bound_cpu_s) == ("1", pytest.approx(1.05 - 0.7))
    # bound anew meanwhile: the two counts are of different processors
    moved = replace(after, bound="2")
    assert contention.between(before, moved).bound_cpu_s is None
    monkeypatch.delenv(machine.STARTED_WITH)
    assert contention.read(root).bound is None


def test_every_thread_s_interruptions_are_read() -> None:
    """A thread beside the first one has a count of its own."""
    if not Path("/proc/self/task").exists():
        pytest.skip("this system tells no thread's switches")
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    found = contention.read().involuntary
    done.set()
    thread.join()
    assert found is not None
    assert {threading.main_thread().native_id, thread.native_id} <= set(found)


def test_an_accelerator_is_judged_by_its_host_and_its_board() -> None:
    """A busy host starves the launching thread; another process on the board shares it."""
    seen = iter([(), ("python (7)",)])
    found = contention.Watcher(lambda: next(seen)).stop()
    assert found.programs == ("python (7)",)
    shared = replace(window(), contention=Contention(programs=found.programs))
    (doubt,) = contention.doubts(shared, cores=16, threads=1)
    assert doubt.code == "contended"
    assert "python (7) computed on the same board" in doubt.message
    same = Distance(relative_error=0.0, agreement=1.0, tolerance=1.0, samples=1)
    known = measurement()
    busy = replace(window(), contention=Contention(other_cpu_s=1000.0))
    gpu = replace(DEVICE, kind="cuda")
    for device in (DEVICE, gpu):
        raised = doubts.of_measurement(
            [busy],
            [],
            same,
            known.calibrations,
            score=None,
            probe=known.probe,
            device=device,
            threads=1,
            meter="auto",
        )
        assert "contended" in {each.code for each in raised}


def lenet() -> catalog.Entry:
    return catalog.load_catalog(catalog.content_roots()).entries["image/lenet"]


def test_random_inputs_are_never_zeros() -> None:
    """Inputs of a reference scale are drawn from the seed, and integers stay below their bound."""
    (signature,) = lenet().scale("reference").signatures
    (first,) = network.random_inputs(signature, batch=2, seed=1)
    (again,) = network.random_inputs(signature, batch=2, seed=1)
    (other,) = network.random_inputs(signature, batch=2, seed=2)
    assert first.shape == (2, 1, 28, 28)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.std() > 0.5


def test_batches_fill_up_the_last_one() -> None:
    """Every batch has the same size; how many samples count is said."""
    pieces = list(network.batches((np.arange(5),), batch=2))
    assert [len(piece[0]) for piece, _ in pieces] == [2, 2, 2]
    assert [valid for _, valid in pieces] == [2, 2, 1]
    assert pieces[-1][0][0][0] == 4


def test_weights_load_and_every_misfit_is_named(tmp_path: Path) -> None:
    """Safetensors of the right shapes load; a missing, extra or misshapen tensor is refused."""
    net = network.build(lenet(), "embedded", seed=3)
    state = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    save_file(state, tmp_path / "good.safetensors")
    other = network.build(lenet(), "embedded", seed=4)
    assert network.weights_hash(other) != network.weights_hash(net)
    network.load_weights(other, tmp_path / "good.safetensors")
    assert network.weights_hash(other) == network.weights_hash(net)
    name = next(iter(state))
    for change, says in (
        ({k: v for k, v in state.items() if k != name}, "is missing"),
        (state | {"more": torch.zeros(1)}, "is not a tensor of this network"),
        (state | {name: torch.zeros(1, 2)}, "has shape"),
    ):
        save_file(change, tmp_path / "bad.safetensors")
        with pytest.raises(BadInput, match=says):
            network.load_weights(other, tmp_path / "bad.safetensors")


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("exploded"),))


def test_a_pickle_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch.save file or a bare pickle in place of safetensors is refused without loading it."""
    monkeypatch.chdir(tmp_path)
    net = network.build(lenet(), "embedded")
    torch.save(net.state_dict(), tmp_path / "w.pt")
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(_Bomb()))
    (tmp_path / "junk.safetensors").write_bytes(b"\x00" * 100)
    for name, says in (("w.pt", "a pickle"), ("w.pkl", "a pickle"), ("junk.safetensors", "not a")):
        with pytest.raises(BadInput, match=says):
            network.load_weights(net, tmp_path / name)
    assert not (tmp_path / "exploded").exists()


class _Executable:
    precision_ran = "fp32"
    how = "test"

    def __init__(self, error: float = 0.0) -> None:
        self._error = error
        self.batches: list[int] = []

    def bind(self, inputs: Arrays) -> object:
        return lambda: None

    def run(self, inputs: Arrays) -> Arrays:
        self.batches.append(len(inputs[0]))
        return (inputs[0].reshape(len(inputs[0]), -1) * (1 + self._error),)


def test_the_executable_is_scored_on_the_whole_split_in_its_own_batches() -> None:
    """Accuracy comes from the timed executable, in queries of exactly its batch."""
    labels = np.array([0, 1, 2, 2, 0])
    scores = np.eye(3, dtype=np.float32)[[0, 1, 2, 2, 1]]
    split = Split(parts=(Part(inputs=(scores,), targets={"label": labels}),))
    executable = _Executable()
    outputs = accuracy.answers(executable, [(scores,)], batch=2)  # type: ignore[arg-type]
    got = accuracy.judge(lenet(), outputs, split, inputs=[(scores,)])
    assert executable.batches == [2, 2, 2]
    assert got.value == pytest.approx(4 / 5)
    assert got.samples == 5


def test_the_distance_from_the_reference_is_relative() -> None:
    """Outputs that are 1 % off are at distance 0.01; the same winner is agreement."""
    sample = (np.array([[1.0, 2.0], [4.0, 3.0]], dtype=np.float32),)
    got = accuracy.distance([_Executable(0.01).run(sample)], [sample], precision="fp32")
    assert got.relative_error == pytest.approx(0.01, rel=1e-4)
    assert got.agreement == 1.0
    assert got.samples == 2
    assert got.relative_error > got.tolerance


def test_arrays_and_tensors_go_both_ways() -> None:
    """Read-only arrays are copied, outputs become a tuple, other outputs are refused."""
    array = np.ones((2, 3), dtype=np.float32)
    array.flags.writeable = False
    (tensor,) = to_tensors((array,))
    tensor += 1
    assert array.max() == 1
    assert as_arrays(tensor)[0].shape == (2, 3)
    with pytest.raises(TypeError, match="tensor"):
        as_arrays({"a": tensor})


STAT = """cpu  900 90 90 9000 90 9 9 90 0 0
cpu0 100 10 20 5000 30 1 2 3 50 0
cpu1 700 0 0 1000 0 0 0 0 0 0
cpu12 200 5 5 100 0 0 0 4 0 0
intr 12 3
"""


def test_only_processors_of_the_mask_are_counted() -> None:
    """A container sees its host's lines; guest time is not counted twice, waiting is not work."""
    ticks = contention.of_processors(STAT, {0, 12})
    assert ticks == contention.Ticks(busy=133 + 210, steal=7, processors=2)
    assert contention.of_processors(STAT, {7}) is None
    assert contention.of_processors("", {0}) is None
    older = contention.of_processors("cpu0 4 3 2 1\n", {0})  # a kernel without the later columns
    assert older == contention.Ticks(busy=9, steal=0, processors=1)


def recorded(root: Path, files: dict[str, str]) -> Path:
    """A copy of the system's files under a folder of its own."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_container_with_a_quota_counts_its_own_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processors' worth of 64: a busy host is not our contention, a neighbour inside is."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)))
    v2 = recorded(
        tmp_path / "v2",
        {
            "proc/self/cgroup": "0::/\n",
            "proc/stat": "".join(f"cpu{n} 999999 0 0 0 0 0 0 0\n" for n in range(64)),
            "sys/fs/cgroup/cgroup.controllers": "cpu memory",
            "sys/fs/cgroup/cpu.max": "200000 100000",
            "sys/fs/cgroup/cpu.stat": "usage_usec 5000000\nuser_usec 1\n",
        },
    )
    found = contention.read(v2)
    assert (found.busy_s, found.steal_s) == (5.0, None)
    assert found.counted == "in this container (2 of 64 processors)"
    v1 = recorded(
        tmp_path / "v1",
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "150000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/cpu,cpuacct/cpuacct.usage": "7000000000",
        },
    )
    assert contention.read(v1).busy_s == 7.0


def test_without_a_quota_the_mask_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cpuset or taskset is in the affinity mask; the doubt says where was counted."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 12})
    monkeypatch.setattr(os, "sysconf", lambda name: 100)
    root = recorded(tmp_path, {"proc/stat": STAT, "proc/self/cgroup": "0::/\n"})
    before = contention.read(root)
    assert (before.busy_s, before.steal_s) == (3.43, 0.07)
    after = replace(before, busy_s=5.43)
    said = contention.disturbance(
        contention.between(before, after), seconds=2.0, cores=2, threads=2
    )
    assert said is not None
    assert "on 2 cores, counted on the 2 processors that this process may use" in said
