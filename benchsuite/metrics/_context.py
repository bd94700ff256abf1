"""What every metric is computed from, and the few sums that several of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from benchsuite.accounting.roofline import roofline_seconds
from benchsuite.goals import Goals
from benchsuite.hw import DeviceModel, Figure, share
from benchsuite.types import Count, Layer, Measurement, MetricInfo, Rate, Value, Window

ELEMENT_B = {"fp32": 4.0, "tf32": 4.0, "bf16": 2.0, "fp16": 2.0, "int8": 1.0}


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A raw window, and what follows from it alone."""

    window: Window

    @cached_property
    def throughput(self) -> float:
        """Frames per second over the window."""
        return self.window.frames / self.window.seconds

    @cached_property
    def ordered_ns(self) -> list[int]:
        """The window's durations, ascending."""
        return sorted(self.window.durations_ns)


@dataclass(frozen=True, kw_only=True)
class Context(Timed):
    """One measured window of one system, with what is known of its device.

    Quantities of counting are means over the load cycle: each signature by its share.
    """

    measurement: Measurement
    model: DeviceModel | None
    goals: Goals | None = None

    @cached_property
    def element_b(self) -> float:
        """Bytes of one weight or activation at the precision that ran."""
        return ELEMENT_B[self.measurement.precision_ran]

    @cached_property
    def counts(self) -> tuple[Count, ...]:
        """The counts at the window's batch size, one a signature."""
        batch = self.window.batch
        return tuple(count for count in self.measurement.counts if count.batch == batch)

    @cached_property
    def frames(self) -> float:
        """Frames in one load cycle at the window's batch."""
        return sum(count.share * count.frames for count in self.counts)

    def per_frame(self, quantity: Callable[[Count], float]) -> float:
        """A quantity of a `Count`, summed over the load cycle and divided by its frames."""
        return sum(count.share * quantity(count) for count in self.counts) / self.frames

    @cached_property
    def work(self) -> float:
        """FLOP per frame, padding taps included."""
        return self.per_layer(lambda layer: layer.work)

    @cached_property
    def drift(self) -> float:
        """Today's calibration of compute over the pinned one; 1 where none was run."""
        runs = self.measurement.calibrations
        if not runs:
            return 1.0
        mean = sum(run.peak for run in runs) / len(runs)
        return mean / self.measurement.probe.calibration_peak

    @cached_property
    def peak(self) -> float:
        """FLOP/s that can be reached now at this precision and thread count."""
        return self.measurement.probe.peak.value * self.drift

    @cached_property
    def datasheet_peak(self) -> Figure | None:
        """Published FLOP/s at the precision that ran, of the used part of the device.

        A GPU's figure is at its boost clock, so a processor's is too where it has one.
        """
        if self.model is None:
            return None
        part = share(self.model, self.used_units)
        precision = self.measurement.precision_ran
        return part.boost_peaks.get(precision) or part.peaks.get(precision)

    @property
    def used_units(self) -> int:
        """Cores that the configuration's threads use; multiprocessors of a GPU."""
        return self.measurement.device.units_of(self.measurement.probe.threads)

    @cached_property
    def power_envelope(self) -> Rate | None:
        """W: the driver's where it tells, else the datasheet's.

        A processor's datasheet figure is taken for the cores that the threads use, as its peak
        is; where a meter measured the energy, for the package, which is all that it can see.
        """
        if self.measurement.power_envelope is not None:
            return self.measurement.power_envelope
        if self.model is None:
            return None
        energy, units, how = self.window.energy, self.used_units, ""
        if energy is not None and energy.source != "modelled":
            cores = self.model.cores
            units = max(units, int(cores.value) if cores else units)
            how = f"the whole device, as the meter's boundary ({energy.boundary}) holds; "
        figure = share(self.model, units).power_envelope
        return None if figure is None else Rate(value=figure.value, how=how + figure.source)

    def no_datasheet_peak(self) -> str:
        """Why there is no datasheet peak."""
        if self.model is None:
            return "no hw/*.toml describes this device"
        return f"hw/{self.model.key}.toml has no {self.measurement.precision_ran} peak"

    @cached_property
    def roofline_s(self) -> float:
        """Seconds per frame by the layer-by-layer roofline."""
        return self.per_frame(
            lambda count: roofline_seconds(
                count,
                peak=self.peak,
                bandwidth=self.measurement.probe.bandwidth.value,
                element_b=self.element_b,
            )
        )

    def per_layer(self, quantity: Callable[[Layer], float]) -> float:
        """A quantity of a `Layer`, summed over layers and load cycle, per frame."""
        return self.per_frame(lambda count: sum(quantity(layer) for layer in count.layers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A line of a team's table: what the metric is and the function that computes it."""

    info: MetricInfo
    compute: Callable[[Context], Value]


def missing(reason: str, *, how: str = "not measured") -> Value:
    """A value that is not there, with the reason."""
    return Value(value=None, how=how, reason=reason)
