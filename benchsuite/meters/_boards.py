"""How boards' energy counters and power samples become joules, whoever reads them.

NVML's boards and a replayed recording go through the same rules, so that each rule is tested
without a GPU.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from time import perf_counter, sleep
from typing import Protocol

from benchsuite.errors import NotMeasurable
from benchsuite.meters._course import course
from benchsuite.types import EnergyReading, PowerCourse, Rate

SAMPLE_S = 0.02
LEAST_PERIODS = 50
LEAST_WINDOW_S = 5.0
PROBED_MOVES = 20
PROBE_LIMIT_S = 5.0
IDLE_S = 1.0
IDLE_LIMIT_S = 6.0
IDLE_STILL = 0.02
# samples further apart than this do not tell what the power was between them
LARGEST_GAP_S = 0.5
_POLL_S = 0.0005


class Board(Protocol):
    """One board that counts energy or tells power.

    Attributes:
        name: Which board it is.
        power_said: What its power readings are (`instant power`).
        lag_s: How far its power readings may lag behind.
        resolution_j: The energy counter's step.
    """

    name: str
    power_said: str
    lag_s: float
    resolution_j: float

    def energy_j(self) -> float:
        """The energy counter in joules.

        Raises:
            NotMeasurable: It has none.
        """

    def power_w(self) -> float:
        """Watts now.

        Raises:
            NotMeasurable: It tells none.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The time that readings are stamped with; a replay under test has its own."""

    now: Callable[[], float] = perf_counter
    pause: Callable[[float], None] = sleep


REAL_TIME = Clock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A reading of power: watts at a time of the clock."""

    at: float
    power_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterPeriod:
    """How often an energy counter moves, as polling found it.

    Attributes:
        period_s: Median time between two moves.
        moves: How many were seen.
        step_j: Median energy of a move.
    """

    period_s: float
    moves: int
    step_j: float

    @property
    def window_s(self) -> float:
        """The shortest window that the counter can be trusted with."""
        return max(LEAST_WINDOW_S, LEAST_PERIODS * self.period_s)


@dataclass(slots=True, kw_only=True)
class Record:
    """What was read of one board in a window; joules of its counter at both ends.

    Attributes:
        period: Of its counter; None where it has none.
        failure: Why the samples ended early.
    """

    board: Board
    period: CounterPeriod | None
    before_j: float | None = None
    after_j: float | None = None
    samples: list[Sample] = field(default_factory=list)
    failure: str | None = None


def counter_period(
    read: Callable[[], float],
    *,
    clock: Clock = REAL_TIME,
    moves: int = PROBED_MOVES,
    at_most_s: float = PROBE_LIMIT_S,
) -> CounterPeriod | None:
    """Polls an energy counter until it moved a number of times; None where it does not move.

    The first move only starts the clock: when the one before it was is not known.
    """
    try:
        last = read()
    except NotMeasurable:
        return None
    times: list[float] = []
    steps: list[float] = []
    end = clock.now() + at_most_s
    while len(times) <= moves and clock.now() < end:
        value, at = read(), clock.now()
        if value != last:
            times.append(at)
            steps.append(value - last)
            last = value
        clock.pause(_POLL_S)
    if len(times) < 3:
        return None
    return CounterPeriod(
        period_s=median(b - a for a, b in pairwise(times)),
        moves=len(times) - 1,
        step_j=median(steps[1:]),
    )


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


def largest_gap_s(times: Sequence[float], *, start: float, end: float) -> float:
    """The longest time between two stamps of which some lies between `start` and `end`."""
    return max((b - a for a, b in pairwise(times) if b > start and a < end), default=0.0)


def reading(
    records: Sequence[Record], *, started: float, ended: float, maker: str
) -> EnergyReading:
    """The joules of all boards together: by their counters, else by integrated samples.

    Args:
        records: One a board.
        started, ended: The window, in the samples' time.
        maker: Who reads the boards, for the source (`nvml`).

    Raises:
        NotMeasurable: A counter went back or stands still, the window is too short for it, or
            there is neither a counter nor samples enough.
    """
    seconds = ended - started
    counted = [_counted(record, seconds=seconds) for record in records]
    sampled, why_not = _sampled(records, start=started, end=ended)
    peaks = [max((s.power_w for s in record.samples), default=None) for record in records]
    known = [peak for peak in peaks if peak is not None]
    largest = sum(known) if len(known) == len(records) and known else None
    names = ", ".join(record.board.name for record in records)
    of = names if len(records) == 1 else f"{len(records)} boards summed ({names})"
    said = records[0].board.power_said
    joules = [value for value in counted if value is not None]
    over_time = _course(records, started=started)
    why_none = None if over_time is not None else "fewer than two power samples"
    if len(joules) < len(records):
        if sampled is None:
            raise NotMeasurable(why_not or "no power samples")
        lag_s = max(record.board.lag_s for record in records) + SAMPLE_S
        margin = lag_s * (sampled / seconds if largest is None else largest)
        samples = min(len(record.samples) for record in records)
        return EnergyReading(
            energy_j=sampled,
            seconds=seconds,
            source=f"{maker} sampled",
            boundary="board",
            how=(
                f"{samples} samples of {said} every {SAMPLE_S * 1e3:.0f} ms, integrated; {of}; "
                "no energy counter"
            ),
            max_power_w=largest,
            low_j=max(0.0, sampled - margin),
            high_j=sampled + margin,
            course=over_time,
            course_reason=why_none,
        )
    energy_j = sum(joules)
    margin = 0.0
    for record, value in zip(records, joules, strict=True):
        assert record.period is not None
        own = max((s.power_w for s in record.samples), default=value / seconds)
        margin += record.period.period_s * max(own, value / seconds) + record.board.resolution_j
    period_s = max(record.period.period_s for record in records if record.period)
    against = (
        f"integrated samples of {said} {100 * (sampled / energy_j - 1):+.1f} %"
        if sampled is not None
        else f"no samples to hold against it: {why_not}"
    )
    return EnergyReading(
        energy_j=energy_j,
        seconds=seconds,
        source=f"{maker} counter",
        boundary="board",
        how=f"energy counter, period {period_s * 1e3:.3g} ms; {against}; {of}",
        max_power_w=largest,
        max_power_reason=None if largest is not None else "no power samples",
        low_j=max(0.0, energy_j - margin),
        high_j=energy_j + margin,
        disagreement=None if sampled is None else sampled / energy_j - 1,
        course=over_time,
        course_reason=why_none,
    )


