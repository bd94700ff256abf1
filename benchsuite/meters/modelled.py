"""Energy by a model where there is no meter: power envelope times utilisation, marked as such."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

from benchsuite.errors import NotMeasurable
from benchsuite.meters import Subject
from benchsuite.types import EnergyReading, Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    subject: Subject
    envelope: Rate
    cpu_s: float  # of all threads; not os.times, whose ticks of 10 ms are as long as a turn
    started: float

    def stop(self) -> EnergyReading:
        seconds = perf_counter() - self.started
        device = self.subject.device
        if device.kind == "cpu":
            units = device.units_of(self.subject.threads)
            share = min(1.0, (process_time() - self.cpu_s) / (seconds * units))
            cores = "1 core" if units == 1 else f"{units} cores"
            used = f"{share:.0%} of {cores} busy, idle cores at 0 W"
        else:
            share, used = 1.0, "taken as fully used"
        return EnergyReading(
            energy_j=self.envelope.value * share * seconds,
            seconds=seconds,
            source="modelled",
            boundary="package" if device.kind == "cpu" else "board",
            how=f"power envelope {self.envelope.value:.3g} W x {used} ({self.envelope.how})",
            max_power_reason="modelled power has no samples",
            idle_power_reason="the model has no idle power",
            course_reason="modelled power has no samples",
        )


class _Modelled:
    window_s = 0.0
    measures = False
    boundary = "package (processor) or board"
    needs = "the power envelope in the driver or in hw/*.toml; it measures nothing"

    def check(self, subject: Subject) -> None:
        if subject.envelope is None:
            raise NotMeasurable(
                f"no hw/*.toml gives the power envelope of {subject.device.name!r}; describe it in "
                "hw/NAME.toml under --content DIR"
            )

    def prepare(self, subject: Subject, *, cache: Path | None) -> _Modelled:
        return self

    def idle_power(self, subject: Subject) -> Rate:
        raise NotMeasurable("no meter here; a model of the device has no idle power")

    def start(self, subject: Subject) -> _Watch:
        assert subject.envelope is not None
        return _Watch(
            subject=subject,
            envelope=subject.envelope,
            cpu_s=process_time(),
            started=perf_counter(),
        )


METER = _Modelled()
