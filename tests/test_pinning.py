"""Tests of benchsuite.harness.pinning: which processors are chosen; a process stays there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchsuite import backends, machine
from benchsuite.errors import BadInput
from benchsuite.harness import pinning
from benchsuite.harness.pinning import Processor, choose, topology

from .test_harness import recorded

SMT = {n: Processor(core=n % 4) for n in range(8)}  # 0 and 4 share a core, as Linux counts them
NODES = {n: Processor(core=n % 8, node=n % 8 // 4) for n in range(16)}
LITTLE = {n: Processor(core=n, speed=1024 if n >= 4 else 530) for n in range(8)}
several = pytest.mark.skipif(
    len(machine.allowed() or ()) < 2, reason="needs two processors and affinity masks"
)


def test_one_thread_of_each_core_comes_first() -> None:
    """Hardware threads of one core are used only when every core has one."""
    assert choose(1, range(8), SMT) == (0,)
    assert choose(4, range(8), SMT) == (0, 1, 2, 3)
    assert choose(5, range(8), SMT) == (0, 1, 2, 3, 4)
    # as some machines count: neighbours share a core
    pairs = {n: Processor(core=n // 2 * 2) for n in range(8)}
    assert choose(3, range(8), pairs) == (0, 2, 4)


def test_nothing_is_bound_where_all_are_needed() -> None:
    """As many threads as processors, or more, or an unknown mask."""
    assert choose(8, range(8), SMT) == ()
    assert choose(9, range(8), SMT) == ()
    assert choose(1, {3}, SMT) == ()
    assert choose(1, set(), SMT) == ()


def test_only_what_is_allowed_is_chosen() -> None:
    """A mask of the user's, hardware threads that are not its core's first included."""
    assert choose(2, {1, 5, 6, 7}, SMT) == (1, 6)
    assert choose(1, {40, 41}, SMT) == (40,), "processors that the system does not describe"


def test_one_node_of_memory_is_preferred() -> None:
    """Also where the mask leaves the first node too little."""
    assert choose(4, range(16), NODES) == (0, 1, 2, 3)
    assert choose(3, {0, 1, 4, 5, 6, 12}, NODES) == (4, 5, 6)
    assert choose(6, range(16), NODES) == (0, 1, 2, 3, 4, 5), "no node has six cores"


def test_the_fastest_kind_of_core_is_preferred() -> None:
    """Threads wait for the slowest: one kind if it has enough, else the fast ones first."""
    assert choose(1, range(8), LITTLE) == (4,)
    assert choose(4, range(8), LITTLE) == (4, 5, 6, 7)
    assert choose(6, range(8), LITTLE) == (0, 1, 4, 5, 6, 7)
    one_fast = {**LITTLE, 7: Processor(core=7, speed=2048)}
    assert choose(3, range(8), one_fast) == (4, 5, 6), "three alike"


def test_another_first_turns_the_choice() -> None:
    """Every start in turn, then round; never across nodes or to slow cores without need."""
    assert [choose(2, range(8), SMT, first) for first in range(5)] == [
        (0, 1), (1, 2), (2, 3), (0, 3), (0, 1),
    ]  # fmt: skip
    assert choose(2, range(16), NODES, 3) == (0, 3)
    assert choose(2, range(16), NODES, 4) == (4, 5)
    assert [choose(1, range(8), LITTLE, first) for first in range(5)] == [
        (4,), (5,), (6,), (7,), (4,),
    ]  # fmt: skip


def test_the_topology_is_read_from_the_kernel(tmp_path: Path) -> None:
    """Siblings, nodes, capacities; a processor that is off has no topology."""
    cpus = "sys/devices/system/cpu"
    root = recorded(
        tmp_path,
        {
            f"{cpus}/cpu0/topology/thread_siblings_list": "0,2\n",
            f"{cpus}/cpu1/topology/thread_siblings_list": "1\n",
            f"{cpus}/cpu2/topology/thread_siblings_list": "0,2\n",
            f"{cpus}/cpu1/node1/distance": "",
            f"{cpus}/cpu1/cpu_capacity": "530\n",
            f"{cpus}/cpu3/online": "0\n",
            f"{cpus}/cpufreq/boost": "1\n",
            "sys/devices/cpu_atom/cpus": "2-9\n",
        },
    )
    assert topology(root) == {
        0: Processor(core=0, speed=1),
        1: Processor(core=1, node=1, speed=530),
        2: Processor(core=0, speed=0),
    }
    assert topology(tmp_path / "none") == {}


def test_an_accelerator_and_a_quota_are_not_bound(tmp_path: Path) -> None:
    """Each with its reason."""
    assert pinning.wanted(1, kind="cuda", allowed={0, 1})[0] == ()
    root = recorded(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cgroup.controllers": "cpu",
            "sys/fs/cgroup/cpu.max": "200000 100000",
        },
    )
    cores, why_not = pinning.wanted(1, kind="cpu", allowed=range(64), root=root)
    assert cores == () and "quota" in str(why_not)
    assert pinning.wanted(1, kind="cpu", allowed={0, 1}, root=root) == ((0,), None)


def test_a_system_without_masks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As macOS and Windows: no failure."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(pinning.platform, "system", lambda: "Darwin")
    monkeypatch.setenv(machine.UNBOUND, "")
    pinning.bind(1, device="cpu")
    assert machine.binding() == {
        "bound to": None,
        "reason": "Darwin has no call that binds a process to processors",
    }


def test_processors_that_may_not_be_used_are_refused() -> None:
    """With those that may."""
    with pytest.raises(BadInput, match=r"--pin: .* processor 9; it may use 0-3"):
        pinning.check((1, 9), range(4))


def test_a_processors_list_is_read_and_written_as_the_kernels() -> None:
    """Both ways; anything else is no list."""
    assert machine.numbers("0-3,8\n") == (0, 1, 2, 3, 8)
    assert machine.listed((8, 2, 1, 0, 3)) == "0-3,8"
    assert machine.numbers("") == machine.numbers("all") == machine.numbers("0-") == ()
    assert machine.numbers("0-8191") == tuple(range(8192)), "as many as Linux is built for"
    assert machine.numbers("0-4000000000") == machine.numbers(5000 * "9") == ()


@several
def test_a_process_is_kept_on_its_processors_for_a_while() -> None:
    """As a worker is; afterwards it has all that it had, and its children are told nothing."""
    before = machine.allowed(), machine.bound(), os.environ.get(machine.STARTED_WITH)
    with pinning.kept_on(1, kind="cpu") as said:
        cores = machine.bound()
        assert cores is not None
        assert len(cores) == 1
        assert said == f"bound to processor {min(cores)}"
        assert machine.allowed() == before[0]
    assert (machine.allowed(), machine.bound(), os.environ.get(machine.STARTED_WITH)) == before
    with pinning.kept_on(1, kind="cpu", cores=()) as said:
        assert said == "bound to no processor: not asked for (--pin none)"
        assert machine.bound() is None


@several
def test_a_system_that_lets_nobody_bind_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a container may: it goes on unbound."""

    def denied(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", denied)
    with pinning.kept_on(1, kind="cpu") as said:
        pass
    assert said == "bound to no processor: the system does not let it: Operation not permitted"


BOUND = """
import os, threading
from pathlib import Path
from benchsuite import machine
from benchsuite.devices import cpu
from benchsuite.harness import pinning
units, go = cpu.usable_cores(), threading.Event()
early = threading.Thread(target=go.wait)
early.start()
pinning.bind(1, device="cpu", cores={cores})
late = threading.Thread(target=go.wait)
late.start()
masks = {{p.name: os.sched_getaffinity(int(p.name)) for p in Path("/proc/self/task").iterdir()}}
assert len(masks) >= 3 and set(map(len, masks.values())) == {{1}}, masks
(one,) = os.sched_getaffinity(0)
assert len(machine.allowed()) > 1 and cpu.usable_cores() == units
assert machine.binding() == {{"bound to": str(one), "reason": None}}
with pinning.room_for(len(machine.allowed())):
    assert os.sched_getaffinity(early.native_id) == machine.allowed()
assert os.sched_getaffinity(early.native_id) == {{one}}
go.set()
print(one)
"""


def child(code: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a process of its own, which may use all that this one may."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )


@several
@pytest.mark.parametrize("last", [False, True])
def test_all_threads_of_a_process_are_bound(last: bool) -> None:
    """Those there were and those to come; the machine has its cores all the same."""
    allowed = sorted(machine.allowed() or ())
    done = child(BOUND.format(cores=(allowed[-1],) if last else None))
    assert done.returncode == 0, done.stderr
    expected = allowed[-1:] if last else choose(1, allowed, topology())
    assert int(done.stdout) == expected[0]


POOLS = """
import os
from pathlib import Path
import numpy as np
import torch
from benchsuite import backends, devices
from benchsuite.backends import Job
from benchsuite.harness import pinning
pinning.bind({threads}, device="cpu", cores={cores})
torch.set_num_threads({threads})
backend = backends.backend({name!r})
data = (np.ones((8, 3, 32, 32), dtype=np.float32),)
job = Job(device=devices.find("cpu"), precision="fp32", threads={threads}, samples=(data,),
          batches=(8,), key="pinned", cache=Path({cache!r}), calibration=())
net = torch.nn.Sequential(torch.nn.Conv2d(3, 32, 3), torch.nn.ReLU(), torch.nn.Conv2d(32, 32, 3))
with torch.inference_mode():
    made = backend.prepare(net.eval(), job)
    for _ in range(20):
        made.run(data)
tasks = list(Path("/proc/self/task").iterdir())
allowed = [line.split()[1] for task in tasks for line in (task / "status").read_text().splitlines()
           if line.startswith("Cpus_allowed_list:")]
print(len(tasks), *sorted(set(allowed)))
"""


@several
@pytest.mark.parametrize("name", backends.names())
def test_threads_of_every_backend_stay_where_the_process_is_bound(
    name: str, tmp_path: Path
) -> None:
    """Pools that a library makes for itself, too: the kernel tells each thread's mask."""
    why = backends.backend(name).missing("cpu", "fp32")
    if why:
        pytest.skip(why)
    cores = sorted(machine.allowed() or ())[1:]  # libraries with masks of their own take the first
    threads = min(2, len(cores)) if name == "openvino" else 2  # it refuses more than its cores
    done = child(POOLS.format(cores=cores, threads=threads, name=name, cache=str(tmp_path)))
    assert done.returncode == 0, done.stderr
    count, *masks = done.stdout.split()
    assert int(count) > 1, "a pool of two threads has one beside the first"
    assert masks == [machine.listed(cores)]


@several
def test_what_is_not_bound_keeps_its_processors() -> None:
    """Where the user wants none, and where all are needed."""
    for arguments in ("1, device='cpu', cores=()", "4096, device='cpu'", "1, device='cuda:1'"):
        done = child(
            "import os\nfrom benchsuite.harness import pinning\nfrom benchsuite import machine\n"
            f"pinning.bind({arguments})\nassert len(os.sched_getaffinity(0)) > 1\n"
            "print(machine.binding()['reason'])"
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() not in ("", "None", "bound to none as a whole")