def _course(records: Sequence[Record], *, started: float) -> PowerCourse | None:
    """Power of all boards together; they are read one right after another."""
    rounds = zip(*(record.samples for record in records), strict=False)
    said = records[0].board.power_said
    return course(
        [(own[0].at, sum(sample.power_w for sample in own)) for own in rounds],
        started=started,
        how=f"{said} every {SAMPLE_S * 1e3:.0f} ms"
        + (f", {len(records)} boards summed" if len(records) > 1 else ""),
    )


def _counted(record: Record, *, seconds: float) -> float | None:
    """Joules by the board's counter; None where it has none."""
    if record.period is None or record.before_j is None or record.after_j is None:
        return None
    name, period_s = record.board.name, record.period.period_s
    joules = record.after_j - record.before_j
    if joules < 0:
        raise NotMeasurable(
            f"{name}: the energy counter went back, as when the driver is loaded anew"
        )
    if seconds < LEAST_PERIODS * period_s:
        raise NotMeasurable(
            f"the window of {seconds:.2f} s is under {LEAST_PERIODS} periods of {name}'s energy "
            f"counter ({period_s * 1e3:.3g} ms each)"
        )
    if joules == 0:
        raise NotMeasurable(f"{name}: the energy counter stood still for {seconds:.2f} s")
    return joules


def _sampled(
    records: Sequence[Record], *, start: float, end: float
) -> tuple[float | None, str | None]:
    """Joules by integrated samples of every board; or why there are none."""
    total = 0.0
    for record in records:
        name = record.board.name
        if record.failure is not None:
            return None, f"{name}: {record.failure}"
        gap_s = largest_gap_s([s.at for s in record.samples], start=start, end=end)
        if gap_s > LARGEST_GAP_S:
            return None, f"{name}: no power sample for {gap_s:.2f} s"
        try:
            total += integrate(record.samples, start=start, end=end)
        except NotMeasurable as error:
            return None, f"{name}: {error}"
    return total, None


class Watch:
    """Boards being watched: counters at both ends, samples of power between."""

    def __init__(
        self,
        boards: Sequence[tuple[Board, CounterPeriod | None]],
        *,
        maker: str,
        clock: Clock = REAL_TIME,
        background: bool = True,
    ) -> None:
        self._clock = clock
        self._maker = maker
        self._records = [Record(board=board, period=period) for board, period in boards]
        self._done = threading.Event()
        self.sample()
        for record in self._records:
            if record.period is not None:
                record.before_j = record.board.energy_j()
            elif record.failure is not None:
                raise NotMeasurable(record.failure)
        self._started = clock.now()
        self._thread = threading.Thread(target=self._run, daemon=True) if background else None
        if self._thread is not None:
            self._thread.start()

    def sample(self) -> None:
        """Reads every board's power once; one that fails is not asked again."""
        for record in self._records:
            if record.failure is None:
                try:
                    power_w = record.board.power_w()
                except NotMeasurable as error:
                    record.failure = str(error)
                else:
                    record.samples.append(Sample(at=self._clock.now(), power_w=power_w))

    def stop(self) -> EnergyReading:
        """Ends the window; counters and integrated samples are both used."""
        try:
            for record in self._records:
                if record.period is not None:
                    record.after_j = record.board.energy_j()
            ended = self._clock.now()
        finally:  # a board that is gone must not be asked for ever
            self._done.set()
            if self._thread is not None:
                self._thread.join()
        self.sample()
        return reading(self._records, started=self._started, ended=ended, maker=self._maker)

    def _run(self) -> None:
        while not self._done.wait(SAMPLE_S):
            self.sample()


def idle_power(boards: Sequence[Board], *, clock: Clock = REAL_TIME) -> Rate:
    """Watts of all boards with nothing to do: seconds are looked at until two agree within 2 %.

    Raises:
        NotMeasurable: A board tells no power.
    """
    started = clock.now()
    last: float | None = None
    while True:
        watts = []
        end = clock.now() + IDLE_S
        while clock.now() < end:
            watts.append(sum(board.power_w() for board in boards))
            clock.pause(SAMPLE_S)
        mean = sum(watts) / len(watts)
        settled = last is not None and abs(mean - last) <= IDLE_STILL * last
        spent_s = clock.now() - started
        if settled or spent_s >= IDLE_LIMIT_S:
            break
        last = mean
    state = "settled" if settled else "still falling or rising"
    return Rate(
        value=mean,
        low=min(watts),
        high=max(watts),
        how=(
            f"mean of {len(watts)} samples of {boards[0].power_said} over {IDLE_S:g} s before the "
            f"windows, network loaded, nothing queued; {state} after {spent_s:.1f} s; "
            "interval: the smallest and the largest of them"
        ),
    )
