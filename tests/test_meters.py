"""Tests of benchsuite.meters on recorded counters: no meter, GPU or sleep needed."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time, time
from typing import Any, cast

import pytest

from benchsuite import meters
from benchsuite.devices import _nvml
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.hw import Figure
from benchsuite.inventory import listing
from benchsuite.meters import Subject, _boards, _log, csv, modelled, nvml, nvml_rapl, rapl, replay
from benchsuite.meters._boards import Clock, CounterPeriod, Sample, Watch
from benchsuite.types import DeviceInfo, EnergyReading, Rate

from .devices import model
from .fake_nvml import FakeBoard, FakeNvml, NVMLError_GpuIsLost
from .measurements import DEVICE, window

SUBJECT = Subject(device=DEVICE, envelope=None, threads=1)
GPU = DeviceInfo(kind="cuda", index=0, name="A GPU", units=108, memory_b=40 << 30, uuid="GPU-aaa1")
ON_GPU = Subject(device=GPU, envelope=None, threads=1)


class Time:
    """A clock that moves only when someone pauses."""

    def __init__(self, at: float = 0.0) -> None:
        self.at = at
        self.on_pause: Callable[[], None] = lambda: None

    def pause(self, seconds: float) -> None:
        self.at += seconds
        self.on_pause()

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.at, pause=self.pause)


@dataclass
class SteadyBoard:
    """A synthetic board: constant power, a counter that moves once a period."""

    time: Time
    name: str = "a board"
    watts: float = 200.0
    period_s: float = 0.1
    phase_s: float = 0.03
    lag_s: float = 0.1
    resolution_j: float = 1e-3
    power_said: str = "instant power"
    power_works: Callable[[], bool] = lambda: True
    told_w: float | None = None

    def energy_j(self) -> float:
        moves = int((self.time.at + self.phase_s) / self.period_s + 1e-9)
        return 1000.0 + self.watts * self.period_s * moves

    def power_w(self) -> float:
        if not self.power_works():
            raise NotMeasurable("NVML tells no power: lost")
        return self.watts if self.told_w is None else self.told_w


PERIOD = CounterPeriod(period_s=0.1, moves=20, step_j=20.0)


def watched(
    boards: Sequence[SteadyBoard], *, seconds: float, period: CounterPeriod | None = PERIOD
) -> EnergyReading:
    """A window over synthetic boards that share a clock."""
    time = boards[0].time
    watch = Watch(
        [(board, period) for board in boards], maker="nvml", clock=time.clock, background=False
    )
    end = time.at + seconds
    while time.at < end - 1e-9:
        time.pause(min(_boards.SAMPLE_S, end - time.at))
        watch.sample()
    return watch.stop()


# --- boards: counter, samples, windows ------------------------------------------------------------


def test_the_counter_period_is_what_polling_finds() -> None:
    """A counter that moves every 100 ms is found to, from twenty moves."""
    time = Time()
    found = _boards.counter_period(SteadyBoard(time).energy_j, clock=time.clock)
    assert found is not None
    assert found.moves == 20
    assert found.period_s == pytest.approx(0.1, abs=0.001)
    assert found.step_j == pytest.approx(20.0)
    assert found.window_s == pytest.approx(5.0, abs=0.05)
    assert replace(found, period_s=0.3).window_s == pytest.approx(15.0)


def test_a_counter_that_stands_still_or_is_missing_has_no_period() -> None:
    """Polling ends after five seconds at most."""
    time = Time()
    assert _boards.counter_period(lambda: 5.0, clock=time.clock) is None
    assert time.at == pytest.approx(_boards.PROBE_LIMIT_S, abs=0.01)

    def absent() -> float:
        raise NotMeasurable("none")

    assert _boards.counter_period(absent, clock=time.clock) is None


def test_a_counter_is_held_against_samples_and_has_an_interval() -> None:
    """The true 1200 J of 6 s at 200 W lie in the interval: one period at each end, one step."""
    found = watched([SteadyBoard(Time())], seconds=6.0)
    assert (found.source, found.boundary) == ("nvml counter", "board")
    assert found.low_j is not None
    assert found.high_j is not None
    assert found.low_j <= 1200.0 <= found.high_j
    assert found.high_j - found.energy_j == pytest.approx(200.0 * 0.1 + 1e-3)
    assert found.disagreement == pytest.approx(0.0, abs=0.02)
    assert "period 100 ms" in found.how
    assert "integrated samples of instant power" in found.how
    assert found.max_power_w == 200.0


def test_several_boards_are_summed() -> None:
    """Two boards' joules, largest powers and margins add up; `how` names both."""
    time = Time()
    found = watched(
        [SteadyBoard(time, name="GPU-1"), SteadyBoard(time, name="GPU-2", watts=100.0)], seconds=6.0
    )
    assert found.energy_j == pytest.approx(1800.0, rel=0.02)
    assert found.max_power_w == 300.0
    assert found.high_j == pytest.approx(found.energy_j + 0.1 * 300.0 + 2e-3)
    assert "2 boards summed (GPU-1, GPU-2)" in found.how


def test_the_course_of_power_is_kept_from_the_windows_begin() -> None:
    """Times count from the window's begin; boards are summed; the points stay few."""
    time = Time()
    boards = [SteadyBoard(time, name="GPU-1"), SteadyBoard(time, name="GPU-2", watts=100.0)]
    course = watched(boards, seconds=6.0).course
    assert course is not None
    assert course.at_s[0] == pytest.approx(0.0, abs=0.01)
    assert course.at_s[-1] == pytest.approx(6.0, abs=0.03)
    assert set(course.power_w) == {300.0}
    assert len(course.at_s) == len(course.power_w) <= 400
    assert "2 boards summed" in course.how


def test_a_long_course_is_averaged_in_groups() -> None:
    """A thousand samples become a third as many points, whose mean is that of the samples."""
    from benchsuite.meters._course import course

    found = course([(10 + i / 50, 100.0 + i % 3) for i in range(999)], started=10.0, how="test")
    assert found is not None
    assert len(found.at_s) == 333
    assert set(found.power_w) == {101.0}
    assert found.at_s[0] == pytest.approx(0.02)
    assert "each point the mean of 3 samples" in found.how
    assert course([(0.0, 1.0)], started=0.0, how="test") is None


