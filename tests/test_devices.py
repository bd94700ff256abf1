"""Tests of benchsuite.devices."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchsuite import devices, plugins, probe
from benchsuite.devices import Kernel, cpu, xpu
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.harness import probing
from benchsuite.types import DeviceInfo, Rate

from .measurements import DEVICE


def test_a_probes_idle_power_has_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """`hw probe --json` gives what the meter leaves open, as a run's row does."""
    rate = Rate(value=60.0, low=55.0, high=66.0, how="made up")
    meter = SimpleNamespace(idle_power=lambda subject: rate)
    monkeypatch.setattr(probe.meters, "choose", lambda *_, **__: ("made up", meter))
    subject = probe.meters.Subject(device=DEVICE, envelope=None, threads=1)
    found = probe._idle(subject, preferred=(), cache=Path("/nowhere"))
    assert found == {"value": 60.0, "low": 55.0, "high": 66.0, "how": "made up"}


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
    for name in ("SWEEP_S", "FINAL_S", "CONFIRM_S", "BANDWIDTH_S", "CALIBRATION_S"):
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


def test_the_processors_sweep_asks_several_libraries_for_products_and_convolutions() -> None:
    """One library's product is not the peak: torch's own, oneDNN's packed one, convolutions."""
    info = devices.find("cpu")
    names = [k.name for k in cpu.DEVICE.compute_kernels(info, precision="fp32", threads=2)]
    for part in ("torch matrix product", "torch convolution 3x3"):
        assert any(name.startswith(part) for name in names)
    assert len(set(names)) == len(names)


def test_streams_count_their_bytes_as_stream_does() -> None:
    """Copy has two arrays, triad and update three; what a cache fetches besides is not counted."""
    info = devices.find("cpu")
    copy, triad, update = cpu.DEVICE.bandwidth_kernels(info)
    assert triad.amount == update.amount == 1.5 * copy.amount
    caches = info.facts["caches"]
    largest_b = max((level["bytes"] * level["instances"] for level in caches), default=0)
    assert copy.amount / 2 >= min(4 * largest_b, 1 << 30, info.memory_b // 16)


def test_a_cache_level_is_read_within_its_own_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each level is read with a quarter of its bytes, over and over; one without has none."""
    monkeypatch.setattr(probing, "CACHE_S", 0.002)
    info = replace(DEVICE, facts={"caches": [{"level": "L2", "bytes": 1 << 20, "instances": 1}]})
    (level,) = probing.caches(cpu.DEVICE, info)
    assert level["level"] == "L2"
    assert level["size_b"] == 1 << 20
    assert level["value"] > 0
    assert "256 KiB" in level["how"]
    assert probing.caches(_Fake(), info) == []  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["mps", "xpu"])
def test_an_accelerator_that_is_not_there_is_one_sentence(kind: str) -> None:
    """On a machine without one, `--device` says what it would need."""
    with pytest.raises(BadInput, match=f"--device {kind}: torch finds no") as caught:
        devices.find(kind)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        (("cpu",), "cpu"),
        (("cpu", "mps"), "mps"),
        (("cpu", "mps", "xpu"), "xpu"),
        (("cpu", "mps", "xpu", "cuda"), "cuda"),
        (("cpu", "mychip"), "cpu"),
    ],
)
def test_the_default_device_is_the_first_accelerator_that_is_there(
    monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], chosen: str
) -> None:
    """CUDA before XPU before Metal before the processor; a kind of your own is named by you."""

    class Fake:
        def __init__(self, kind: str) -> None:
            self.kind = kind

        def discover(self) -> tuple[DeviceInfo, ...]:
            if self.kind not in there:
                raise NotMeasurable("none here")
            return (replace(DEVICE, kind=self.kind),)

    monkeypatch.setattr(devices, "device", Fake)
    assert devices.default_device().kind == chosen


def test_an_accelerator_that_torch_drives_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """With torch's accelerator API answering, `xpu` is found and is the default."""
    import torch

    properties = SimpleNamespace(name="Arc", total_memory=1 << 34, gpu_subslice_count=32)
    module = SimpleNamespace(get_device_properties=lambda index: properties)
    monkeypatch.setattr(xpu, "_NODES", (Path("/"),))
    monkeypatch.setattr(
        torch.accelerator, "current_accelerator", lambda check_available: torch.device("xpu")
    )
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    monkeypatch.setattr(torch, "get_device_module", lambda kind: module)
    monkeypatch.setattr(devices.device("cuda"), "discover", lambda: _none_here())
    found = devices.default_device()
    assert (found.label, found.name, found.units, found.memory_b) == ("xpu:0", "Arc", 32, 1 << 34)
    monkeypatch.setattr(xpu, "_NODES", ())
    assert devices.default_device().kind != "xpu"


def _none_here() -> tuple[DeviceInfo, ...]:
    raise NotMeasurable("none here")


def test_a_vendors_chip_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The README's file, dropped among the devices, is found, named and probed."""
    text = Path(__file__).parents[1].joinpath("README.md").read_text()
    example = text.split("### add a device")[1].split("```python\n")[1].split("```")[0]
    (tmp_path / "mychip.py").write_text(example)
    monkeypatch.setattr(devices, "__path__", [*devices.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "benchsuite.devices.mychip", raising=False)
    for name in ("SWEEP_S", "FINAL_S", "CONFIRM_S", "BANDWIDTH_S"):
        monkeypatch.setattr(probing, name, 0.002)
    assert "mychip" in devices.kinds()
    info = devices.find("mychip:0")
    assert info.name == "My chip"
    found = probing.probe(devices.device("mychip"), info, precision="fp32", threads=0)
    assert found.peak.value > 0
    assert found.bandwidth.value > 0
    sys.modules.pop("benchsuite.devices.mychip", None)


@pytest.mark.slow
def test_a_vendors_chip_in_a_folder_of_ones_own_is_probed_and_run(
    content: Path, tmp_path: Path
) -> None:
    """As a user who installed the wheel does: `--content DIR`, in processes of their own."""
    text = Path(__file__).parents[1].joinpath("README.md").read_text()
    example = text.split("### add a device")[1].split("```python\n")[1].split("```")[0]
    (content / "devices").mkdir()
    (content / "devices" / "mychip.py").write_text(example)
    command = [sys.executable, "-m", "benchsuite"]
    given = ["--content", str(content), "--device", "mychip"]
    probed = subprocess.run([*command, "hw", "probe", *given], capture_output=True, text=True)
    assert probed.returncode == 0, probed.stderr
    assert "My chip" in probed.stdout
    out = tmp_path / "results.json"
    store = ["--store", str(tmp_path / "store.db"), "--json", str(out)]
    ran = subprocess.run(
        [*command, "run", "image/tiny", *given, *store, "--backend", "eager"],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "My chip" in out.read_text()
    unknown = subprocess.run([*command, "hw", "probe", "--device", "mychip"], capture_output=True)
    assert unknown.returncode == 2


def test_a_plug_in_may_not_take_a_name_that_is_taken(tmp_path: Path) -> None:
    """`devices/cpu.py` in a user's folder is refused in one sentence, not passed over."""
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "cpu.py").write_text("")
    before = list(devices.__path__)
    with pytest.raises(BadInput, match=r"cpu\.py: devices has a cpu already"):
        plugins.search((devices,), [tmp_path])
    assert list(devices.__path__) == before
    plugins.search((devices,), [tmp_path / "elsewhere"])
    assert list(devices.__path__) == before
