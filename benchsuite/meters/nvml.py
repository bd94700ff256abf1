"""NVIDIA boards through NVML: the energy counter, else sampled power integrated in the window."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter, sleep
from typing import Any

from benchsuite.devices.cuda import nvml_handle
from benchsuite.errors import NotMeasurable
from benchsuite.meters import Subject
from benchsuite.types import EnergyReading, Rate
from benchsuite.units import MILLIJOULE_J, MILLIWATT_W

SAMPLE_S = 0.02
LEAST_PERIODS = 50
_IDLE_S = 1.0
_PROBE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A reading of power: watts at a time of `perf_counter`."""

    at: float
    power_w: float


def integrate(samples: Sequence[Sample], *, start: float, end: float) -> float:
    """Joules between two times by the trapezoid rule, the ends interpolated.

    Raises:
        NotMeasurable: The samples do not reach from `start` to `end`.
    """
    if len(samples) < 2 or samples[0].at > start or samples[-1].at < end:
        raise NotMeasurable(f"{len(samples)} power samples do not cover the window")

    def power_at(time: float) -> float:
        for left, right in pairwise(samples):
            if left.at <= time <= right.at:
                span = right.at - left.at
                share = (time - left.at) / span if span else 0.0
                return left.power_w + share * (right.power_w - left.power_w)
        raise AssertionError(time)

    inside = [sample for sample in samples if start < sample.at < end]
    points = [
        Sample(at=start, power_w=power_at(start)),
        *inside,
        Sample(at=end, power_w=power_at(end)),
    ]
    return sum(
        (right.at - left.at) * (left.power_w + right.power_w) / 2
        for left, right in pairwise(points)
    )


class Board(threading.Thread):
    """One board being watched: counter at both ends, samples of power between."""

    def __init__(self, handle: Any, *, counter_period: float | None) -> None:
        super().__init__(daemon=True)
        self._handle = handle
        self._period = counter_period
        self._done = threading.Event()
        self._samples: list[Sample] = []
        self._failure: str | None = None
        read_power(handle)  # the first reading fails here, not in the thread
        self._sample()
        self._before = read_counter(handle) if counter_period else None
        self._started = perf_counter()
        self.start()

    def run(self) -> None:
        """Samples until stopped."""
        try:
            while not self._done.wait(SAMPLE_S):
                self._sample()
        except NotMeasurable as error:
            self._failure = str(error)

    def stop(self) -> EnergyReading:
        """Ends the window; counter and integrated samples are both given."""
        after = read_counter(self._handle) if self._before is not None else None
        ended = perf_counter()
        seconds = ended - self._started
        self._done.set()
        self.join()
        self._sample()
        try:
            if self._failure:
                raise NotMeasurable(self._failure)
            sampled = integrate(self._samples, start=self._started, end=ended)
        except NotMeasurable:
            if after is None:
                raise
            sampled = None
        largest = max(sample.power_w for sample in self._samples)
        if after is None or self._before is None or self._period is None:
            assert sampled is not None
            return EnergyReading(
                energy_j=sampled,
                seconds=seconds,
                source="nvml sampled",
                boundary="board",
                how=f"{len(self._samples)} power samples every {SAMPLE_S * 1e3:.0f} ms, integrated",
                max_power_w=largest,
            )
        joules = (after - self._before) * MILLIJOULE_J
        if seconds < LEAST_PERIODS * self._period or joules <= 0:
            raise NotMeasurable(
                f"the window of {seconds:.2f} s is under {LEAST_PERIODS} periods of the energy "
                f"counter ({self._period * 1e3:.0f} ms each)"
            )
        apart = (
            "samples failed"
            if sampled is None
            else f"integrated samples {100 * (sampled / joules - 1):+.1f} %"
        )
        return EnergyReading(
            energy_j=joules,
            seconds=seconds,
            source="nvml counter",
            boundary="board",
            how=f"energy counter, period {self._period * 1e3:.0f} ms; {apart}",
            max_power_w=largest,
        )

    def _sample(self) -> None:
        self._samples.append(Sample(at=perf_counter(), power_w=read_power(self._handle)))


class _Nvml:
    window_s = 5.0
    measures = True

    def check(self, subject: Subject) -> None:
        read_power(self._handle(subject))

    def idle_power(self, subject: Subject) -> Rate:
        handle = self._handle(subject)
        watts = []
        end = perf_counter() + _IDLE_S
        while perf_counter() < end:
            watts.append(read_power(handle))
            sleep(SAMPLE_S)
        return Rate(
            value=sum(watts) / len(watts),
            how=f"mean of {len(watts)} NVML power samples over {_IDLE_S:g} s before the windows",
        )

    def start(self, subject: Subject) -> Board:
        handle = self._handle(subject)
        return Board(handle, counter_period=counter_period(lambda: read_counter(handle)))

    def _handle(self, subject: Subject) -> Any:
        if subject.device.kind != "cuda":
            raise NotMeasurable("NVML measures NVIDIA boards only")
        handle = nvml_handle(subject.device)
        if handle is None:
            raise NotMeasurable("NVML does not find the board (package nvidia-ml-py, driver)")
        return handle


METER = _Nvml()


def counter_period(read: Callable[[], int], *, seconds: float = _PROBE_S) -> float | None:
    """Seconds between two steps of an energy counter; None where there is no counter.

    The counter steps 10 to 100 times a second by device, so its period is looked for each time.
    """
    steps = []
    try:
        last = read()
        end = perf_counter() + seconds
        while perf_counter() < end:
            now = read()
            if now != last:
                steps.append(perf_counter())
                last = now
            sleep(0.001)
    except NotMeasurable:
        return None
    if len(steps) < 3:
        return None
    return (steps[-1] - steps[0]) / (len(steps) - 1)


def read_counter(handle: Any) -> int:
    """Millijoules since the driver was loaded (Volta and newer).

    Raises:
        NotMeasurable: The board has no such counter.
    """
    import pynvml

    try:
        return int(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle))
    except pynvml.NVMLError as error:
        raise NotMeasurable(f"no energy counter: {error}") from None


def read_power(handle: Any) -> float:
    """Watts now: the instant field where the board has it, else the driver's average.

    Raises:
        NotMeasurable: The board tells no power.
    """
    import pynvml

    try:
        field = getattr(pynvml, "NVML_FI_DEV_POWER_INSTANT", None)
        if field is not None:
            value = pynvml.nvmlDeviceGetFieldValues(handle, [field])[0]
            if value.nvmlReturn == pynvml.NVML_SUCCESS and value.value.uiVal:
                return float(value.value.uiVal) * MILLIWATT_W
        return float(pynvml.nvmlDeviceGetPowerUsage(handle)) * MILLIWATT_W
    except pynvml.NVMLError as error:
        raise NotMeasurable(f"NVML tells no power: {error}") from None
