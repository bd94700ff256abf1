"""A made-up measurement with round numbers, for tests of metrics, store and classes."""

from __future__ import annotations

from benchsuite.types import (
    OFFLINE,
    Calibration,
    Count,
    DeviceInfo,
    Distance,
    EnergyReading,
    Fingerprint,
    Layer,
    Measurement,
    Probe,
    Rate,
    Score,
    Window,
)

DEVICE = DeviceInfo(
    kind="cpu", index=0, name="A processor", units=4, memory_b=8 << 30,
    facts={"caches": [{"level": "L1", "bytes": 32 << 10, "instances": 4}]},
)  # fmt: skip


def layer(work: float = 1e6) -> Layer:
    return Layer(
        name="conv", kind="Conv2d", work=work, work_without_padding=0.9 * work, parameters=1000,
        output_shape=(1, 10), input_elements=500, weight_elements=1000, output_elements=500,
    )  # fmt: skip


def window(scenario: str = OFFLINE, *, queries: int = 1000, batch: int = 1) -> Window:
    return Window(
        scenario=scenario, batch=batch, durations_ns=tuple(range(1, queries + 1)), queries=queries,
        frames=float(queries * batch), seconds=2.0, warmup_s=0.5, steady=True, movement=0.001,
        energy=EnergyReading(
            energy_j=20.0, seconds=2.0, source="rapl", boundary="package", how="test",
            max_power_w=12.0, idle_power_w=4.0,
        ),
        peak_memory_b=1 << 20,
    )  # fmt: skip


def measurement(*, windows: tuple[Window, ...] = (), work: float = 1e6) -> Measurement:
    score = Score(value=0.9, samples=100, how="top-1", low=0.85, high=0.93)
    return Measurement(
        windows=windows or (window(),),
        counts=(
            Count(batch=1, frames=1.0, layers=(layer(work),), parameters=1000, input_elements=500,
                  output_elements=10, training_work=3 * work),
        ),
        probe=Probe(
            precision="fp32", threads=2, peak=Rate(value=8e9, how="probe"), kernel="k",
            bandwidth=Rate(value=1e9, how="stream"), calibration_peak=7e9,
            calibration_bandwidth=0.9e9, measured_at="2026-01-01T00:00:00+00:00",
        ),
        device_peak=Rate(value=16e9, how="whole device"),
        calibrations=(
            Calibration(peak=7.7e9, bandwidth=1e9, seconds=0.1),
            Calibration(peak=6.3e9, bandwidth=1e9, seconds=0.1),
        ),
        compile_time_s=0.5, compile_how="eager", precision_ran="fp32",
        distance=Distance(relative_error=0.0, agreement=1.0, tolerance=1e-3, samples=4),
        distance_reason=None, accuracy=score, accuracy_reason=None, reference=score,
        reference_reason=None, device=DEVICE, samples_trained=50,
        fingerprint=Fingerprint(network="n", weights="w", data="d", software="s", device="x",
                                configuration="c"),
        environment={"machine": "test"},
    )  # fmt: skip
