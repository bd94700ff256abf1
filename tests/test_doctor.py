"""Tests of benchsuite.doctor: every finding on facts that are bad and on facts that are good."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchsuite import backends, catalog, cgroup, doctor, output
from benchsuite.cli import main
from benchsuite.doctor import clocks, gpu, host, load, memory, setup, threads
from benchsuite.doctor.finding import GOOD, NOTE, PROBLEM, Finding
from benchsuite.meters import rapl
from benchsuite.types import Contention

from .fake_nvml import FakeBoard, FakeNvml
from .measurements import DEVICE, measurement


def complete(found: Iterable[Finding]) -> list[Finding]:
    """Findings with nothing left out: what a user would need."""
    findings = list(found)
    for finding in findings:
        assert finding.what
        assert finding.how
        assert bool(finding.cost) == (finding.state != GOOD)
        assert finding.mend or finding.state != PROBLEM
    return findings


def about(found: Iterable[Finding], word: str) -> list[Finding]:
    return [finding for finding in complete(found) if word in finding.what]


# --- the whole ------------------------------------------------------------------------------------


def test_every_problem_says_what_it_costs_and_what_mends_it(cache: Path) -> None:
    """Whatever this machine is like, a finding is complete."""
    found = doctor.examine(cache=cache, roots=catalog.content_roots(), look_s=0.01)
    assert {finding.state for finding in complete(found)} <= {GOOD, NOTE, PROBLEM}


def test_the_doctor_speaks_to_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence and findings in the terminal, the same rows as JSON, each with how it was seen."""
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "backends:" in shown
    assert "How each was seen: benchsuite doctor --json -" in shown
    assert main(["doctor", "--json", "-"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"what", "state", "how", "cost", "mend"} == set(rows[0])


# --- load -----------------------------------------------------------------------------------------

QUIET = load.Load(
    seconds=0.5,
    cores=2,
    found=Contention(steal_s=0.0, other_cpu_s=0.0, counted="on the 2 processors"),
)


@pytest.mark.parametrize(
    ("steal_s", "other_s", "says"),
    [(0.0, 0.4, "other programs use"), (0.2, 0.0, "the hypervisor took")],
)
def test_a_busy_machine_is_a_problem(steal_s: float, other_s: float, says: str) -> None:
    """Recorded counters: other programs, a hypervisor, and neither."""
    (good,) = complete(load.findings(QUIET))
    assert (good.state, "nothing else is running" in good.what) == (GOOD, True)
    found = Contention(steal_s=steal_s, other_cpu_s=other_s)
    (finding,) = complete(load.findings(replace(QUIET, found=found)))
    assert says in finding.what
    assert finding.state == PROBLEM


def test_the_busy_processes_are_those_of_now() -> None:
    """CPU time so far does not count; a number that was given anew is another process."""
    before = {
        (1, 0.0): ("old server", "ann", 9000.0),
        (2, 1.0): ("build", "ann", 3.0),
        (3, 1.0): ("gone", "ann", 8.0),
    }
    after = {
        (1, 0.0): ("old server", "ann", 9000.0),
        (2, 1.0): ("build", "ann", 3.4),
        (3, 7.0): ("new", "", 0.1),
        (4, 7.0): ("shell", "ann", 0.001),
    }
    busy = load.busiest(before, after, least_s=0.01)
    assert [each.name for each in busy] == ["build", "new"]
    found = replace(QUIET, found=Contention(other_cpu_s=0.5), busy=busy)
    (finding,) = complete(load.findings(found))
    assert finding.what == (
        "other programs use 1.0 of 2 cores now: build (2 ann) 0.80, new (3) 0.20"
    )
    assert "kill 2 3" in finding.mend


@pytest.mark.parametrize(
    "command",
    [
        "python -m benchsuite.harness.worker /tmp/a/spec.json",
        "python /usr/local/bin/benchsuite run smoke",
        "python3.11 -m benchsuite ab a b",
        "benchsuite hw probe",
    ],
)
def test_a_benchsuite_of_somebody_else_is_waited_for(command: str) -> None:
    """One with another cache holds no lock that is seen here; its workers are not to be killed."""
    busy = (load.Busy(pid=7, name=command, cpu_s=0.4), load.Busy(pid=8, name="make", cpu_s=0.1))
    found = replace(QUIET, found=Contention(other_cpu_s=0.5), busy=busy)
    (finding,) = complete(load.findings(found))
    assert "wait until benchsuite ends (7), end what can be ended (kill 8)" in finding.mend
    assert not load.Busy(pid=7, name="python -m pytest benchsuite-x.py", cpu_s=0.4).measures


def test_a_measurement_under_way_is_waited_for_not_killed() -> None:
    """The load is then the other benchsuite's: its workers are not to be ended."""
    found = replace(
        QUIET,
        found=Contention(other_cpu_s=0.5),
        busy=(load.Busy(pid=7, name="python", cpu_s=0.5),),
        holder="process 5: benchsuite run smoke, since 2026-01-01T00:00:00+00:00",
    )
    (finding,) = complete(load.findings(found))
    assert "process 5: benchsuite run smoke" in finding.what
    assert (finding.state, finding.mend) == (PROBLEM, "wait until it ends")
    (finding,) = complete(load.findings(replace(QUIET, holder="process 5")))
    assert finding.state == PROBLEM


def test_the_machine_is_watched_by_two_readings() -> None:
    """A process that spins while the machine is watched is seen in the second reading."""
    found = load.watch(0.01)
    assert found.seconds >= 0.01
    assert found.cores >= 1
    assert os.getpid() not in [each.pid for each in found.busy]


# --- the host -------------------------------------------------------------------------------------

FIT = host.Host(
    threads_a_core=1,
    nodes=1,
    processors=4,
    allowed=4,
    on_batteries=False,
    heat=host.Heat(zone="x86_pkg_temp", temperature_c=50.0, limit_c=95.0),
    throttle_count=0,
)
SET = clocks.Clocks(
    governor="performance",
    boost=(clocks.BOOST, False),
    source="tsc",
    sources=("tsc", "hpet", "acpi_pm"),
    reading_s=2.5e-8,
)
FREE = threads.Threads(processors=4, allowed=4)
ROOMY = memory.Memory(
    free_b=64 << 30,
    swapped_b=0,
    limit_b=32 << 30,
    left_b=30 << 30,
    huge_pages="madvise",
    rooms=(memory.Room(what="cache", folder="/c", variable="BENCHSUITE_CACHE", free_b=64 << 30),),
)
SMALL = memory.Room(what="cache", folder="/c", variable="BENCHSUITE_CACHE", free_b=1 << 30)


def wrong(found: Iterable[Finding]) -> tuple[str, str, str, str]:
    """State, what, cost and mend of the one finding that is not good."""
    (finding,) = [each for each in complete(found) if each.state != GOOD]
    return finding.state, finding.what, finding.cost, finding.mend


def test_a_fit_machine_has_nothing_to_mend() -> None:
    """All facts good: every finding is, and each part has one."""
    parts = (
        host.findings(FIT),
        clocks.findings(SET),
        threads.findings(FREE),
        memory.findings(ROOMY),
    )
    for found in parts:
        assert {finding.state for finding in complete(found)} == {GOOD}


@pytest.mark.parametrize(
    ("changed", "state", "says", "mend"),
    [
        ({"threads_a_core": 2}, NOTE, "2 threads share a core", "smt/control"),
        ({"nodes": 2}, NOTE, "2 NUMA nodes", "numactl"),
        ({"quota": 2.0}, NOTE, "quota leaves 2 of 4", "--cpuset-cpus=0-1 "),
        ({"hypervisor": "KVM"}, NOTE, "virtual machine (KVM)", "same kind of machine"),
        ({"on_batteries": True}, PROBLEM, "batteries", "plug it in"),
        (
            {"heat": host.Heat(zone="pkg", temperature_c=96.0, limit_c=95.0)},
            PROBLEM,
            "96 °C of 95 °C",
            "cool",
        ),
        ({"throttle_count": 7}, NOTE, "7 times since boot", "cpupower"),
    ],
)
def test_each_setting_that_is_wrong_is_found(
    changed: dict[str, object], state: str, says: str, mend: str
) -> None:
    """One fact made bad gives exactly one finding that is not good, with its remedy."""
    found = complete(host.findings(replace(FIT, **changed)))  # type: ignore[arg-type]
    (finding,) = [finding for finding in found if finding.state != GOOD]
    assert (finding.state, says in finding.what, mend in finding.mend) == (state, True, True)


@pytest.mark.parametrize(
    ("changed", "state", "says", "mend"),
    [
        ({"governor": "powersave"}, PROBLEM, "`powersave`", "echo performance | sudo tee /sys"),
        ({"governor": None}, NOTE, "governor cannot be seen", "cpupower frequency-info"),
        ({"governor": None, "virtual": True}, NOTE, "cannot be seen", "only the host"),
        ({"governor": "ondemand", "virtual": True}, PROBLEM, "`ondemand`", "only the host"),
        ({"boost": (clocks.BOOST, True)}, NOTE, "may boost", "echo 0 | sudo tee /sys/devices"),
        ({"boost": (clocks.NO_TURBO, True)}, NOTE, "may boost", f"1 | sudo tee /{clocks.NO_TURBO}"),
        ({"source": "hpet"}, PROBLEM, "`hpet`: 25.0 ns", f"echo tsc | sudo tee /{clocks.SOURCE}"),
        ({"source": "acpi_pm", "sources": ()}, PROBLEM, "`acpi_pm`", "boot with tsc=reliable"),
        (
            {"source": "xen", "sources": ("xen",), "virtual": True},
            PROBLEM,
            "`xen`",
            "only the host",
        ),
    ],
)
def test_each_clock_that_is_wrong_is_found(
    changed: dict[str, object], state: str, says: str, mend: str
) -> None:
    """The governor, boost and the kernel's clock source; what only the host can do is said."""
    found = wrong(clocks.findings(replace(SET, **changed)))  # type: ignore[arg-type]
    assert (found[0], says in found[1], mend in found[3]) == (state, True, True), found


@pytest.mark.parametrize("source", ["kvm-clock", "arch_sys_counter", "tsc"])
def test_clock_sources_that_are_read_without_a_call_are_good(source: str) -> None:
    """Virtual machines' and ARM's own too; one that is not told gives no finding."""
    (finding,) = about(clocks.findings(replace(SET, source=source)), "clock source")
    assert finding.state == GOOD
    assert not about(clocks.findings(replace(SET, source=None)), "clock source")


def test_clocks_are_read_from_the_kernels_files(tmp_path: Path) -> None:
    """Recorded: an Intel machine whose kernel gave its TSC up; and none that tells."""
    root = write(
        tmp_path / "a",
        {
            clocks.GOVERNOR: "schedutil", clocks.NO_TURBO: "0", clocks.SOURCE: "hpet",
            clocks.SOURCES: "hpet acpi_pm", "proc/cpuinfo": "flags\t: sse hypervisor",
        },
    )  # fmt: skip
    found = clocks.read(root)
    assert (found.governor, found.boost) == ("schedutil", (clocks.NO_TURBO, True))
    assert (found.source, found.sources, found.virtual) == ("hpet", ("hpet", "acpi_pm"), True)
    assert 0 < (found.reading_s or 0.0) < 1e-3
    bare = clocks.read(tmp_path / "none")
    assert replace(bare, reading_s=None) == clocks.Clocks()


@pytest.mark.parametrize(
    ("variables", "state", "mend"),
    [
        ({"OMP_PROC_BIND": "close"}, PROBLEM, "unset OMP_PROC_BIND"),
        ({"OMP_PLACES": "cores", "GOMP_CPU_AFFINITY": "0-3"}, PROBLEM,
         "unset OMP_PLACES GOMP_CPU_AFFINITY"),
        ({"KMP_AFFINITY": "granularity=fine,compact"}, NOTE, "unset KMP_AFFINITY"),
        ({"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}, NOTE,
         "unset OMP_NUM_THREADS MKL_NUM_THREADS"),
        ({"OMP_WAIT_POLICY": "active"}, NOTE, "unset OMP_WAIT_POLICY"),
        ({"GOMP_SPINCOUNT": "infinite"}, NOTE, "unset GOMP_SPINCOUNT"),
        ({"OMP_THREAD_LIMIT": "2"}, PROBLEM, "unset OMP_THREAD_LIMIT"),
        ({"OMP_DYNAMIC": "TRUE"}, PROBLEM, "unset OMP_DYNAMIC"),
    ],
)  # fmt: skip
def test_variables_that_steer_threads_are_told(
    variables: dict[str, str], state: str, mend: str
) -> None:
    """Each kind once, with all its variables and what they are set to."""
    found = wrong(threads.findings(replace(FREE, variables=variables)))
    assert (found[0], found[3]) == (state, mend)
    assert all(f"{name}={value}" in found[1] for name, value in variables.items())


def test_variables_that_do_no_harm_are_left_alone() -> None:
    """As they are without them, and one that is nothing of ours."""
    harmless = {
        "OMP_PROC_BIND": "false", "KMP_AFFINITY": "disabled", "OMP_NUM_THREADS": "4",
        "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "OMP_THREAD_LIMIT": "64",
        "OMP_DYNAMIC": "false", "HOME": "/root", "OMP_PLACES": "",
    }  # fmt: skip
    seen = threads.read(harmless)
    assert "HOME" not in seen.variables and "OMP_PLACES" not in seen.variables
    found = complete(threads.findings(replace(FREE, variables=seen.variables)))
    assert [finding.state for finding in found] == [GOOD]


def test_fewer_processors_than_there_are_is_a_note() -> None:
    """With the command that gives them all."""
    state, what, _, mend = wrong(threads.findings(replace(FREE, allowed=2)))
    assert (state, what) == (NOTE, "this process may use 2 of 4 processors")
    assert "taskset -c 0-3" in mend


@pytest.mark.parametrize(
    ("changed", "state", "says", "mend"),
    [
        ({"swapped_b": 10**9}, PROBLEM, "1.00 GB are swapped out", "swapoff"),
        ({"free_b": 10**9}, PROBLEM, "1.00 GB of memory are free", "ps aux"),
        ({"left_b": 10**9}, PROBLEM, "limit of 34.4 GB leaves 1.00 GB", "--memory=BYTES"),
        ({"rooms": (SMALL,)}, PROBLEM, "1.07 GB are free where the cache", "BENCHSUITE_CACHE"),
        ({"huge_pages": "always"}, NOTE, "huge pages are `always`", "echo madvise"),
    ],
)
def test_memory_that_is_short_is_found(
    changed: dict[str, object], state: str, says: str, mend: str
) -> None:
    """The machine's, the container's, the disk's; what is swapped out."""
    found = wrong(memory.findings(replace(ROOMY, **changed)))  # type: ignore[arg-type]
    assert (found[0], says in found[1], mend in found[3]) == (state, True, True), found


def test_memory_is_read_from_the_kernels_files(tmp_path: Path) -> None:
    """Control groups of both versions: file pages not used lately count as free."""
    kernel = {
        "proc/meminfo": "MemTotal: 9000 kB\nMemAvailable:    4096 kB\n"
        "SwapTotal:  2048 kB\nSwapFree:  1024 kB",
        memory.HUGE_PAGES: "[always] madvise never",
    }
    group = "sys/fs/cgroup"
    v2 = {
        **kernel,
        "proc/self/cgroup": "0::/job",
        f"{group}/cgroup.controllers": "memory",
        f"{group}/job/memory.max": "1000000",
        f"{group}/job/memory.current": "900000",
        f"{group}/job/memory.stat": "anon 5\ninactive_file 300000\nactive_file 7",
    }
    v1 = {
        "proc/self/cgroup": "4:memory:/job",
        f"{group}/memory/job/memory.limit_in_bytes": "1000000",
        f"{group}/memory/job/memory.usage_in_bytes": "900000",
        f"{group}/memory/job/memory.stat": "inactive_file 1\ntotal_inactive_file 200000",
        f"{group}/memory/memory.limit_in_bytes": "9223372036854771712",
        f"{group}/memory/memory.usage_in_bytes": "5",
    }
    found = memory.read(write(tmp_path / "v2", v2))
    assert (found.free_b, found.swapped_b, found.huge_pages) == (4 << 20, 1 << 20, "always")
    assert (found.limit_b, found.left_b) == (1000000, 400000)
    found = memory.read(write(tmp_path / "v1", v1))
    assert (found.limit_b, found.left_b) == (1000000, 300000)
    assert (found.free_b, found.swapped_b) == (None, None)
    bare = memory.read(tmp_path / "none")
    assert replace(bare, rooms=()) == memory.Memory()
    assert not [each for each in memory.findings(bare) if each.state == GOOD]


def test_how_often_a_quota_stopped_us_is_told() -> None:
    """The container's own counter is the cost's figure; without one there is none."""
    limited = replace(FIT, quota=1.0)
    assert "so far" not in about(host.findings(limited), "quota")[0].cost
    (finding,) = about(host.findings(replace(limited, stopped=(12, 40))), "quota")
    assert "so far in 12 of 40 periods" in finding.cost


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


def test_a_recorded_machine_is_read(tmp_path: Path) -> None:
    """The kernel's files as they stand: each gives its fact."""
    zone, group = "sys/class/thermal/thermal_zone0", "sys/fs/cgroup"
    root = write(
        tmp_path,
        {
            host._SMT: "1", "proc/cpuinfo": "flags : hypervisor",
            host._SIBLINGS: "0,8", f"{host._NODES}/node0/x": "", f"{host._NODES}/node1/x": "",
            f"{zone}/temp": "91000", f"{zone}/type": "x86_pkg_temp",
            f"{zone}/trip_point_0_type": "passive", f"{zone}/trip_point_0_temp": "90000",
            f"{zone}/trip_point_1_type": "critical", f"{zone}/trip_point_1_temp": "100000",
            f"{zone}/trip_point_2_type": "hot", f"{zone}/trip_point_2_temp": "-274000",
            host._THROTTLED: "3",
            f"{host._SUPPLIES}/AC/online": "0", f"{host._SUPPLIES}/AC/type": "Mains",
            f"{host._SUPPLIES}/BAT0/online": "1", f"{host._SUPPLIES}/BAT0/type": "Battery",
            "proc/self/cgroup": "0::/job", f"{group}/cgroup.controllers": "cpu",
            f"{group}/job/cpu.max": "150000 100000",
            f"{group}/job/cpu.stat": "usage_usec 5\nnr_periods 40\nnr_throttled 12",
        },
    )  # fmt: skip
    found = host.read(root)
    assert (found.threads_a_core, found.nodes, found.hypervisor) == (2, 2, "present")
    assert about(host.findings(found), "virtual machine")[0].what == "a virtual machine"
    assert found.heat == host.Heat(zone="x86_pkg_temp", temperature_c=91.0, limit_c=90.0)
    assert (found.throttle_count, found.on_batteries) == (3, True)
    assert (found.quota, found.stopped) == (1.5, (12, 40))
    assert cgroup.stopped(tmp_path / "elsewhere") is None


def test_a_machine_that_tells_nothing_is_not_taken_as_fit(tmp_path: Path) -> None:
    """Files that are not there give None, not a good finding."""
    found = host.read(tmp_path)
    assert (found.threads_a_core, found.nodes, found.hypervisor) == (None,) * 3
    assert (found.heat, found.on_batteries, found.throttle_count) == (None,) * 3
    assert not about(host.findings(found), "NUMA")


# --- GPUs -----------------------------------------------------------------------------------------

CUDA = replace(DEVICE, kind="cuda", uuid="GPU-a")
CLOCKS = gpu.Stack(driver="570.00", driver_cuda=(12, 8), torch_cuda=(12, 8), torch_sees=1)


def examined(monkeypatch: pytest.MonkeyPatch, **facts: object) -> list[Finding]:
    """What is found of one fake board, read through NVML's interface."""
    board = FakeBoard(uuid="GPU-a", **facts)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([board]))
    return complete(gpu.findings(gpu.boards(CUDA), None))


def test_a_board_as_it_should_be_has_nothing_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Persistent, at its own cap and clock, cool, alone (this process is no other)."""
    found = examined(monkeypatch, compute_pids=[os.getpid()])
    assert {finding.state for finding in found} == {GOOD}
    assert len(found) == 4


@pytest.mark.parametrize(
    ("facts", "state", "says", "mend"),
    [
        ({"persistence": 0}, NOTE, "persistence mode of Fake GPU is off", "-i GPU-a -pm 1"),
        ({"cap_mw": 300_000}, PROBLEM, "cap of 300 W, below its own 400 W", "-i GPU-a -pl 400"),
        ({"application_mhz": 1005}, NOTE, "are locked at 1.00 GHz (1.41 GHz)", "-rac"),
        ({"reasons": 0x002}, NOTE, "the clocks of Fake GPU are locked", "-rgc"),
        ({"reasons": 0x008}, PROBLEM, "slowed down at 61 °C: hardware slowdown", "-q -d"),
        ({"reasons": 0x040}, PROBLEM, "temperature (hardware)", "-q -d"),
        ({"temperature_c": 93}, PROBLEM, "slowed down at 93 °C: too hot", "let it cool"),
        ({"compute_pids": [os.getppid()]}, PROBLEM, f"({os.getppid()})", "CUDA_VISIBLE_DEVICES"),
        ({"graphics_pids": [2**22 + 1]}, PROBLEM, "not visible from here", "end them"),
    ],
)
def test_each_setting_of_a_board_that_is_wrong_is_found(
    monkeypatch: pytest.MonkeyPatch, facts: dict[str, object], state: str, says: str, mend: str
) -> None:
    """One figure of NVML made bad gives exactly one finding that is not good."""
    (finding,) = [each for each in examined(monkeypatch, **facts) if each.state != GOOD]
    assert finding.state == state
    assert says in finding.what
    assert mend in finding.mend


def test_a_board_that_tells_nothing_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that a board does not support give no finding."""
    absent = dict.fromkeys(
        (
            *("persistence", "cap_mw", "default_cap_mw", "application_mhz", "temperature_c"),
            *("default_application_mhz", "slowdown_c", "reasons"),
        )
    )
    found = examined(monkeypatch, **absent)
    assert {finding.state for finding in found} == {GOOD}
    assert not [finding for finding in found if "cap" in finding.what or "mode" in finding.what]


def test_the_boards_looked_at_are_those_that_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a processor all boards are; beside a GPU its own; without NVML none."""
    boards = [FakeBoard(uuid="GPU-a"), FakeBoard(uuid="GPU-b")]
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(boards))
    assert [board.uuid for board in gpu.boards(DEVICE)] == ["GPU-a", "GPU-b"]
    assert [board.uuid for board in gpu.boards(CUDA)] == ["GPU-a"]
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(boards, starts=False))
    assert gpu.boards(DEVICE) == ()


@pytest.mark.parametrize(
    ("changed", "state", "says"),
    [
        ({}, GOOD, "CUDA 12.8, the driver 570.00 serves 12.8"),
        ({"torch_cuda": (12, 4)}, GOOD, "CUDA 12.4"),
        ({"driver_cuda": None}, GOOD, "CUDA 12.8, the driver 570.00"),
        ({"torch_cuda": None, "torch_sees": 0}, PROBLEM, "built without CUDA"),
        ({"torch_cuda": (13, 0), "torch_sees": 0}, PROBLEM, "CUDA 13.0, the driver 570.00 serves"),
        ({"torch_sees": 0}, PROBLEM, "torch finds no device"),
        ({"torch_cuda": (12, 9)}, NOTE, "older, though of the same major version"),
    ],
)
def test_torch_is_held_against_the_driver(
    changed: dict[str, object], state: str, says: str
) -> None:
    """A newer CUDA than the driver serves, none at all, and devices that torch does not find."""
    (finding,) = complete(gpu.fit(replace(CLOCKS, **changed)))  # type: ignore[arg-type]
    assert finding.state == state
    assert says in finding.what


def test_the_stack_is_read_from_torch_and_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """NVML's 12080 is CUDA 12.8; torch's `12.8` the same."""
    import torch

    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([]))
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert gpu.stack() == CLOCKS


# --- what there is to work with -------------------------------------------------------------------


def test_joules_and_why_there_are_none() -> None:
    """Measured, modelled and missing; the meters' reasons are told."""
    works = setup.Tried(name="rapl", measures=True)
    broken = setup.Tried(name="rapl", measures=True, reason="no counter here")
    model = setup.Tried(name="modelled", measures=False)
    (finding,) = complete(setup.energy([works, model]))
    assert (finding.state, finding.what) == (GOOD, "energy is measured by rapl")
    (finding,) = complete(setup.energy([broken, model]))
    assert (finding.state, "no counter here" in finding.what) == (NOTE, True)
    assert "--meter csv:FILE" in finding.mend
    (finding,) = complete(setup.energy([broken, replace(model, reason="no envelope")]))
    assert "no energy is measured (rapl: no counter here; modelled: no envelope)" in finding.what


def test_counters_that_are_forbidden_are_a_problem_with_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RAPL is there, and this user may not read it: the chmod line."""
    folder = "intel-rapl:0"
    files = {"name": "package-0", "max_energy_range_uj": "100", "energy_uj": "1"}
    write(tmp_path, {f"{folder}/{name}": text for name, text in files.items()})
    assert rapl.forbidden(tmp_path) == ()
    monkeypatch.setattr(rapl.os, "access", lambda path, mode: False)
    (path,) = rapl.forbidden(tmp_path)
    found = complete(
        setup.energy([setup.Tried(name="modelled", measures=False)], forbidden=[str(path)])
    )
    assert found[0].state == PROBLEM
    assert found[0].mend == "sudo chmod a+r /sys/class/powercap/*/energy_uj"
    assert rapl.forbidden(tmp_path / "elsewhere") == ()


def test_the_pinned_peak_is_judged() -> None:
    """Pinned, disturbed and not there."""
    known = measurement().probe
    states = [
        complete(setup.peak(probe))[0].state
        for probe in (known, replace(known, disturbed="a build ran"), None)
    ]
    assert states == [GOOD, PROBLEM, NOTE]


def test_a_missing_compiler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a C++ compiler `compile` is not usable; its own reason is the remedy."""
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    missing = setup.missing_backends("cpu")
    (finding,) = about(setup.software(missing), "backend compile")
    assert "apt install g++" in finding.mend
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert not about(setup.software(setup.missing_backends("cpu")), "backend compile is")
    assert set(missing) == set(backends.names())


def test_a_backend_for_other_devices_is_nothing_wrong() -> None:
    """It is named beside those that run here; one that lacks its package is a note."""
    missing = {
        "eager": None,
        "tensorrt": "backend tensorrt does not run fp32 on cpu; it runs on cuda",
        "openvino": "backend openvino needs openvino: pip install 'benchsuite[openvino]'",
    }
    note, good = complete(setup.software(missing))
    assert (note.state, note.what) == (NOTE, "backend openvino is not usable")
    assert note.mend == "needs openvino: pip install 'benchsuite[openvino]'"
    assert good.what.endswith("backends: eager (for other devices: tensorrt)")


def test_a_healthy_machine_is_told_in_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """What is good is a line each; what is not has its cost, mend and how it was seen."""
    good = asdict(Finding(what="all is quiet", state=GOOD, how="a look"))
    output.print_findings([good])
    assert capsys.readouterr().out.splitlines()[:3] == ["Fit to measure on", "", "✓ all is quiet"]
    bad = asdict(
        Finding(what="it is hot", state=PROBLEM, how="a hand", cost="slow", mend="open a window")
    )
    output.print_findings([good, bad])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:6] == [
        *("1 problem", "", "✗ it is hot"),
        *("costs slow", "mend  open a window", "seen  a hand"),
    ]


def test_data_that_are_not_there_are_named() -> None:
    """Named where missing, good where none is."""
    (finding,) = complete(setup.data(["mnist"]))
    assert (finding.state, "mnist" in finding.what) == (NOTE, True)
    (finding,) = complete(setup.data([]))
    assert finding.state == GOOD
