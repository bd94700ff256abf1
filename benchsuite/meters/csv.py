"""Any external meter through its time-stamped log: `--meter csv:FILE`.

The log may be written while we measure. Its times are compared with this machine's clock: a meter
whose clock is ahead by a known number of seconds says `# clock_offset_s: SECONDS` in its log. An
unknown offset of a tenth of a second costs up to that much energy at each end of the window. The
boundary is `wall` unless the log names another. `meters/_log.py` has the format.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from time import sleep, time

from benchsuite.errors import NotMeasurable
from benchsuite.meters import Subject
from benchsuite.meters._boards import (
    LEAST_PERIODS,
    LEAST_WINDOW_S,
    Clock,
    Sample,
    integrate,
    largest_gap_s,
)
from benchsuite.meters._course import course
from benchsuite.meters._log import Log, read
from benchsuite.types import EnergyReading, Rate
from benchsuite.units import counted, duration

WALL = "wall"
WAIT_S = 5.0
GAP_PERIODS = 3.0
_LOOK_S = 0.25
_IDLE_S = 1.0
_IDLE_PERIODS = 10
_FAR_S = 3600.0  # a log that is further away is of another time, not late
_LEAST_ROWS = 3
_AROUND = 0.2  # of a window: so much of the log is kept on either side, to be looked at
# a log's median spacing moves a little as it grows: a window is longer than the least by this
_UNEVEN = 0.1
_WALL_CLOCK = Clock(now=time, pause=sleep)


def energy_between(log: Log, *, start: float, end: float) -> EnergyReading:
    """The joules of a log between two times of its own clock.

    Raises:
        NotMeasurable: The log does not cover them, or leaves a gap.
    """
    path, times = log.path, log.times
    if len(times) < _LEAST_ROWS:
        raise NotMeasurable(
            f"{path}: has {counted(len(times), 'row')}; start the meter before the run"
        )
    if times[0] > start or times[-1] < end:
        far = min(abs(times[0] - start), abs(times[-1] - end)) > _FAR_S
        hint = "are its times seconds since 1970 and its clock right?" if far else "is it running?"
        raise NotMeasurable(
            f"{path}: covers {_said(times[0])} to {_said(times[-1])}, the window was "
            f"{_said(start)} to {_said(end)}: {hint}"
        )
    spacing_s = log.spacing_s
    if spacing_s <= 0:
        raise NotMeasurable(
            f"{path}: most of its rows have the time of the row above; let the meter log fractions "
            "of a second"
        )
    edge_s = spacing_s
    if log.energy_j:
        # a gap inside the window loses nothing of a counter, one at an end does
        edge_s = max(spacing_s, _between(times, start), _between(times, end))
        if edge_s > GAP_PERIODS * spacing_s:
            raise NotMeasurable(
                f"{path}: has a gap of {edge_s:.3g} s at an end of the window, its rows are "
                f"{spacing_s:.3g} s apart otherwise"
            )
        joules = _counted(log, start=start, end=end)
        rates = [
            ((t0 + t1) / 2, (e1 - e0) / (t1 - t0))
            for (t0, e0), (t1, e1) in pairwise(zip(times, log.energy_j, strict=True))
            if t1 > t0 and t1 > start and t0 < end
        ]
        shown = rates
        largest, what = max(rate for _, rate in rates), "energy"
        largest_shown, reason = None, "the log counts energy only"
    else:
        gap_s = largest_gap_s(times, start=start, end=end)
        if gap_s > GAP_PERIODS * spacing_s:
            raise NotMeasurable(
                f"{path}: has a gap of {gap_s:.3g} s in the window, its rows are {spacing_s:.3g} s "
                "apart otherwise"
            )
        samples = [Sample(at=t, power_w=p) for t, p in zip(times, log.power_w, strict=True)]
        joules = integrate(samples, start=start, end=end)
        around_s = _AROUND * (end - start)
        shown = [(s.at, s.power_w) for s in samples if start - around_s <= s.at <= end + around_s]
        inside = [s.power_w for s in samples if start - spacing_s <= s.at <= end + spacing_s]
        largest, what = max(inside), "power"
        largest_shown, reason = largest, None
    if joules <= 0:
        raise NotMeasurable(f"{path}: shows no energy in the window; is the meter switched on?")
    margin = edge_s * largest
    if not math.isfinite(joules + margin):
        raise NotMeasurable(f"{path}: its {what} is too large to be summed; is its unit right?")
    rows = sum(start <= t <= end for t in times)
    moves = f", its counter moves every {log.period_s:.3g} s" * (log.period_s > spacing_s)
    offset_s = log.number("clock_offset_s", default=0.0)
    return EnergyReading(
        energy_j=joules,
        seconds=end - start,
        source="csv",
        boundary=log.boundary or WALL,
        how=(
            f"{path.name}: {counted(rows, 'row')} of {what}, {spacing_s:.3g} s apart{moves}; clock "
            f"offset {offset_s:g} s"
        ),
        max_power_w=largest_shown,
        max_power_reason=reason,
        idle_power_reason="idle power was not measured",
        low_j=max(0.0, joules - margin),
        high_j=joules + margin,
        course=course(shown, started=start, how=f"{path.name}: {what} every {spacing_s:.3g} s"),
        course_reason=None if len(shown) > 1 else "fewer than two rows in the window",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    path: Path
    clock: Clock
    started: float
    least_periods: int

    def stop(self) -> EnergyReading:
        ended = self.clock.now()
        log = self._reaching(ended)
        offset_s = log.number("clock_offset_s", default=0.0)
        found = energy_between(log, start=self.started + offset_s, end=ended + offset_s)
        if found.seconds < self.least_periods * log.period_s:
            what = "rows" if log.period_s == log.spacing_s else "steps of the counter"
            raise NotMeasurable(
                f"the window of {found.seconds:.2f} s is under {self.least_periods} {what} of "
                f"{self.path}, which are {log.period_s:.3g} s apart; let the meter log faster"
            )
        return found

    def _reaching(self, ended: float) -> Log:
        """The log once it reaches past the window, or as it is after `WAIT_S`."""
        while True:
            log = read(self.path, growing=True)
            offset_s = log.number("clock_offset_s", default=0.0)
            reached = bool(log.times) and log.times[-1] >= ended + offset_s
            if reached or self.clock.now() >= ended + WAIT_S:
                return log
            self.clock.pause(_LOOK_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Csv:
    path: Path | None = None
    clock: Clock = _WALL_CLOCK
    window_s: float = LEAST_WINDOW_S
    measures: bool = True
    boundary: str = "wall, or as the log says"
    needs: str = "any meter's time-stamped log: --meter csv:FILE (columns time and power or energy)"

    def of(self, path: Path) -> _Csv:
        """The meter that reads one log."""
        return replace(self, path=path)

    def check(self, subject: Subject) -> None:
        log = read(self._file(), growing=True)
        offset_s = log.number("clock_offset_s", default=0.0)
        if len(log.times) < _LEAST_ROWS:
            raise NotMeasurable(
                f"{self.path}: has {counted(len(log.times), 'row')}; start the meter before the run"
            )
        if log.power_w and not math.isfinite(max(log.power_w) * self.window_s):
            raise NotMeasurable(
                f"{self.path}: its power is too large to be summed; is its unit right?"
            )
        ahead_s = log.times[-1] - offset_s - self.clock.now()
        # the last row may be as new as the meter's clock and ours differ by one row
        if ahead_s > max(GAP_PERIODS * log.spacing_s, _IDLE_S):
            raise NotMeasurable(
                f"{self.path}: its last row is {ahead_s:.3g} s in the future, so its clock and "
                "this machine's do not agree; set them, or state # clock_offset_s: SECONDS in it"
            )
        if ahead_s < -_FAR_S:  # what is younger may still be written, a block at a time
            raise NotMeasurable(
                f"{self.path}: its last row is {duration(-ahead_s)} old; is the meter running, are "
                "its times seconds since 1970 and its clock right?"
            )

    def prepare(self, subject: Subject, *, cache: Path | None) -> _Csv:
        least_s = LEAST_PERIODS * read(self._file(), growing=True).period_s * (1 + _UNEVEN)
        return replace(self, window_s=max(LEAST_WINDOW_S, least_s))

    def idle_power(self, subject: Subject) -> Rate:
        spacing_s = read(self._file(), growing=True).spacing_s
        seconds = max(_IDLE_S, _IDLE_PERIODS * spacing_s)
        watch = self._watch(least_periods=0)
        self.clock.pause(seconds)
        found = watch.stop()
        return Rate(
            value=found.mean_power_w,
            how=(
                f"over {seconds:.3g} s before the windows; {found.how}; interval: one row at both "
                "ends"
            ),
            low=None if found.low_j is None else found.low_j / found.seconds,
            high=None if found.high_j is None else found.high_j / found.seconds,
        )

    def start(self, subject: Subject) -> _Watch:
        return self._watch(least_periods=LEAST_PERIODS)

    def _watch(self, *, least_periods: int) -> _Watch:
        return _Watch(
            path=self._file(),
            clock=self.clock,
            started=self.clock.now(),
            least_periods=least_periods,
        )

    def _file(self) -> Path:
        if self.path is None:
            raise NotMeasurable("it reads a meter's log: --meter csv:FILE")
        return self.path


METER = _Csv()


def _counted(log: Log, *, start: float, end: float) -> float:
    """Joules between two times by a counter, interpolated between its rows."""
    return _at(log.times, log.energy_j, end) - _at(log.times, log.energy_j, start)


def _between(times: Sequence[float], time: float) -> float:
    """Seconds between the two rows around a time that the log covers."""
    after = min(max(bisect_left(times, time), 1), len(times) - 1)
    return times[after] - times[after - 1]


def _at(times: Sequence[float], values: Sequence[float], time: float) -> float:
    for (t0, v0), (t1, v1) in pairwise(zip(times, values, strict=True)):
        if t0 <= time <= t1:
            return v0 + (v1 - v0) * ((time - t0) / (t1 - t0) if t1 > t0 else 1.0)
    raise AssertionError(time)


def _said(seconds: float) -> str:
    return f"{seconds:.3f}"
