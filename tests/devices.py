"""The same network measured on two made-up devices, with its layers counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchsuite import metrics
from benchsuite.hw import DeviceModel, Figure
from benchsuite.types import OFFLINE, SINGLE_STREAM, Count, Fingerprint, Rate, Result, SystemKey
from tests.measurements import DEVICE, layer, measurement, window

SMALL, LARGE = "A processor", "An accelerator"


def model(key: str = "large", **changes: object) -> DeviceModel:
    """The data sheet of the second device: round numbers."""
    fields: dict[str, object] = {
        "key": key, "file": Path(f"hw/{key}.toml"), "name": LARGE, "vendor": "We", "kind": "cuda",
        "year": 2026, "match": (LARGE,), "peaks": {"fp32": Figure(value=64e9, source="sheet")},
        "bandwidth": Figure(value=8e9, source="sheet"),
        "memory": Figure(value=1e9, source="sheet"),
        "power_envelope": Figure(value=40.0, source="sheet"),
    }  # fmt: skip
    return DeviceModel(**fields | changes)  # type: ignore[arg-type]


def counts(*, batch: int = 1, works: Sequence[float] = (1e6,)) -> tuple[Count, ...]:
    """One signature of a few layers, each moving 8000 bytes in fp32."""
    return (
        Count(
            batch=batch, frames=float(batch), parameters=1000,
            layers=tuple(replace(layer(work), name=f"conv{i}") for i, work in enumerate(works)),
        ),
    )  # fmt: skip


def rows(
    *,
    device: str = SMALL,
    speed: float = 1.0,
    peak: float = 1.0,
    backend: str = "eager",
    workload: str = "image/made",
    run: str = "small",
    energy: float = 1.0,
) -> list[Result]:
    """Offline and SingleStream of one system.

    Args:
        speed: Frames a second over those of the small device, which does 500.
        peak: The device's peak over that of the small one.
        energy: Joules over the small one's.
    """  # fmt: skip
    found = []
    for scenario in (OFFLINE, SINGLE_STREAM):
        took = replace(window(scenario), seconds=2.0 / speed)
        assert took.energy is not None
        joules = replace(took.energy, energy_j=20.0 * energy, seconds=took.seconds,
                         low_j=19.8 * energy, high_j=20.2 * energy)  # fmt: skip
        took = replace(took, energy=joules)
        made = measurement(windows=(took,))
        made = replace(
            made,
            counts=counts(),
            device=replace(DEVICE, name=device),
            device_peak=Rate(value=16e9 * peak, how="whole device"),
            probe=replace(made.probe, peak=Rate(value=8e9 * peak, how="probe")),
            power_envelope=Rate(value=15.0, how="sheet"),
        )
        found.append(
            Result(
                run=run, environment=f"e-{run}",
                key=SystemKey(
                    workload=workload, scale="embedded", dataset="made", backend=backend,
                    precision="fp32", batch=1, device_name=device, device_count=1,
                    threads=2 if device == SMALL else 0,
                ),
                domain="image", device="cpu" if device == SMALL else "cuda:0", weights="w",
                scenario=scenario, status="ok", reason=None, rank_class="embedded",
                class_reason=None, frame="image",
                fingerprint=Fingerprint(
                    network="n", weights="w", data="d", software=f"s-{backend}",
                    device=f"h-{device}", configuration="c",
                ),
                metrics=metrics.compute(made, took), target=0.8, measure="top-1",
                measured_at="2026-11-21T02:40:07+00:00", counts=counts(),
            )
        )  # fmt: skip
    return found
