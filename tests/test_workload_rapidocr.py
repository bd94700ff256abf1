"""Tests of the PP-OCR workloads: their scores, by hand and with the package's own weights."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from benchsuite import catalog, datasets
from benchsuite.errors import MissingPackage
from benchsuite.harness import network, training
from benchsuite.types import Part, Split

FOLDER = Path(__file__).parents[1] / "workloads" / "image"


def module(name: str) -> ModuleType:
    return catalog.load_entry(FOLDER / f"{name}.py").module


def test_lines_found_are_counted_by_hand() -> None:
    """One line found, one missed, one region beside all lines: precision and recall of a half."""
    page = np.zeros((1, 1, 64, 64), dtype=np.float32)
    page[0, 0, 4:12, 4:40] = 1  # on the first line
    page[0, 0, 50:60, 4:40] = 1  # on none
    page[0, 0, 30, 30] = 1  # too small
    boxes = np.array([[[2, 2, 42, 14], [2, 25, 42, 37]]], dtype=np.float32)
    split = Split(parts=(Part(inputs=(page,), targets={"boxes": boxes}),))
    pytest.importorskip("scipy")
    score = module("rapidocr_det").score([(page,)], split)
    assert score.value == 0.5
    assert "1 of 2 regions are lines, 1 of 2 lines found" in score.how


def test_rendered_lines_are_read(cache: Path) -> None:
    """The recogniser with its real weights reads what was drawn."""
    pytest.importorskip("PIL")
    entry = catalog.load_entry(FOLDER / "rapidocr_rec.py")
    try:
        net = network.build(entry, "embedded")
    except MissingPackage as error:
        pytest.skip(str(error))
    prepared = datasets.prepare("rendered-lines", cache=cache)
    test = datasets.load(prepared.folder, "test")
    network.check_split(entry, "embedded", test)
    inputs = [tuple(a[:12] for a in network.preprocess(entry, p.inputs)) for p in test.parts]
    first = Part(inputs=(), targets={"text": test.parts[0].targets["text"][:12]})
    outputs = training.answers(net, inputs)
    score = entry.module.score(outputs, Split(parts=(first,)))
    assert score.value > 0.95