def test_a_window_under_fifty_periods_is_not_measurable() -> None:
    """Never 0 and never a guess: the window is too short."""
    with pytest.raises(NotMeasurable, match=r"4\.00 s is under 50 periods of a board's energy"):
        watched([SteadyBoard(Time())], seconds=4.0)


def test_a_counter_that_stops_or_goes_back_is_not_measurable() -> None:
    """A driver that was loaded anew begins at 0; a counter may hang."""

    def record(after_j: float) -> _boards.Record:
        board = SteadyBoard(Time())
        return _boards.Record(board=board, period=PERIOD, before_j=1000.0, after_j=after_j)

    with pytest.raises(NotMeasurable, match="went back"):
        _boards.reading([record(20.0)], started=0.0, ended=6.0, maker="nvml")
    with pytest.raises(NotMeasurable, match="stood still"):
        _boards.reading([record(1000.0)], started=0.0, ended=6.0, maker="nvml")


def test_without_a_counter_samples_are_integrated() -> None:
    """The interval is the reading's lag and a sample's distance at each end."""
    found = watched([SteadyBoard(Time())], seconds=6.0, period=None)
    assert found.source == "nvml sampled"
    assert found.energy_j == pytest.approx(1200.0)
    assert found.high_j == pytest.approx(1200.0 + 200.0 * (0.1 + 0.02))
    assert found.disagreement is None


def test_without_samples_the_counter_stands_alone() -> None:
    """A board that stops telling power is not asked again; `how` says why nothing is compared."""
    time = Time()
    board = SteadyBoard(time, power_works=lambda: time.at < 1.0)
    found = watched([board], seconds=6.0)
    assert found.energy_j == pytest.approx(1200.0, rel=0.02)
    assert found.disagreement is None
    assert "no samples to hold against it: a board: NVML tells no power: lost" in found.how
    with pytest.raises(NotMeasurable, match="lost"):
        watched([SteadyBoard(Time(), power_works=lambda: False)], seconds=6.0, period=None)


def test_samples_with_a_gap_are_not_integrated() -> None:
    """A thread that was held up does not know what happened meanwhile."""
    samples = [Sample(at=t, power_w=100.0) for t in (0.0, 0.5, 1.0, 2.0, 2.5)]
    record = _boards.Record(board=SteadyBoard(Time()), period=None, samples=samples)
    with pytest.raises(NotMeasurable, match=r"no power sample for 1\.00 s"):
        _boards.reading([record], started=0.2, ended=2.2, maker="nvml")
    assert _boards.reading([record], started=0.2, ended=0.9, maker="nvml").energy_j == 70.0


def test_counter_and_samples_that_disagree_are_doubted() -> None:
    """Beyond 5 % the row says so; within it does not."""
    energy = watched([SteadyBoard(Time(), told_w=230.0)], seconds=6.0)
    assert energy.disagreement == pytest.approx(0.15, abs=0.02)
    (doubt,) = meters.doubts(replace(window(), energy=energy))
    assert doubt.code == "energy_disagreement"
    assert doubt.message.startswith("Offline: ")
    agreed = watched([SteadyBoard(Time(), told_w=204.0)], seconds=6.0)
    assert meters.doubts(replace(window(), energy=agreed)) == []
    assert meters.doubts(replace(window(), energy=None)) == []


def test_sampled_power_is_integrated_inside_the_window_only() -> None:
    """10 W, then a ramp to 20 W: trapezoids with interpolated ends."""
    samples = [
        Sample(at=0.0, power_w=10.0),
        Sample(at=1.0, power_w=10.0),
        Sample(at=2.0, power_w=20.0),
    ]
    assert _boards.integrate(samples, start=0.5, end=1.5) == pytest.approx(0.5 * 10 + 0.5 * 12.5)
    with pytest.raises(NotMeasurable, match="do not cover"):
        _boards.integrate(samples, start=0.5, end=2.5)


def test_idle_power_waits_until_the_board_has_settled() -> None:
    """Power that falls after the network was loaded is looked at until two seconds agree."""
    time = Time()

    class Cooling(SteadyBoard):
        def power_w(self) -> float:
            return 60.0 if self.time.at >= 1.0 else 90.0

    rate = _boards.idle_power([Cooling(time)], clock=time.clock)
    assert rate.value == pytest.approx(60.0)
    assert (rate.low, rate.high) == (60.0, 60.0)
    assert "settled after 3.0 s" in rate.how

    class Rising(SteadyBoard):
        def power_w(self) -> float:
            return 60.0 + 10.0 * self.time.at

    rising = _boards.idle_power([Rising(time)], clock=time.clock)
    assert "still falling or rising" in rising.how
    # the last second's samples, from its begin to its end
    assert rising.low is not None
    assert rising.high is not None
    assert rising.low < rising.value < rising.high
    assert rising.high - rising.low == pytest.approx(10.0, abs=0.5)
    assert "interval: the smallest and the largest" in rising.how


# --- NVML -----------------------------------------------------------------------------------------


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    """Two boards, the counter of each of which has counted 5 J."""
    found = FakeNvml(
        boards=[
            FakeBoard(uuid="GPU-aaa1", energy_mj=lambda: 5000),
            FakeBoard(uuid="GPU-bbb2", energy_mj=lambda: 5000),
        ]
    )
    monkeypatch.setitem(sys.modules, "pynvml", found)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    return found


def test_entries_of_cuda_visible_devices_are_read_as_cuda_does() -> None:
    """Indices, UUIDs and MIG instances, up to the first invalid entry."""
    assert _nvml.visible(None) is None
    assert _nvml.visible("") == ()
    assert _nvml.visible("1, 0") == ("1", "0")
    assert _nvml.visible("GPU-aa,MIG-bb") == ("GPU-aa", "MIG-bb")
    assert _nvml.visible("1,-1,0") == ("1",)


