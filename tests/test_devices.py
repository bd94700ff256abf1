"""Tests of benchsuite.devices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchsuite import devices
from benchsuite.devices import Kernel, cpu
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.harness import probing
from benchsuite.types import DeviceInfo

from .measurements import DEVICE


def test_the_processor_is_found() -> None:
    """Every machine has a cpu with a name, cores and memory."""
    info = devices.find("cpu")
    assert info.name
    assert info.units >= 1
    assert info.memory_b > 1 << 28
    assert info.label == "cpu"


@pytest.mark.parametrize("name", ["cqu", "cpu:7", "cpu:x", "tpu"])
def test_a_wrong_device_is_refused(name: str) -> None:
    """An unknown kind and an index that is not there are one sentence each."""
    with pytest.raises(BadInput) as caught:
        devices.find(name)
    assert "\n" not in str(caught.value)


def test_kernel_lists_of_processors_are_counted() -> None:
    """The kernel's list syntax, `0-3,8`, names five processors."""
    assert cpu._listed("0-3,8\n") == 5
    assert cpu._listed("0") == 1


class _Fake:
    """A device whose kernels do nothing, at known amounts."""

    kind = "fake"
    meters = ()

    def synchroniser(self, info: DeviceInfo) -> Callable[[], object] | None:
        return None

    def compute_kernels(self, info: DeviceInfo, *, precision: str, threads: int) -> list[Kernel]:
        def broken() -> Callable[[], object]:
            raise RuntimeError("no such instruction")

        return [
            Kernel(name="broken", amount=1e30, make=broken),
            Kernel(name="small", amount=1.0, make=lambda: lambda: None),
            Kernel(name="large", amount=1e6, make=lambda: lambda: None),
        ]

    def bandwidth_kernels(self, info: DeviceInfo) -> list[Kernel]:
        return [Kernel(name="stream", amount=10.0, make=lambda: lambda: None)]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SWEEP_S", "CONFIRM_S", "BANDWIDTH_S", "CALIBRATION_S"):
        monkeypatch.setattr(probing, name, 0.002)


@pytest.mark.usefixtures("quick")
def test_the_best_kernel_wins_and_a_failing_one_is_passed_over() -> None:
    """The sweep keeps the winner's name, and a library that fails does not stop it."""
    found = probing.probe(_Fake(), DEVICE, precision="fp32", threads=2)  # type: ignore[arg-type]
    assert found.kernel == "large"
    assert "large" in found.peak.how
    assert found.peak.value >= found.calibration_peak > 0
    again = probing.Calibrator(_Fake(), DEVICE, found).run()  # type: ignore[arg-type]
    assert again.peak > 0


@pytest.mark.usefixtures("quick")
def test_a_precision_without_kernels_says_so() -> None:
    """Where nothing runs, the reason names the precision."""

    class Bare(_Fake):
        def compute_kernels(
            self, info: DeviceInfo, *, precision: str, threads: int
        ) -> list[Kernel]:
            return []

    with pytest.raises(NotMeasurable, match="int8"):
        probing.probe(Bare(), DEVICE, precision="int8", threads=2)  # type: ignore[arg-type]


@pytest.mark.usefixtures("quick")
def test_a_probe_is_pinned_until_something_changes(tmp_path: Path) -> None:
    """A pinned probe is read back; threads, precision and device each have their own."""
    found = probing.probe(_Fake(), DEVICE, precision="fp32", threads=2)  # type: ignore[arg-type]
    key = probing.pinned_key(DEVICE, precision="fp32", threads=2)
    assert probing.read_pinned(tmp_path, key) is None
    probing.pin(tmp_path, key, found)
    assert probing.read_pinned(tmp_path, key) == found
    assert key != probing.pinned_key(DEVICE, precision="fp32", threads=1)
    assert key != probing.pinned_key(DEVICE, precision="bf16", threads=2)
    (tmp_path / "probes" / f"{key}.json").write_text("{broken")
    assert probing.read_pinned(tmp_path, key) is None


@pytest.mark.usefixtures("quick")
def test_a_probe_on_a_busy_machine_is_doubted_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Three disturbed sweeps give a doubtful probe; the next one, undisturbed, replaces it."""
    monkeypatch.setattr(probing, "PAUSE_S", 0.0)
    said = iter(["busy"] * 3)
    monkeypatch.setattr(probing.contention, "disturbance", lambda found, **_: next(said, None))
    first = probing.ensure(_Fake(), DEVICE, precision="fp32", threads=1, cache=tmp_path)  # type: ignore[arg-type]
    assert first.disturbed == "busy"
    recent = probing.ensure(_Fake(), DEVICE, precision="fp32", threads=1, cache=tmp_path)  # type: ignore[arg-type]
    assert recent == first  # not again within the minute
    monkeypatch.setattr(probing, "RETRY_S", 0.0)
    second = probing.ensure(_Fake(), DEVICE, precision="fp32", threads=1, cache=tmp_path)  # type: ignore[arg-type]
    assert second.disturbed is None
    third = probing.ensure(_Fake(), DEVICE, precision="fp32", threads=1, cache=tmp_path)  # type: ignore[arg-type]
    assert third == second


@pytest.mark.usefixtures("quick")
def test_one_quiet_sweep_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disturbed sweep is thrown away for an undisturbed one, even a slower one."""
    monkeypatch.setattr(probing, "PAUSE_S", 0.0)
    said = iter(["busy", None, "busy"])
    monkeypatch.setattr(probing.contention, "disturbance", lambda found, **_: next(said))
    found = probing.probe(_Fake(), DEVICE, precision="fp32", threads=1)  # type: ignore[arg-type]
    assert found.disturbed is None
    assert next(said) == "busy"
