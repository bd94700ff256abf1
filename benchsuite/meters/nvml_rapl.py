"""NVIDIA boards and the host's processors together: the boundary `board+host`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from benchsuite.errors import NotMeasurable
from benchsuite.meters import Meter, Subject, Watch, nvml, rapl
from benchsuite.types import EnergyReading, Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class _Both:
    board: Watch
    host: Watch

    def stop(self) -> EnergyReading:
        try:
            board = self.board.stop()
        finally:
            host = self.host.stop()
        return total(board, host)


def total(board: EnergyReading, host: EnergyReading) -> EnergyReading:
    """Board and host of one window, summed; the host's power is taken over the board's seconds."""
    part = board.seconds / host.seconds
    host_j = host.energy_j * part
    ends = [
        None if ours is None or theirs is None else ours + theirs * part
        for ours, theirs in ((board.low_j, host.low_j), (board.high_j, host.high_j))
    ]
    return EnergyReading(
        energy_j=board.energy_j + host_j,
        seconds=board.seconds,
        source=f"{board.source} + {host.source}",
        boundary="board+host",
        how=(
            f"sum of {board.energy_j:.4g} J of the board ({board.how}) and {host_j:.4g} J of the "
            f"host ({host.how})"
        ),
        max_power_reason="the host's counter has no samples, so the sum has no largest one",
        idle_power_reason=board.idle_power_reason,
        low_j=ends[0],
        high_j=ends[1],
        disagreement=board.disagreement,
        course_reason="the host's counter has no samples that could be added to the board's",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _NvmlRapl:
    board: Meter = nvml.METER
    host: Meter = rapl.METER
    measures: bool = True
    boundary: str = "board+host"
    needs: str = "what nvml and rapl need, both"

    @property
    def window_s(self) -> float:
        return max(self.board.window_s, self.host.window_s)

    def check(self, subject: Subject) -> None:
        self.board.check(subject)
        try:
            self.host.check(_processor(subject))
        except NotMeasurable as error:
            raise NotMeasurable(f"the host cannot be added: {error}") from None

    def prepare(self, subject: Subject, *, cache: Path | None) -> _NvmlRapl:
        return replace(
            self,
            board=self.board.prepare(subject, cache=cache),
            host=self.host.prepare(_processor(subject), cache=cache),
        )

    def idle_power(self, subject: Subject) -> Rate:
        board = self.board.idle_power(subject)
        host = self.host.idle_power(_processor(subject))
        return Rate(
            value=board.value + host.value,
            how=f"board: {board.how}; host: {host.how}; summed, as are the ends of the intervals",
            low=_sum(board.low, host.low),
            high=_sum(board.high, host.high),
        )

    def start(self, subject: Subject) -> _Both:
        return _Both(board=self.board.start(subject), host=self.host.start(_processor(subject)))


METER = _NvmlRapl()


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second


def _processor(subject: Subject) -> Subject:
    """The subject as the host's meter sees it."""
    return replace(subject, device=replace(subject.device, kind="cpu"))
