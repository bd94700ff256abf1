"""Tests of benchsuite.meters on recorded counters: no meter, GPU or sleep needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchsuite import meters
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.meters import Subject, modelled, nvml, rapl
from benchsuite.types import Rate

from .measurements import DEVICE

SUBJECT = Subject(device=DEVICE, envelope=None, threads=1)


def zone(root: Path, name: str, title: str, *, energy: int, limit: int = 1000) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{title}\n")
    (folder / "max_energy_range_uj").write_text(f"{limit}\n")
    (folder / "energy_uj").write_text(f"{energy}\n")
    return folder


def test_rapl_counts_packages_once(tmp_path: Path) -> None:
    """Packages are summed; their subzones and the platform zone are left out."""
    first = zone(tmp_path, "intel-rapl:0", "package-0", energy=100)
    second = zone(tmp_path, "intel-rapl:1", "package-1", energy=900)
    zone(tmp_path, "intel-rapl:0:0", "core", energy=5)
    zone(tmp_path, "intel-rapl:2", "psys", energy=5)
    meter = rapl._Rapl(tmp_path)
    watch = meter.start(SUBJECT)
    (first / "energy_uj").write_text("300\n")
    (second / "energy_uj").write_text("50\n")  # wrapped at 1000
    reading = watch.stop()
    assert reading.energy_j == pytest.approx((200 + 150) * 1e-6)
    assert (reading.source, reading.boundary) == ("rapl", "package")


def test_rapl_wraps_around() -> None:
    """A counter that starts anew has gone up to its limit first."""
    assert rapl.elapsed_uj(990, 10, wraps_at=1000) == 20
    assert rapl.elapsed_uj(10, 990, wraps_at=1000) == 980


def test_rapl_that_stands_still_is_not_zero_joules(tmp_path: Path) -> None:
    """A counter that did not move is not measurable."""
    zone(tmp_path, "intel-rapl:0", "package-0", energy=100)
    with pytest.raises(NotMeasurable, match="did not move"):
        rapl._Rapl(tmp_path).start(SUBJECT).stop()


def test_rapl_absent_or_forbidden_says_what_helps(tmp_path: Path) -> None:
    """Without counters, and without permission, the reason names the place and the mend."""
    with pytest.raises(NotMeasurable, match="no RAPL package counter"):
        rapl._Rapl(tmp_path).check(SUBJECT)
    folder = zone(tmp_path, "intel-rapl:0", "package-0", energy=1)
    (folder / "energy_uj").write_text("not a number")
    with pytest.raises(NotMeasurable, match="cannot be read"):
        rapl._Rapl(tmp_path).check(SUBJECT)


def test_sampled_power_is_integrated_inside_the_window_only() -> None:
    """10 W, then a ramp to 20 W: trapezoids with interpolated ends."""
    samples = [
        nvml.Sample(at=0.0, power_w=10.0),
        nvml.Sample(at=1.0, power_w=10.0),
        nvml.Sample(at=2.0, power_w=20.0),
    ]
    assert nvml.integrate(samples, start=0.5, end=1.5) == pytest.approx(0.5 * 10 + 0.5 * 12.5)
    with pytest.raises(NotMeasurable, match="do not cover"):
        nvml.integrate(samples, start=0.5, end=2.5)


def test_the_counter_period_is_probed() -> None:
    """A counter that never steps has no period; a missing one neither."""
    assert nvml.counter_period(lambda: 5, seconds=0.01) is None

    def absent() -> int:
        raise NotMeasurable("none")

    assert nvml.counter_period(absent, seconds=0.01) is None
    readings = iter(range(10**6))
    period = nvml.counter_period(lambda: next(readings), seconds=0.05)
    assert period is not None
    assert 0 < period < 0.05


def test_a_model_needs_an_envelope_and_says_it_is_one() -> None:
    """Without a datasheet there is no modelled energy; with one it is marked and bounded."""
    with pytest.raises(NotMeasurable, match=r"hw/\*\.toml"):
        modelled.METER.check(SUBJECT)
    subject = Subject(device=DEVICE, envelope=Rate(value=40.0, how="datasheet"), threads=1)
    modelled.METER.check(subject)
    reading = modelled.METER.start(subject).stop()
    assert reading.source == "modelled"
    assert 0 <= reading.energy_j <= 40.0 * reading.seconds * 1.0001


def test_the_first_meter_that_works_is_taken() -> None:
    """Automatic choice falls through to the model, and names every reason where none works."""
    subject = Subject(device=DEVICE, envelope=Rate(value=40.0, how="datasheet"), threads=1)
    name, _ = meters.choose("auto", subject, preferred=("nvml", "modelled"))
    assert name == "modelled"
    with pytest.raises(NotMeasurable, match=r"nvml: .*modelled: "):
        meters.choose("auto", SUBJECT, preferred=("nvml", "modelled"))
    with pytest.raises(BadInput, match="unknown meter"):
        meters.require("wattmeter")
