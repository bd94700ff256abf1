"""Tests of `benchsuite.terminal`: tables that stay readable at any width."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from benchsuite import formatting, terminal
from benchsuite.accounting.summary import LayerTotals, WorkloadCount
from benchsuite.attribution import ENERGY, THROUGHPUT, split
from benchsuite.terminal import count_table, doubts, plain_table, results_table, shares_table
from benchsuite.types import Doubt, Value
from benchsuite.units import MISSING
from tests.fakes import ENDLESS, HOSTILE, failed, result, troubled_run, whole_run


def shown(renderable: RenderableType, *, width: int = 160) -> str:
    """What is printed, without colour."""
    file = io.StringIO()
    Console(file=file, width=width, color_system=None, highlight=False).print(renderable)
    return file.getvalue()


COUNTED = WorkloadCount(
    workload="image/[bold]lenet",
    scale="embedded",
    batch=2,
    frame="image",
    work=252_000.0,
    work_without_padding=241_800.0,
    parameters=1_210,
    model_size=4_840.0,
    activations=37_672.0,
    traffic=81_000.0,
    uncounted=("aten.bilinear",),
    layers=(
        LayerTotals(
            name="features.0",
            kind="Conv2d",
            work=235_200.0,
            work_without_padding=225_000.0,
            parameters=156,
            output_shape=(2, 6, 28, 28),
            traffic=44_528.0,
        ),
        LayerTotals(
            name="classifier",
            kind="Linear",
            work=16_800.0,
            work_without_padding=16_800.0,
            parameters=1_054,
            output_shape=(2, 10),
            traffic=4_968.0,
        ),
    ),
)


@pytest.mark.parametrize("width", [80, 116, 160])
def test_the_table_fits_the_terminal(width: int) -> None:
    """One line a system, no line wider than the terminal, no number wrapped."""
    lines = shown(results_table(whole_run()), width=width).splitlines()
    assert all(len(line) <= width for line in lines)
    systems = [line for line in lines if "eager fp32" in line or "onnxruntime fp32" in line]
    assert len(systems) == 10
    assert all(line.rstrip().endswith("%") for line in systems)


def test_the_wide_table_has_every_column() -> None:
    """Accuracy with its mark, throughput, both latencies, energy and both fractions are there."""
    text = shown(results_table(whole_run()))
    line = next(line for line in text.splitlines() if "squeezenet" in line and "onnx" in line)
    for part in (
        "98.2 % ✓",
        "8\u202f270 image/s",
        "220 µs / 233 µs",
        "≈ 2.59 mJ",
        "77.2 %",
        "93.0 %",
    ):
        assert part in line


def test_measured_energy_carries_no_sign_of_a_model() -> None:
    """Only what is modelled is marked so."""
    assert "≈" not in shown(results_table([result(source="rapl")]))


def test_trouble_is_said_with_its_reason() -> None:
    """Failed, skipped and unranked systems are listed with why; classes stand apart."""
    text = shown(results_table(troubled_run()))
    assert "failed audio/deepspeech2 · openvino fp32, Offline: the worker was killed" in text
    assert "skipped text/word2vec · openvino fp32, Offline: the budget of 60 s" in text
    assert "unranked image/squeezenet · onnxruntime int8: accuracy 0.951 misses" in text
    assert "95.1 % ✗" in text
    for name in ("speed-only:", "embedded:", "unranked:", "not measured"):
        assert name in text


def test_a_run_that_failed_has_reasons_and_no_table() -> None:
    """Nothing measured gives no empty table."""
    text = shown(results_table([failed()]))
    assert text.startswith("failed image/squeezenet")
    assert "accuracy" not in text


def test_names_cannot_steer_the_terminal() -> None:
    """Control and direction characters are replaced, markup is text, endless names are cut."""
    odd = result("image/[red]x\x1b[31m", backend=HOSTILE)
    text = shown(results_table([odd, failed(backend=ENDLESS, reason=ENDLESS + "\x1b]0;t\x07")]))
    assert "[red]x" in text
    assert not {"\x1b", "\x07", "\u202e", "\u2028"} & set(text)
    assert len(text) < 4000


def test_shares_are_listed_with_their_owners() -> None:
    """Each factor has a line with its owner and ratio, the whole the last."""
    lines = shown(shares_table(split(result(), result(backend="onnxruntime"), ENERGY))).splitlines()
    roofline = next(line for line in lines if "fraction of roofline" in line)
    assert roofline.split()[-3:] == ["software", "team", "÷2.11"]
    assert lines[-1].startswith("energy per frame, modelled")
    assert lines[-1].rstrip().endswith("÷2.11")


def test_a_refused_split_is_a_sentence() -> None:
    """A refusal shows the reason in the place of the table."""
    text = shown(shares_table(split(result(), failed(), THROUGHPUT)))
    assert text.startswith("No split: to: failed: the worker was killed")


def test_layers_are_listed_with_totals_and_what_is_not_counted() -> None:
    """Each layer has its shape, parameters, work with and without padding, traffic, share."""
    text = shown(count_table(COUNTED))
    assert "image/[bold]lenet, embedded, batch 2: per image, fp32" in text
    layer = next(line for line in text.splitlines() if line.startswith("features.0"))
    assert layer.split() == [
        "features.0", "Conv2d", "2x6x28x28", "156", "235", "kFLOP", "225", "kFLOP", "44.5", "kB",
        "5.28", "93.3", "%"
    ]  # fmt: skip
    assert "not counted: aten.bilinear" in text
    assert "126 kMAC" in text


def test_a_missing_cell_is_a_dash() -> None:
    """A list shows what is missing as missing."""
    text = shown(plain_table("things", ("name", "value"), [("[b]a", None), ("b", ["x", "y"])]))
    assert [line.split() for line in text.splitlines()] == [
        ["things"],
        ["name", "value"],
        ["[b]a", MISSING],
        ["b", "x,", "y"],
    ]


def test_each_kind_of_doubt_is_told_once() -> None:
    """A kind of doubt stands once, with the systems that it was raised against."""
    rows = [
        replace(row, doubts=(Doubt(code="contended", message=f"{i} s were taken. End others"),))
        for i, row in enumerate(whole_run()[:4])
    ]
    text = shown(doubts(rows))
    assert text.splitlines()[0].startswith(
        "doubt contended image/lenet · eager fp32, image/lenet · onnxruntime fp32: 0 s were taken."
    )
    assert "3 more of this kind" in text


def test_an_unranked_system_is_not_told_its_doubt_twice() -> None:
    """Where a doubt is why a system is not ranked, the table only names its kind."""
    message = "other processes took 1 s. End them"
    row = result(
        fields={
            "rank_class": "unranked",
            "class_reason": f"contended: {message}",
            "doubts": (Doubt(code="contended", message=message),),
        }
    )
    text = shown(results_table([row]))
    assert "unranked image/squeezenet · eager fp32: contended\n" in text


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (100.0, 99.0, 101.0, "±1.0%"),
        (11_200.0, 8_099.0, 11_306.0, "−28% +0.95%"),
        (100.0, 100.0, 100.0, "±0%"),
        (100.0, 100.0, 103.0, "−0% +3.0%"),
        (100.0, 96.96, 103.04, "±3.0%"),
    ],
)
def test_a_lopsided_interval_shows_both_ends(
    value: float, low: float, high: float, said: str
) -> None:
    """As `±` only where both halves read the same."""
    assert formatting.spread(value, low=low, high=high) == said
    row = result()
    metrics = {**row.metrics, "throughput": Value(value=value, how="x", low=low, high=high)}
    assert f" {said} " in shown(terminal.results_table([replace(row, metrics=metrics)]))
