"""A recorded trace of power and counter, played through NVML's rules: `--meter replay:FILE`.

For tests, and for reproducing what a machine with a meter saw. The file has the format of
`meters/_log.py` with times from the recording's start; `energy` is the counter as it was polled.
Every window, and the idle power, plays the recording from its start. What it gives is marked
`replayed` and never ranked with what is measured.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchsuite.errors import NotMeasurable
from benchsuite.meters import Subject
from benchsuite.meters._boards import (
    LEAST_WINDOW_S,
    REAL_TIME,
    Clock,
    CounterPeriod,
    Watch,
    counter_period,
)
from benchsuite.meters._log import Log, read
from benchsuite.types import EnergyReading, Rate
from benchsuite.units import MILLIJOULE_J, counted


class TraceBoard:
    """A board that reads out a recording: each row holds until the next."""

    power_said = "recorded power"
    resolution_j = MILLIJOULE_J

    def __init__(self, log: Log, clock: Clock) -> None:
        self.name = log.path.name
        self.lag_s = log.number("lag_s", default=0.0, least=0.0)
        self._log = log
        self._clock = clock
        self._origin = clock.now()

    def energy_j(self) -> float:
        """The recorded counter."""
        if not self._log.energy_j:
            raise NotMeasurable(f"{self.name} recorded no energy counter")
        return self._now(self._log.energy_j)

    def power_w(self) -> float:
        """The recorded power."""
        if not self._log.power_w:
            raise NotMeasurable(f"{self.name} recorded no power")
        return self._now(self._log.power_w)

    def _now(self, column: Sequence[float]) -> float:
        times = self._log.times
        position = times[0] + self._clock.now() - self._origin
        if position > times[-1]:
            raise NotMeasurable(
                f"the recording {self.name} ends after {times[-1] - times[0]:g} s, before the "
                "window did"
            )
        return column[bisect_right(times, position) - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Played:
    watch: Watch
    boundary: str

    def stop(self) -> EnergyReading:
        found = self.watch.stop()
        return replace(found, boundary=self.boundary)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replay:
    path: Path | None = None
    clock: Clock = REAL_TIME
    period: CounterPeriod | None = None
    window_s: float = LEAST_WINDOW_S
    measures: bool = True
    boundary: str = "board, or as the recording says"
    needs: str = "a recorded trace: --meter replay:FILE; it measures nothing that happens now"

    def of(self, path: Path) -> _Replay:
        """The meter that plays one recording."""
        return replace(self, path=path)

    def check(self, subject: Subject) -> None:
        self._log()

    def prepare(self, subject: Subject, *, cache: Path | None) -> _Replay:
        period = counter_period(self._board().energy_j, clock=self.clock)
        window_s = LEAST_WINDOW_S if period is None else period.window_s
        return replace(self, period=period, window_s=window_s)

    def idle_power(self, subject: Subject) -> Rate:
        log = self._log()
        if "idle_power_w" not in log.facts:
            raise NotMeasurable(f"{log.path.name} states no idle power (# idle_power_w: WATTS)")
        return Rate(
            value=log.number("idle_power_w", default=0.0, least=0.0),
            how=f"as {log.path.name} states, without an interval",
        )

    def start(self, subject: Subject) -> _Played:
        watch = Watch(
            [(self._board(), self.period)],
            maker="replayed nvml",
            clock=self.clock,
            background=self.clock is REAL_TIME,
        )
        return _Played(watch=watch, boundary=self._log().boundary or "board")

    def _board(self) -> TraceBoard:
        return TraceBoard(self._log(), self.clock)

    def _log(self) -> Log:
        if self.path is None:
            raise NotMeasurable("it plays a recorded trace: --meter replay:FILE")
        log = read(self.path)
        if len(log.times) < 2:
            raise NotMeasurable(
                f"{self.path}: has {counted(len(log.times), 'row')}, which is no recording"
            )
        return log


METER = _Replay()
