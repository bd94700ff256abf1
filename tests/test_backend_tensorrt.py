"""Tests of benchsuite.backends.tensorrt against a fake of TensorRT's package: no GPU here."""

from __future__ import annotations

import importlib.machinery
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")

from benchsuite.backends import tensorrt as backend
from benchsuite.errors import NotMeasurable
from tests import fake_tensorrt
from tests.test_backends import expected, job, network, sample
from tests.test_graphs import floats, helper, model, onnx, small


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorRT as it would be on a GPU's machine; its tensors live in main memory."""
    monkeypatch.setitem(sys.modules, "tensorrt", fake_tensorrt)
    spec = importlib.machinery.ModuleSpec("tensorrt", None)
    monkeypatch.setattr(fake_tensorrt, "__spec__", spec)
    monkeypatch.setattr(backend, "_device", lambda job: torch.device("cpu"))
    monkeypatch.setattr(backend, "_stream", lambda device: 0)
    monkeypatch.setattr(backend, "_synchronise", lambda device: None)
    fake_tensorrt.CALLS.clear()


def test_it_answers_as_eager_and_keeps_its_engines(tmp_path: Path) -> None:
    """Each batch has an engine; a second preparation takes them from the cache."""
    asked = job(tmp_path)
    with torch.no_grad():
        first = backend.BACKEND.prepare(network(), asked)
    assert fake_tensorrt.CALLS.count("built") == 2
    for batch in (4, 1):
        for out, ref in zip(first.run(sample(batch)), expected(sample(batch)), strict=True):
            np.testing.assert_allclose(out, ref, rtol=1e-4, atol=1e-6)
    assert (first.precision_ran, first.how) == ("fp32", "TensorRT, engine built")
    again = backend.BACKEND.prepare(network(), asked)
    assert fake_tensorrt.CALLS.count("built") == 2
    assert (again.precision_ran, again.how) == ("fp32", "TensorRT, engine from the cache")


@pytest.mark.parametrize("precision", ["tf32", "fp16", "bf16"])
def test_the_precision_is_read_back_from_the_network(tmp_path: Path, precision: str) -> None:
    """TF32 is the builder's flag, off unless asked for; the others are the graph's own types."""
    with torch.no_grad():
        made = backend._built(_exported(tmp_path, precision), sample(4), tf32=precision == "tf32")
    assert made[1] == precision


def _exported(folder: Path, precision: str) -> Path:
    from benchsuite.backends._onnx import export
    from benchsuite.backends._torch import lowered

    folder.mkdir(parents=True, exist_ok=True)
    net = network() if precision == "tf32" else lowered(network(), precision)
    export(net, sample(4), folder / "m.onnx")
    return folder / "m.onnx"


def test_a_users_graph_with_an_open_batch_gets_a_profile(tmp_path: Path) -> None:
    """Open dimensions are fixed at the query's shape, one engine a shape."""
    onnx.save(small(), str(tmp_path / "net.onnx"))
    asked = replace(job(tmp_path / "cache"), graph=tmp_path / "net.onnx")
    backend.BACKEND.prepare(network(), asked)
    assert [call for call in fake_tensorrt.CALLS if call != "built"] == [
        "x (1, 3, 8, 8)",
        "x (4, 3, 8, 8)",
    ]


def test_a_graph_it_cannot_take_says_which(tmp_path: Path) -> None:
    """The parser's own words, in one sentence."""
    nodes = [helper.make_node("Attend", ["x"], ["y"], domain="com.example")]
    onnx.save(model(nodes, [floats("x", "n", 4)], []), str(tmp_path / "net.onnx"))
    asked = replace(job(tmp_path / "cache"), graph=tmp_path / "net.onnx")
    with pytest.raises(NotMeasurable, match="cannot take the graph: no importer"):
        backend.BACKEND.prepare(network(), asked)


def test_what_it_lacks_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind of device, the pip line, or the precision."""
    assert backend.BACKEND.missing("cuda", "fp32") is None
    assert "runs on cuda" in (backend.BACKEND.missing("cpu", "fp32") or "")
    assert "does not run int8" in (backend.BACKEND.missing("cuda", "int8") or "")
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: None)
    assert "pip install tensorrt" in (backend.BACKEND.missing("cuda", "fp32") or "")