def test_a_board_is_found_by_uuid_first(fake: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index that torch counts by means nothing to NVML."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert [uuid for uuid, _ in _nvml.handles(replace(GPU, uuid="GPU-bbb2"))] == ["GPU-bbb2"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-b")
    assert [uuid for uuid, _ in _nvml.handles(replace(GPU, uuid=None))] == ["GPU-bbb2"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-")
    with pytest.raises(NotMeasurable, match="2 boards fit"):
        _nvml.handles(replace(GPU, uuid=None))


def test_an_index_is_trusted_only_in_pci_order(
    fake: FakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CUDA counts the fastest board first unless it is told otherwise."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with pytest.raises(NotMeasurable, match="which of 2 boards"):
        _nvml.handles(replace(GPU, uuid=None))
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert _nvml.handles(replace(GPU, uuid=None))[0][0] == "GPU-bbb2"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert _nvml.handles(replace(GPU, uuid=None))[0][0] == "GPU-aaa1"


def test_a_mig_instance_has_no_energy_of_its_own(
    fake: FakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The board's counter counts all instances, so it is refused, not halved."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-0123")
    with pytest.raises(NotMeasurable, match="MIG instance"):
        _nvml.handles(GPU)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    fake.boards[0].mig = 1
    with pytest.raises(NotMeasurable, match="MIG instance"):
        _nvml.handles(GPU)
    fake.boards[0].mig = 0
    assert len(_nvml.handles(GPU)) == 1


def test_a_board_that_is_lost_in_a_window_gives_no_energy_and_is_left_alone(
    fake: FakeNvml,
) -> None:
    """Its counter fails at the window's end: one reason, no joules, and nobody samples it on."""
    lost: list[bool] = []

    def counter() -> int:
        if lost:
            raise NVMLError_GpuIsLost("GPU is lost")
        return 0

    board = FakeBoard(uuid="GPU-a", energy_mj=counter)
    fake.boards[:] = [board]
    period = CounterPeriod(period_s=0.02, moves=20, step_j=1.0)
    before = threading.active_count()
    watch = Watch([(nvml.NvmlBoard("GPU-a", board), period)], maker="nvml")
    assert threading.active_count() == before + 1
    lost.append(True)
    board.power_mw = board.instant_mw = board.clock_mhz = board.temperature_c = None
    board.cap_mw = board.default_cap_mw = board.reasons = None
    with pytest.raises(NotMeasurable, match="no energy counter: GPU is lost"):
        watch.stop()
    assert threading.active_count() == before


def test_several_devices_are_several_boards(fake: FakeNvml) -> None:
    """A device of two boards is watched on both; the same board twice is refused."""
    pair = replace(GPU, count=2, facts={"uuids": ["GPU-aaa1", "GPU-bbb2"]})
    assert [board.name for board in nvml.boards(replace(ON_GPU, device=pair))] == [
        "GPU-aaa1",
        "GPU-bbb2",
    ]
    twice = replace(GPU, count=2, facts={"uuids": ["GPU-aaa1", "GPU-aaa1"]})
    with pytest.raises(NotMeasurable, match="twice"):
        _nvml.handles(twice)


def test_nvml_says_in_one_sentence_why_it_cannot(
    fake: FakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No GPU, no driver, no such board, no power: each has its own reason."""
    with pytest.raises(NotMeasurable, match="NVIDIA boards only"):
        nvml.METER.check(SUBJECT)
    with pytest.raises(NotMeasurable, match="NVML does not find cuda:0: Not Found"):
        nvml.METER.check(replace(ON_GPU, device=replace(GPU, uuid="GPU-c")))
    fake.boards[0] = FakeBoard(uuid="GPU-aaa1", power_mw=None, instant_mw=None)
    with pytest.raises(NotMeasurable, match="NVML tells no power: Not Supported"):
        nvml.METER.check(ON_GPU)
    fake.starts = False
    with pytest.raises(NotMeasurable, match="NVML does not start: Driver Not Loaded"):
        nvml.METER.check(ON_GPU)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(NotMeasurable, match="pip install nvidia-ml-py"):
        nvml.METER.check(ON_GPU)


def test_instant_power_is_read_where_it_exists(fake: FakeNvml) -> None:
    """Else the driver's average, which lags by up to a second; a window never mixes them."""
    (board,) = nvml.boards(ON_GPU)
    assert (board.power_w(), board.power_said) == (260.0, "instant power")
    assert board.energy_j() == 5.0
    fake.boards[0].instant_mw = None
    with pytest.raises(NotMeasurable, match="any more"):
        board.power_w()
    (averaged,) = nvml.boards(ON_GPU)
    assert (averaged.power_w(), averaged.lag_s) == (250.0, 1.0)
    fake.boards[0].instant_mw = 1
    fake.instant_field = False  # an older driver
    assert nvml.boards(ON_GPU)[0].power_w() == 250.0


def test_the_probed_period_is_kept_beside_the_probes(
    fake: FakeNvml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second system of a run does not poll again; another driver does."""
    slow = CounterPeriod(period_s=0.2, moves=20, step_j=1.0)
    probes: list[str] = []

    def probe(read: Callable[[], float]) -> CounterPeriod:
        probes.append("polled")
        return slow

    monkeypatch.setattr(nvml, "counter_period", probe)
    for _ in range(2):
        ready = nvml.METER.prepare(ON_GPU, cache=tmp_path)
        assert (ready.periods, ready.window_s) == ((slow,), 10.0)
    assert len(probes) == 1
    (kept,) = (tmp_path / "probes").glob("counter-*.json")
    kept.write_text("{}")
    nvml.METER.prepare(ON_GPU, cache=tmp_path)
    (board,) = nvml.boards(ON_GPU)
    nvml.probed_period(board, driver="580.00", cache=tmp_path)
    assert len(probes) == 3


def test_clocks_are_the_slowest_and_hottest_boards(fake: FakeNvml) -> None:
    """Reasons of any board count; a figure that is not supported is None."""
    fake.boards[0] = FakeBoard(uuid="GPU-aaa1", clock_mhz=1200, temperature_c=50, reasons=0x4)
    fake.boards[1] = FakeBoard(uuid="GPU-bbb2", clock_mhz=1400, temperature_c=90, reasons=0x60)
    found = _nvml.read_clocks(fake.boards)
    assert (found.sm_clock_hz, found.temperature_c) == (1.2e9, 90.0)
    assert (found.power_cap_w, found.default_cap_w) == (400.0, 400.0)
    assert found.reasons == ("power cap", "temperature (driver)", "temperature (hardware)")
    mute = FakeBoard(
        uuid="GPU-c", clock_mhz=None, temperature_c=None, cap_mw=None, default_cap_mw=None,
        reasons=None,
    )  # fmt: skip
    assert _nvml.read_clocks([mute]) == type(found)()


# --- RAPL -----------------------------------------------------------------------------------------


def zone(root: Path, name: str, title: str, *, energy: int, limit: int = 1000) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{title}\n")
    (folder / "max_energy_range_uj").write_text(f"{limit}\n")
    (folder / "energy_uj").write_text(f"{energy}\n")
    return folder


def test_rapl_counts_packages_once(tmp_path: Path) -> None:
    """Packages are summed; subzones, the platform and a second way to a package are left out."""
    first = zone(tmp_path, "intel-rapl:0", "package-0", energy=100)
    second = zone(tmp_path, "intel-rapl:1", "package-1", energy=900)
    zone(tmp_path, "intel-rapl:0:0", "core", energy=5)
    zone(tmp_path, "intel-rapl:0:1", "dram", energy=5)
    zone(tmp_path, "intel-rapl:2", "psys", energy=5)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", energy=5)
    meter = rapl._Rapl(tmp_path)
    watch = meter.start(SUBJECT)
    (first / "energy_uj").write_text("300\n")
    (second / "energy_uj").write_text("50\n")  # wrapped at 1000
    reading = watch.stop()
    assert reading.energy_j == pytest.approx((200 + 150) * 1e-6)
    assert (reading.source, reading.boundary) == ("rapl", "package")
    assert reading.low_j is not None
    assert reading.high_j is not None
    assert reading.low_j < reading.energy_j < reading.high_j


def test_rapl_dies_are_summed_unless_their_package_is_counted(tmp_path: Path) -> None:
    """A package of two dies has a zone a die; where it has one of its own, the dies are in it."""
    zone(tmp_path, "intel-rapl:0", "package-0-die-0", energy=1)
    zone(tmp_path, "intel-rapl:1", "package-0-die-1", energy=1)
    assert [z.name for z in rapl.zones(tmp_path)] == ["package-0-die-0", "package-0-die-1"]
    zone(tmp_path, "intel-rapl:2", "package-0", energy=1)
    assert [z.name for z in rapl.zones(tmp_path)] == ["package-0"]


def test_rapl_is_found_behind_mmio_alone(tmp_path: Path) -> None:
    """Some machines show their package there only."""
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", energy=1)
    assert [z.folder.name for z in rapl.zones(tmp_path)] == ["intel-rapl-mmio:0"]


def test_rapl_wraps_around(tmp_path: Path) -> None:
    """A counter that starts anew has gone up to its limit first, as often as it is looked at."""
    assert rapl.elapsed_uj(990, 10, wraps_at=1000) == 20
    assert rapl.elapsed_uj(10, 990, wraps_at=1000) == 980
    folder = zone(tmp_path, "intel-rapl:0", "package-0", energy=900)
    tally = rapl.Tally(rapl.zones(tmp_path))
    for energy, total in ((100, 200), (800, 900), (50, 1150)):
        (folder / "energy_uj").write_text(str(energy))
        assert tally.update() == total


def test_rapls_idle_power_has_the_counters_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A millisecond and a step at the ends of a second, in watts."""
    folder = zone(tmp_path, "intel-rapl:0", "package-0", energy=0, limit=10**9)
    monkeypatch.setattr(rapl, "sleep", lambda _: (folder / "energy_uj").write_text("5000000"))
    moments = iter((10.0, 11.0))
    monkeypatch.setattr(rapl, "perf_counter", lambda: next(moments))
    idle = rapl._Rapl(tmp_path).idle_power(SUBJECT)
    assert idle.value == pytest.approx(5.0)
    half = 1e-3 * 5.0 + 61e-6
    assert (idle.low, idle.high) == (pytest.approx(5.0 - half), pytest.approx(5.0 + half))
    assert "interval: the counter's period" in idle.how


def test_the_sums_idle_power_sums_the_ends() -> None:
    """Board and host; where one of them has no interval, the sum has none."""

    @dataclass(frozen=True)
    class Idle:
        rate: Rate

        def idle_power(self, subject: meters.Subject) -> Rate:
            return self.rate

    board = Idle(Rate(value=60.0, how="board", low=59.0, high=62.0))
    host = Idle(Rate(value=20.0, how="host", low=18.0, high=23.0))
    both: Any = replace(nvml_rapl.METER, board=cast(Any, board), host=cast(Any, host))
    idle = both.idle_power(SUBJECT)
    assert (idle.value, idle.low, idle.high) == (80.0, 77.0, 85.0)
    bare = cast(Any, Idle(Rate(value=20.0, how="host")))
    assert replace(both, host=bare).idle_power(SUBJECT).low is None


def test_rapl_that_stands_still_is_not_zero_joules(tmp_path: Path) -> None:
    """A counter that did not move is not measurable."""
    zone(tmp_path, "intel-rapl:0", "package-0", energy=100)
    with pytest.raises(NotMeasurable, match="did not move"):
        rapl._Rapl(tmp_path).start(SUBJECT).stop()


def test_rapl_absent_or_forbidden_says_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without counters, and without permission, the reason names the place and the mend."""
    with pytest.raises(NotMeasurable, match="no RAPL package counter"):
        rapl._Rapl(tmp_path).check(SUBJECT)
    folder = zone(tmp_path, "intel-rapl:0", "package-0", energy=1)
    (folder / "energy_uj").write_text("not a number")
    with pytest.raises(NotMeasurable, match="cannot be read"):
        rapl._Rapl(tmp_path).check(SUBJECT)
    whole = Path.read_text

    def guarded(self: Path, *arguments: str, **options: str) -> str:
        if self.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return whole(self, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", guarded)
    with pytest.raises(NotMeasurable, match=r"may not be read by this user.*sudo chmod a\+r"):
        rapl._Rapl(tmp_path).check(SUBJECT)


# --- board and host -------------------------------------------------------------------------------


def energy(joules: float, *, seconds: float = 10.0, source: str = "nvml counter") -> EnergyReading:
    return EnergyReading(
        energy_j=joules, seconds=seconds, source=source,
        boundary="board" if source.startswith("nvml") else "package", how="test",
        low_j=0.9 * joules, high_j=1.1 * joules, disagreement=0.02,
    )  # fmt: skip


def test_board_and_host_are_summed() -> None:
    """The host's watch ran a little longer: its power counts over the board's seconds."""
    found = nvml_rapl.total(energy(2000.0), energy(606.0, seconds=10.1, source="rapl"))
    assert found.energy_j == pytest.approx(2600.0)
    assert (found.source, found.boundary) == ("nvml counter + rapl", "board+host")
    assert (found.low_j, found.high_j) == (pytest.approx(2340.0), pytest.approx(2860.0))
    assert found.disagreement == 0.02
    assert "2000 J of the board" in found.how
    assert "600 J of the host" in found.how


def test_board_and_host_need_both(fake: FakeNvml, tmp_path: Path) -> None:
    """Where RAPL may not be read, the board alone is the next meter."""
    both = replace(nvml_rapl.METER, host=rapl._Rapl(tmp_path))
    with pytest.raises(NotMeasurable, match="the host cannot be added: .*RAPL"):
        both.check(ON_GPU)
    zone(tmp_path, "intel-rapl:0", "package-0", energy=1)
    both.check(ON_GPU)
    with pytest.raises(NotMeasurable, match="NVIDIA boards only"):
        both.check(SUBJECT)


# --- csv ------------------------------------------------------------------------------------------

HEADER = "time,power\n"


def rows(seconds: Sequence[float], watts: float = 50.0) -> str:
    return "".join(f"{at},{watts}\n" for at in seconds)


def log_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "meter.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_log_gives_the_energy_of_the_window(tmp_path: Path) -> None:
    """50 W for 10 s are 500 J; the interval is one row at each end; the boundary is the wall."""
    path = log_file(tmp_path, HEADER + rows([t / 10 for t in range(0, 301)]))
    found = csv.energy_between(_log.read(path), start=10.0, end=20.0)
    assert found.energy_j == pytest.approx(500.0)
    assert (found.low_j, found.high_j) == (pytest.approx(495.0), pytest.approx(505.0))
    assert (found.source, found.boundary) == ("csv", "wall")
    assert found.max_power_w == 50.0


def test_a_logs_course_reaches_a_fifth_past_the_window(tmp_path: Path) -> None:
    """Rows on either side are kept, so that the window stands out from what was around it."""
    path = log_file(tmp_path, HEADER + rows([t / 10 for t in range(0, 301)]))
    course = csv.energy_between(_log.read(path), start=10.0, end=20.0).course
    assert course is not None
    assert (course.at_s[0], course.at_s[-1]) == (pytest.approx(-2.0), pytest.approx(12.0))
    assert set(course.power_w) == {50.0}


def test_a_log_may_count_energy_and_name_its_boundary(tmp_path: Path) -> None:
    """A counting meter is interpolated at both ends; semicolons, ISO times and units are read."""
    text = "# boundary: package\n# a note\nTimestamp;Energy [J]\n" + "".join(
        f"2026-11-21T02:40:{s:02d}+00:00;{100 * s}\n" for s in range(0, 30)
    )
    log = _log.read(log_file(tmp_path, text))
    found = csv.energy_between(log, start=log.times[0] + 0.5, end=log.times[0] + 10.5)
    assert found.energy_j == pytest.approx(1000.0)
    assert found.boundary == "package"
    assert found.max_power_w is None
    column = "time,power,boundary\n" + "".join(f"{t},5,board+host\n" for t in range(5))
    assert _log.read(log_file(tmp_path, column)).boundary == "board+host"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("time,current\n1,2\n", "needs a column time and a column power"),
        (HEADER + "1,nan\n", "line 2: 'nan' is not finite"),
        (HEADER + "2,5\n1,5\n", "line 3: its time is 1 s before the line above"),
        (HEADER + "1,5,3\n", "decimal commas, write decimal points"),
        ("time;power\n1;5,3\n", "'5,3' is no number; write a decimal point"),
        (HEADER + "2026-13-01,5\n", "is no ISO 8601 time"),
        (HEADER + "1795142401000,5\n", "divide it by 1000"),
        (HEADER + "1,-5\n", "negative power"),
        ("time,energy\n1,5\n2,4\n", "its energy goes down"),
        ("# boundary: room\n" + HEADER + "1,5\n", "boundary 'room' is unknown"),
        ("time,power,boundary\n1,5,wall\n2,5,board\n", "the boundary changes"),
        ("time,power,W\n1,5,7\n2,5,7\n", "more than one column power"),
    ],
)
def test_a_log_that_cannot_be_trusted_is_refused_in_one_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    """Each names the file, the line where there is one, and the mend."""
    path = log_file(tmp_path, text)
    with pytest.raises(NotMeasurable) as caught:
        _log.read(path)
    assert said in str(caught.value)
    assert "meter.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_log_must_cover_the_window_without_a_gap(tmp_path: Path) -> None:
    """Missing coverage, a gap, too few rows and no energy are four sentences."""
    log = _log.read(log_file(tmp_path, HEADER + rows([0, 1, 2, 3, 4, 9, 10, 11])))
    assert csv.energy_between(log, start=0.5, end=3.5).energy_j == pytest.approx(150.0)
    with pytest.raises(NotMeasurable, match="has a gap of 5 s"):
        csv.energy_between(log, start=0.5, end=10.5)
    with pytest.raises(NotMeasurable, match="is it running"):
        csv.energy_between(log, start=0.5, end=11.5)
    with pytest.raises(NotMeasurable, match="seconds since 1970"):
        csv.energy_between(log, start=1.7e9, end=1.7e9 + 5)
    few = _log.read(log_file(tmp_path, HEADER + rows([0, 1])))
    with pytest.raises(NotMeasurable, match="has 2 rows"):
        csv.energy_between(few, start=0.0, end=1.0)
    off = _log.read(log_file(tmp_path, HEADER + rows(range(5), watts=0.0)))
    with pytest.raises(NotMeasurable, match="switched on"):
        csv.energy_between(off, start=0.5, end=3.5)


def test_a_counters_gap_is_harmless_inside_the_window_only(tmp_path: Path) -> None:
    """Inside it the counter goes on counting; at an end nobody knows how much fell into it."""
    times = [0, 1, 2, 3, 9, 10, 11, 12]
    text = "time,energy\n" + "".join(f"{t},{50 * t}\n" for t in times)
    log = _log.read(log_file(tmp_path, text))
    found = csv.energy_between(log, start=0.5, end=11.5)
    assert (found.energy_j, found.low_j, found.high_j) == pytest.approx((550.0, 500.0, 600.0))
    with pytest.raises(NotMeasurable, match="gap of 6 s at an end"):
        csv.energy_between(log, start=0.5, end=8.0)
    twice = _log.read(log_file(tmp_path, text.replace("10,500\n", "")))
    # rows 1 s apart but for two: the interval is as wide as the rows around its ends
    found = csv.energy_between(twice, start=0.5, end=10.0)
    assert (found.low_j, found.high_j) == pytest.approx((475.0 - 100.0, 475.0 + 100.0))


def test_a_log_whose_times_or_powers_are_no_measurement_is_refused(tmp_path: Path) -> None:
    """Ten rows a second with whole seconds, and powers whose sum is no number."""
    coarse = "".join(f"{t // 10},50\n" for t in range(100))
    with pytest.raises(NotMeasurable, match="log fractions of a second"):
        csv.energy_between(_log.read(log_file(tmp_path, HEADER + coarse)), start=1.0, end=8.0)
    huge = _log.read(log_file(tmp_path, HEADER + "".join(f"{t},1e308\n" for t in range(20))))
    with pytest.raises(NotMeasurable, match="is its unit right"):
        csv.energy_between(huge, start=1.0, end=18.0)


def test_a_growing_log_is_waited_for(tmp_path: Path) -> None:
    """The rows past the window's end come later; a half-written line is not read."""
    path = log_file(tmp_path, HEADER + rows([t / 10 for t in range(990, 1061)]) + "106.1,5")
    time = Time(at=100.0)
    meter = csv.METER.of(path)
    meter = replace(meter, clock=time.clock).prepare(SUBJECT, cache=None)
    assert meter.window_s == pytest.approx(5.5)
    watch = meter.start(SUBJECT)
    time.at = 106.0 + 0.04

    def append() -> None:
        path.write_text(HEADER + rows([t / 10 for t in range(990, 1072)]))

    time.at = 106.5
    time.on_pause = append
    found = watch.stop()
    assert found.energy_j == pytest.approx(50.0 * 6.5)
    assert time.at == pytest.approx(106.75)
    # no further rows: it gives up after a few seconds
    watch = meter.start(SUBJECT)
    time.at = 112.0
    with pytest.raises(NotMeasurable, match="is it running"):
        watch.stop()
    assert time.at == pytest.approx(112.0 + csv.WAIT_S, abs=0.3)


def test_a_meter_whose_clock_is_ahead_says_so(tmp_path: Path) -> None:
    """The log's times less its offset are this machine's."""
    powers = "".join(f"{t / 10},{10.0 if t < 1100 else 90.0}\n" for t in range(900, 1300))
    path = log_file(tmp_path, "# clock_offset_s: 10\n" + HEADER + powers)
    time = Time(at=101.0)
    meter = replace(csv.METER.of(path), clock=time.clock)
    watch = meter.start(SUBJECT)
    time.at = 109.0
    found = watch.stop()
    assert found.energy_j == pytest.approx(90.0 * 8.0)
    assert "clock offset 10 s" in found.how


def test_a_log_from_the_future_or_with_a_wrong_fact_is_refused_at_start(tmp_path: Path) -> None:
    """Before anything is measured: rows ahead of our clock, an offset that is no number."""
    time = Time(at=100.0)
    log = rows([t / 10 for t in range(900, 1300)])
    ahead = replace(csv.METER.of(log_file(tmp_path, HEADER + log)), clock=time.clock)
    with pytest.raises(NotMeasurable, match="its last row is 29.9 s in the future"):
        ahead.check(SUBJECT)
    known = log_file(tmp_path, "# clock_offset_s: 29.9\n" + HEADER + log)
    replace(csv.METER.of(known), clock=time.clock).check(SUBJECT)
    wrong = log_file(tmp_path, "# clock_offset_s: abc\n" + HEADER + log)
    with pytest.raises(NotMeasurable, match="clock_offset_s: 'abc' is no number"):
        replace(csv.METER.of(wrong), clock=time.clock).check(SUBJECT)


def test_a_log_of_another_time_or_another_unit_is_refused_at_start(tmp_path: Path) -> None:
    """An hour tells it from a log that is written late; watts that overflow are no watts."""
    path = log_file(tmp_path, HEADER + rows([t / 10 for t in range(900, 1000)]))
    late = Time(at=3600.0 + 99.9)
    replace(csv.METER.of(path), clock=late.clock).check(SUBJECT)
    gone = Time(at=3600.0 + 100.5)
    with pytest.raises(NotMeasurable, match="its last row is 60 min 1 s old; is the meter running"):
        replace(csv.METER.of(path), clock=gone.clock).check(SUBJECT)
    huge = log_file(tmp_path, HEADER + rows([1.0, 2.0, 3.0], watts=1e308))
    with pytest.raises(NotMeasurable, match="its power is too large to be summed"):
        replace(csv.METER.of(huge), clock=Time(at=3.0).clock).check(SUBJECT)


def test_idle_power_has_the_interval_of_the_logs_granularity(tmp_path: Path) -> None:
    """Ten rows a second: a tenth of a second at each end of one second is open."""
    path = log_file(tmp_path, HEADER + rows([t / 10 for t in range(900, 1300)]))
    meter = replace(csv.METER.of(path), clock=Time(at=100.0).clock)
    idle = meter.idle_power(SUBJECT)
    assert idle.value == pytest.approx(50.0)
    assert (idle.low, idle.high) == (pytest.approx(45.0), pytest.approx(55.0))


def test_a_refusal_names_the_file_once() -> None:
    """The meter's own text begins with it; one that does not is told with it."""
    refused = NotMeasurable("/log.csv: has 0 rows")
    assert meters.refusal("csv:/log.csv", refused) == "csv: /log.csv: has 0 rows"
    assert meters.refusal("csv:/log.csv", NotMeasurable("why")) == "csv:/log.csv: why"
    assert meters.refusal("nvml", NotMeasurable("why")) == "nvml: why"


def test_a_meter_asked_for_by_name_that_gave_nothing_is_told() -> None:
    """One joule in any window is enough; the automatic choice may find none."""
    measured = window()
    without = replace(measured, energy=None, energy_reason="m.csv: is it running?")
    (doubt,) = meters.gave_nothing("csv:m.csv", [without, without])
    assert doubt.code == "no_energy"
    assert doubt.message.startswith("--meter csv:m.csv gave no energy: m.csv: is it running?")
    assert meters.gave_nothing("csv:m.csv", [without, measured]) == []
    assert meters.gave_nothing("auto", [without]) == []


def test_a_slow_log_needs_a_longer_window(tmp_path: Path) -> None:
    """A row a second means windows of 50 s and a tenth; one under 50 rows is refused."""
    path = log_file(tmp_path, HEADER + rows(range(0, 200)))
    time = Time(at=50.0)
    meter = replace(csv.METER.of(path), clock=time.clock).prepare(SUBJECT, cache=None)
    assert meter.window_s == pytest.approx(55.0)
    watch = meter.start(SUBJECT)
    time.at = 60.0
    with pytest.raises(NotMeasurable, match="under 50 rows"):
        watch.stop()
    time.at = 70.0
    assert meter.idle_power(SUBJECT).value == pytest.approx(50.0)
    assert time.at == pytest.approx(80.0)


def test_a_counter_that_moves_rarely_needs_a_longer_window(tmp_path: Path) -> None:
    """Rows every 0.1 s of a counter that moves every 2 s: 50 of its periods, not 50 rows."""
    rarely = "".join(f"{t / 10},{100 * (t // 20)}\n" for t in range(0, 3000))
    path = log_file(tmp_path, "time,energy\n" + rarely)
    time = Time(at=10.0)
    meter = replace(csv.METER.of(path), clock=time.clock).prepare(SUBJECT, cache=None)
    assert meter.window_s == pytest.approx(110.0)
    watch = meter.start(SUBJECT)
    time.at = 60.0
    with pytest.raises(NotMeasurable, match=r"under 50 steps of the counter .* 2 s apart"):
        watch.stop()
    time.at = 120.0
    found = watch.stop()
    assert found.low_j is not None
    assert found.high_j is not None
    assert found.low_j <= 110.0 * 50.0 <= found.high_j
    assert found.high_j - found.energy_j >= 100.0, "it may be a whole step off"
    assert "moves every 2 s" in found.how


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system here")
def test_a_device_or_a_pipe_is_no_log(tmp_path: Path) -> None:
    """Either would be read for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(NotMeasurable, match=r"is no file .*write its log into a file"):
            csv.METER.of(path).check(SUBJECT)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Without a file, or with one that is not there, the sentence says what to give."""
    with pytest.raises(NotMeasurable, match="--meter csv:FILE"):
        csv.METER.check(SUBJECT)
    with pytest.raises(NotMeasurable, match=r"none\.csv: cannot be read: No such file"):
        csv.METER.of(tmp_path / "none.csv").check(SUBJECT)


# --- replay ---------------------------------------------------------------------------------------


def trace(tmp_path: Path, *, seconds: float = 8.0, watts: float = 300.0, extra: str = "") -> Path:
    """A synthetic recording of a board: constant power, a counter that moves every 50 ms."""
    lines = [f"# synthetic, made by a test\n{extra}time,power,energy\n"]
    lines += [f"{n * 0.05:.2f},{watts},{70 + n * 0.05 * watts}\n" for n in range(int(seconds * 20))]
    path = tmp_path / "trace.csv"
    path.write_text("".join(lines))
    return path


def played(path: Path, *, seconds: float) -> EnergyReading:
    time = Time(at=5.0)
    meter = replace(replay.METER.of(path), clock=time.clock).prepare(SUBJECT, cache=None)
    watch = meter.start(SUBJECT)
    end = time.at + seconds
    while time.at < end - 1e-9:
        time.pause(_boards.SAMPLE_S)
        watch.watch.sample()
    return watch.stop()


def test_a_recording_is_played_through_the_boards_rules(tmp_path: Path) -> None:
    """Counter, samples, period and interval come out as they went in, marked as replayed."""
    found = played(trace(tmp_path), seconds=6.0)
    assert (found.source, found.boundary) == ("replayed nvml counter", "board")
    assert found.low_j is not None
    assert found.high_j is not None
    assert found.low_j <= 1800.0 <= found.high_j
    assert found.disagreement == pytest.approx(0.0, abs=0.01)
    assert "period 50" in found.how
    (doubt,) = meters.doubts(replace(window(), energy=found))
    assert doubt.code == "replayed"


def test_a_recording_that_ends_too_early_is_not_stretched(tmp_path: Path) -> None:
    """Neither looped nor extrapolated."""
    with pytest.raises(NotMeasurable, match="the recording trace.csv ends after 5.95 s"):
        played(trace(tmp_path, seconds=6.0), seconds=7.0)


def test_a_recording_states_its_idle_power(tmp_path: Path) -> None:
    """Or has none."""
    stated = replay.METER.of(trace(tmp_path, extra="# idle_power_w: 61\n"))
    assert stated.idle_power(SUBJECT).value == 61.0
    with pytest.raises(NotMeasurable, match="idle_power_w is -61, which is below 0"):
        replay.METER.of(trace(tmp_path, extra="# idle_power_w: -61\n")).idle_power(SUBJECT)
    with pytest.raises(NotMeasurable, match="lag_s is -1, which is below 0"):
        played(trace(tmp_path, extra="# lag_s: -1\n"), seconds=6.0)
    with pytest.raises(NotMeasurable, match="idle_power_w"):
        replay.METER.of(trace(tmp_path)).idle_power(SUBJECT)
    with pytest.raises(NotMeasurable, match="--meter replay:FILE"):
        replay.METER.check(SUBJECT)


# --- the choice -----------------------------------------------------------------------------------


def test_a_model_needs_an_envelope_and_says_it_is_one() -> None:
    """Without a datasheet there is no modelled energy; with one it is marked and bounded."""
    with pytest.raises(NotMeasurable, match=r"hw/\*\.toml"):
        modelled.METER.check(SUBJECT)
    subject = Subject(device=DEVICE, envelope=Rate(value=40.0, how="datasheet"), threads=1)
    modelled.METER.check(subject)
    reading = modelled.METER.start(subject).stop()
    assert reading.source == "modelled"
    assert 0 <= reading.energy_j <= 40.0 * reading.seconds * 1.0001


def test_modelled_energy_is_of_the_cores_that_the_threads_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread on two cores: the envelope of one core, busy all the time."""
    sheet = model(
        kind="cpu",
        cores=Figure(value=8, source="sheet"),
        power_envelope=Figure(value=80.0, source="sheet"),
    )
    monkeypatch.setattr(meters.hw, "describe", lambda *_, **__: sheet)
    device = replace(DEVICE, units=2)
    for threads, watts in ((1, 10.0), (2, 20.0), (8, 20.0)):
        subject = meters.subject(device, threads=threads, roots=[tmp_path])
        assert subject.envelope is not None
        assert subject.envelope.value == pytest.approx(watts)
    ticks = iter((0.0, 1.0))
    monkeypatch.setattr(modelled, "perf_counter", lambda: next(ticks))
    busy = iter((0.0, 1.0))
    monkeypatch.setattr(modelled, "process_time", lambda: next(busy))
    reading = modelled.METER.start(meters.subject(device, threads=1, roots=[tmp_path])).stop()
    assert reading.energy_j == pytest.approx(10.0)
    assert "100% of 1 core busy" in reading.how


def test_modelled_energy_of_a_turn_is_finer_than_the_kernels_ticks() -> None:
    """Every 2 ms of computing take energy: CPU time in ticks of 10 ms would give most none."""
    subject = Subject(device=DEVICE, envelope=Rate(value=40.0, how="datasheet"), threads=1)
    for _ in range(20):
        watch = modelled.METER.start(subject)
        until = process_time() + 0.002
        while process_time() < until:
            pass
        reading = watch.stop()
        assert reading.energy_j >= 40.0 * 0.002 * 0.9


def test_the_first_meter_that_works_is_taken() -> None:
    """Automatic choice falls through to the model, and names every reason where none works."""
    subject = Subject(device=DEVICE, envelope=Rate(value=40.0, how="datasheet"), threads=1)
    name, _ = meters.choose("auto", subject, preferred=("nvml", "modelled"))
    assert name == "modelled"
    with pytest.raises(NotMeasurable, match=r"nvml: .*modelled: "):
        meters.choose("auto", SUBJECT, preferred=("nvml", "modelled"))
    with pytest.raises(BadInput, match="unknown meter"):
        meters.require("wattmeter")


def test_a_meters_file_is_part_of_its_name(tmp_path: Path) -> None:
    """`csv:FILE` reads it, from whatever folder; a meter that reads none refuses one."""
    path = log_file(tmp_path, HEADER + rows([time() + t for t in (-3, -2, -1)]))
    name, found = meters.choose(f"csv:{path}", SUBJECT, preferred=())
    assert name == f"csv:{path}"
    assert isinstance(found, csv._Csv)
    assert found.path == path
    assert meters.placed("csv:log.csv") == f"csv:{Path.cwd() / 'log.csv'}"
    assert meters.placed("auto") == "auto"
    meters.require(f"csv:{path}")
    with pytest.raises(BadInput, match="the meter rapl reads no file"):
        meters.require("rapl:x")
    with pytest.raises(NotMeasurable, match=r"csv: it reads a meter's log"):
        meters.choose("csv", SUBJECT, preferred=())


def test_a_meter_without_its_file_is_refused() -> None:
    """`csv:` is not the current folder."""
    assert meters.placed("csv:") == "csv:"
    with pytest.raises(BadInput, match="names no file; write --meter csv:FILE"):
        meters.require("csv:")


def test_the_list_of_meters_says_why_one_is_not_usable() -> None:
    """Boundary and needs stand there whether it is usable or not."""
    rows = {row["name"]: row for row in listing("meters")}
    assert set(rows) == set(meters.names())
    assert all(row["boundary"] and row["needs"] for row in rows.values())
    assert "--meter csv:FILE" in rows["csv"]["why"]
    assert rows["nvml_rapl"]["boundary"] == "board+host"


@pytest.mark.parametrize("name", meters.names())
def test_every_meter_tells_its_boundary_and_needs(name: str) -> None:
    """As `benchsuite list meters` shows them."""
    found = meters.meter(name)
    assert found.boundary
    assert found.needs
    assert found.window_s >= 0


@pytest.mark.parametrize(
    ("pids", "named"),
    [
        ([], 0),
        (["own"], 0),
        ([999_999_999], 0),  # this process, by a number that means nothing here
        (["own", 999_999_999], 1),
        ([999_999_998, 999_999_999], 1),
    ],
)
def test_other_processes_on_a_board_are_named(
    monkeypatch: pytest.MonkeyPatch, pids: list[int | str], named: int
) -> None:
    """This process is no other one, also where the driver tells the host's numbers."""
    numbers = [os.getpid() if pid == "own" else int(pid) for pid in pids]
    board = FakeBoard("GPU-0", compute_pids=numbers)
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml([board]))
    found = _nvml.other_programs([board])
    assert len(found) == named
    if "own" in pids and named:
        assert found == ("a process that is not visible from here (999999999)",)
