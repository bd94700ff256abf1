"""Tests of tests/gpu_check.py as far as a machine without a GPU can: choice, file, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchsuite import catalog
from benchsuite.errors import NotMeasurable
from benchsuite.meters._boards import CounterPeriod
from benchsuite.store import open_store
from benchsuite.types import Clocks, Value

from . import gpu_check
from .fake_nvml import FakeBoard, FakeNvml
from .measurements import window
from .test_meters import ON_GPU
from .test_store import result, run_info, spec


def test_without_a_gpu_it_ends_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback, and nothing is measured."""

    def none() -> tuple[object, ...]:
        raise NotMeasurable("no NVIDIA driver answers here")

    monkeypatch.setattr(gpu_check.devices, "device", lambda kind: SimpleNamespace(discover=none))
    assert gpu_check.main([]) == 2
    said = capsys.readouterr().err
    assert said == (
        "gpu-check: needs a machine with an NVIDIA GPU: no NVIDIA driver answers here\n"
    )


def test_it_picks_at_least_eight_networks_of_the_catalogue() -> None:
    """Each has a reference scale; speech and video stand beside the images."""
    found = catalog.load_catalog(catalog.content_roots(()))
    names = gpu_check.pick(found, at_most=12)
    assert gpu_check.LEAST_NETWORKS <= len(names) <= 12
    assert len(set(names)) == len(names)
    assert {name.split("/")[0] for name in names} == {"audio", "image", "video"}
    assert all("reference" in found.entries[name].workload.scales for name in names)


def test_the_file_has_the_results_schema_and_the_windows(tmp_path: Path) -> None:
    """Counter against samples, interval and clocks stand beside the results."""
    store = open_store(tmp_path / "r.db")
    info = run_info()
    store.add_run(info, plan=[spec()])
    energy = window().energy
    assert energy is not None
    shown = replace(
        window(),
        energy=replace(energy, source="nvml counter", disagreement=0.012, low_j=19.9, high_j=20.1),
        clocks=Clocks(samples=3, sm_clock_hz=1.4e9, reasons={"power cap": 1.0}),
    )
    store.add(result(), environment={}, window=shown)
    found = gpu_check.document(store, info, {"meter": [], "probe": {}})
    assert found["schema"] == "benchsuite/results/1"
    assert len(found["results"]) == 1
    (row,) = found["gpu_check"]["windows"]
    assert (row["samples_against_counter"], row["low_j"]) == (0.012, 19.9)
    assert row["clocks"]["reasons"] == {"power cap": 1.0}


def test_it_fails_where_too_few_energies_were_measured() -> None:
    """Modelled ones do not count; a precision that ran needs as many, one that did not none."""
    rows = [result(key=replace(result().key, workload=f"image/n{number}")) for number in range(8)]
    assert gpu_check.verdict(rows) is None
    halves = [replace(r, key=replace(r.key, precision="fp16")) for r in rows]
    assert gpu_check.verdict([*rows, *halves]) is None
    assert "7 networks was measured at fp16" in str(gpu_check.verdict([*rows, *halves[1:]]))
    skipped = replace(halves[0], status="skipped", reason="no fp16 here")
    assert gpu_check.verdict([*rows, skipped]) is None
    assert "0 networks was measured at fp32" in str(gpu_check.verdict(halves))
    value = result().metrics["energy_per_frame"]
    modelled = {**rows[0].metrics, "energy_per_frame": replace(value, how="modelled, boundary x")}
    said = gpu_check.verdict([*rows[1:], replace(rows[0], metrics=modelled)])
    assert said is not None
    assert said.startswith("the energy of 7 networks was measured at fp32, 8 are needed")
    absent = Value(value=None, how="not measured", reason="no meter: nvml: none")
    said = gpu_check.verdict(
        [replace(r, metrics={**r.metrics, "energy_per_frame": absent}) for r in rows]
    )
    assert str(said).endswith("the first reason: no meter: nvml: none")


def test_the_boards_facts_are_told_with_reasons(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Period, kind of power readings and clocks; a board without a counter says so."""
    fake = FakeNvml(boards=[FakeBoard(uuid="GPU-aaa1", energy_mj=lambda: 5)])
    monkeypatch.setitem(__import__("sys").modules, "pynvml", fake)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    period = CounterPeriod(period_s=0.02, moves=20, step_j=1.0)
    monkeypatch.setattr(gpu_check.nvml, "counter_period", lambda read: period)

    def no_idle(boards: object) -> None:
        raise NotMeasurable("not idle")

    monkeypatch.setattr(gpu_check.nvml, "idle_power", no_idle)
    (board,) = gpu_check.board_facts(ON_GPU, cache=tmp_path)
    assert board["counter"] == {"period_s": 0.02, "moves": 20, "step_j": 1.0}
    assert board["clocks_idle"]["sm_clock_hz"] == 1.41e9
    assert board["idle_power"]["reason"] == "not idle"
    monkeypatch.setattr(gpu_check.nvml, "counter_period", lambda read: None)
    (board,) = gpu_check.board_facts(ON_GPU, cache=tmp_path / "other")
    assert board["counter"] is None
    assert board["counter_reason"] == "the board has no energy counter"


def test_a_devices_name_becomes_a_files() -> None:
    """Small letters and hyphens only."""
    assert gpu_check.slug("NVIDIA A100-SXM4-40GB") == "nvidia-a100-sxm4-40gb"
