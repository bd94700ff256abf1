"""Tests of benchsuite.backends: the same answers on every backend, at the precision asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchsuite import backends, devices
from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.backends import Job, _artefacts
from benchsuite.devices.cpu import usable_cores
from benchsuite.errors import NotMeasurable
from benchsuite.harness.accuracy import TOLERANCE, distance
from benchsuite.types import Arrays, Executable, Profiled

CPU = devices.find("cpu")
COMPILED = ("compile",)
TWO_CORES = pytest.mark.skipif(usable_cores() < 2, reason="this process may use one core only")


class Tiny(torch.nn.Module):
    """A convolution, a pooling and a classifier: two outputs, one of them not a matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.features = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.classifier = torch.nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = torch.relu(self.features(x))
        return self.classifier(features.mean((2, 3))), features


def sample(batch: int, *, seed: int = 0) -> Arrays:
    return (np.random.default_rng(seed).standard_normal((batch, 3, 8, 8), dtype=np.float32),)


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return Tiny().eval()


def job(cache: Path, precision: str = "fp32", **changes: Any) -> Job:
    made = Job(
        device=CPU, precision=precision, threads=1, samples=(sample(4),), batches=(4, 1),
        key=f"test-{precision}", cache=cache,
        calibration=(sample(32, seed=1),) if precision == "int8" else (),
    )  # fmt: skip
    return replace(made, **changes)


def prepared(name: str, asked: Job, net: torch.nn.Module | None = None) -> Executable:
    """The executable; skips where the backend cannot be had here, with its reason."""
    backend = backends.backend(name)
    why = backend.missing("cpu", asked.precision)
    if why:
        pytest.skip(why)
    with torch.no_grad():
        return backend.prepare(net or network(), asked)


def expected(inputs: Arrays) -> Arrays:
    with torch.no_grad():
        return as_arrays(network()(*to_tensors(inputs)))


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
@pytest.mark.parametrize("name", backends.names())
def test_every_backend_gives_eagers_answer(name: str, precision: str, tmp_path: Path) -> None:
    """At each batch, outputs in fp32 lie within the precision's tolerance of eager's."""
    executable = prepared(name, job(tmp_path, precision))
    assert executable.precision_ran == precision
    with torch.inference_mode():
        for batch in (4, 1):
            inputs = sample(batch, seed=2)
            outputs = executable.run(inputs)
            assert [out.dtype for out in outputs] == [np.float32] * 2
            apart = distance([outputs], [expected(inputs)], precision=precision)
            assert apart.relative_error is not None
            assert apart.relative_error <= TOLERANCE[precision]
            if precision != "fp32":  # it did compute in less
                assert apart.relative_error > 1e-5
            executable.bind(inputs)()


@pytest.mark.parametrize("name", backends.names())
def test_a_prepared_backend_is_taken_from_the_cache(name: str, tmp_path: Path) -> None:
    """What was exported or compiled is found again, and answers the same."""
    first = prepared(name, job(tmp_path))
    kept = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    if not kept:
        pytest.skip(f"{name} has nothing to keep")
    stamps = [path.stat().st_mtime_ns for path in kept]
    second = prepared(name, job(tmp_path))
    assert "from the cache" in second.how
    assert [path.stat().st_mtime_ns for path in kept] == stamps
    with torch.inference_mode():
        for one, other in zip(first.run(sample(4)), second.run(sample(4)), strict=True):
            assert np.array_equal(one, other)


@TWO_CORES
@pytest.mark.parametrize("name", backends.names())
def test_two_threads_answer_as_one(name: str, tmp_path: Path) -> None:
    """Threads are the job's; a batch that OpenVINO splits over streams comes back in order."""
    if name in COMPILED:
        pytest.skip("compiled once a number of threads: a minute more")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        executable = prepared(name, job(tmp_path, threads=2))
        with torch.inference_mode():
            inputs = sample(4, seed=3)
            assert distance(
                [executable.run(inputs)], [expected(inputs)], precision="fp32"
            ).relative_error == pytest.approx(0, abs=1e-5)
    finally:
        torch.set_num_threads(before)


@TWO_CORES
def test_openvino_is_told_threads_streams_and_precision(tmp_path: Path) -> None:
    """The compiled model says that it runs on the job's threads and not in bf16."""
    executable: Any = prepared("openvino", job(tmp_path, threads=2))
    for shape, (streams, model) in executable._models.items():
        assert model.get_property("INFERENCE_NUM_THREADS") == 2
        assert model.get_property("NUM_STREAMS") == streams == (2 if shape[0] == 4 else 1)
        assert model.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"
    assert "hint f32" in executable.how


def test_onnxruntime_is_told_its_threads(tmp_path: Path) -> None:
    """Every session has the job's threads."""
    executable: Any = prepared("onnxruntime", job(tmp_path, threads=2))
    for session in executable._sessions.values():
        assert session.get_session_options().intra_op_num_threads == 2


@pytest.mark.parametrize("name", backends.names())
def test_a_precision_that_a_backend_lacks_is_refused_in_a_sentence(name: str) -> None:
    """TF32 is refused on a processor by every backend, and the text names the precision."""
    why = backends.backend(name).missing("cpu", "tf32")
    assert why is not None
    assert "tf32" in why or "pip install" in why


@pytest.mark.parametrize("name", ["eager", "torchscript", "compile"])
def test_torch_sends_int8_to_the_backends_that_have_it(name: str) -> None:
    """No silent fp32: the reason names who runs int8."""
    why = backends.backend(name).missing("cpu", "int8")
    assert why is not None
    assert "onnxruntime" in why


def test_without_a_compiler_compile_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the compiler and how to get one."""
    from benchsuite.backends import compile as module

    monkeypatch.setattr(module, "compiler", lambda: None)
    assert "g++" in str(module.BACKEND.missing("cpu", "fp32"))


def test_an_absent_package_is_named_with_its_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenVINO's reason is the line that brings it."""
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    why = backends.backend("openvino").missing("cpu", "fp32")
    assert why == "backend openvino needs openvino: pip install 'benchsuite[openvino]'"


class Untraceable(torch.nn.Module):
    """What no exporter can take: it leaves tensors for numpy and raises there."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if isinstance(x, torch.fx.Proxy) or torch.jit.is_tracing() or torch.compiler.is_exporting():
            raise RuntimeError("cannot be exported")
        return x.mean((2, 3))


@pytest.mark.parametrize("name", ["torchscript", "onnxruntime", "openvino"])
def test_a_network_that_cannot_be_exported_is_not_measurable(name: str, tmp_path: Path) -> None:
    """The reason is one line, and nothing half made stays in the cache."""
    with pytest.raises(NotMeasurable, match="cannot"):
        prepared(name, job(tmp_path), Untraceable().eval())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_calibration_comes_in_whole_queries(tmp_path: Path) -> None:
    """32 samples are 8 queries of 4 and 32 of 1; a rest is filled up."""
    four, one = sorted(
        _artefacts.artefacts(job(tmp_path, "int8"), "x"), key=lambda a: -len(a.query[0])
    )
    assert [len(q[0]) for q in four.calibration_queries()] == [4] * 8
    assert len(one.calibration_queries()) == 32
    odd = job(tmp_path, "int8", calibration=(sample(5),))
    (_, first) = _artefacts.artefacts(odd, "x")
    assert [len(q[0]) for q in first.calibration_queries()] == [4, 4]


def lenet(cache: Path, folder: Path, precision: str) -> Any:
    """A worker's spec of LeNet on its data, one short window."""
    from benchsuite.plan import Request, make_plan

    request = Request(
        targets=("image/lenet",), scale="embedded", backends=("onnxruntime",), threads=1,
        precisions=(precision,), scenarios=("Offline",), seconds=0.1, warmup_s=0.1,
    )  # fmt: skip
    ((spec, *_),) = [make_plan(request, cache=cache, home=folder).specs]
    return spec


def test_int8_keeps_lenets_accuracy(cache: Path, tmp_path: Path) -> None:
    """Calibrated on training digits, it loses under a point; parity is judged on all test ones."""
    from benchsuite.harness.worker import measure_system

    gradients, threads = torch.is_grad_enabled(), torch.get_num_threads()
    try:
        found = measure_system(lenet(cache, tmp_path, "int8"))
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_num_threads(threads)
    assert found.precision_ran == "int8"
    assert found.accuracy is not None
    assert found.reference is not None
    assert found.accuracy.value > found.reference.value - 0.01
    assert found.distance is not None
    assert found.distance.samples == found.accuracy.samples > 500
    assert found.distance.relative_error is not None
    assert 1e-4 < found.distance.relative_error < TOLERANCE["int8"]
    assert not [doubt for doubt in found.doubts if doubt.code == "parity"]
    assert found.layer_times is not None
    assert found.layer_times.layers


def test_a_backend_that_computes_in_another_precision_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read back is not what was asked for: nothing is measured, and the text says so."""
    from benchsuite.backends import onnxruntime
    from benchsuite.harness.worker import measure_system

    monkeypatch.setattr(onnxruntime, "_precision_ran", lambda paths, job: "int8")
    gradients, threads = torch.is_grad_enabled(), torch.get_num_threads()
    try:
        with pytest.raises(NotMeasurable, match="told to compute in fp32 and computed in int8"):
            measure_system(lenet(cache, tmp_path, "fp32"))
    finally:
        torch.set_grad_enabled(gradients)
        torch.set_num_threads(threads)


@pytest.mark.parametrize("name", ["eager", "onnxruntime", "openvino"])
def test_a_profile_names_the_modules(name: str, tmp_path: Path) -> None:
    """The convolution and the classifier have a time each, under their module paths."""
    executable = prepared(name, job(tmp_path))
    assert isinstance(executable, Profiled)
    with torch.inference_mode():
        steps = executable.profile(sample(4))
    named = {path for step in steps for path in step.names}
    assert {"features", "classifier"} <= named
    assert all(step.seconds >= 0 for step in steps)
    assert sum(step.seconds for step in steps) > 0


class Normalised(torch.nn.Module):
    """Local response normalisation as AlexNet (4-D) and the Sports-1M networks (5-D) have it."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        convolution = torch.nn.Conv2d if dims == 2 else torch.nn.Conv3d
        self.features = convolution(3, 8, 3, padding=1)
        self.norm = torch.nn.LocalResponseNorm(5, alpha=0.5, beta=0.75, k=2.0)
        self.even = torch.nn.LocalResponseNorm(4, alpha=0.5, beta=0.5, k=1.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.even(self.norm(self.features(x)))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", ["eager", "torchscript", "onnxruntime", "openvino"])
def test_local_response_normalisation_is_the_same_everywhere(
    name: str, dims: int, tmp_path: Path
) -> None:
    """OpenVINO takes an image's as one operator; the answer stays, and so does the network."""
    torch.manual_seed(0)
    net = Normalised(dims).eval()
    x = np.random.default_rng(0).standard_normal((2, 3, *[6] * dims), dtype=np.float32)
    with torch.inference_mode():
        answer = net(torch.from_numpy(x)).numpy()
        executable = prepared(name, job(tmp_path, samples=((x,),), batches=(2,)), net)
        assert executable.run((x,))[0] == pytest.approx(answer, rel=1e-4, abs=1e-5)
    assert "forward" not in vars(net.norm)


def test_openvino_keeps_local_response_normalisation_whole(tmp_path: Path) -> None:
    """The odd window is one LRN operator; the even one, which lies otherwise, stays as it was."""
    net = Normalised(2).eval()
    x = np.zeros((1, 3, 6, 6), np.float32)
    asked = job(tmp_path, samples=((x,),), batches=(1,))
    executable: Any = prepared("openvino", asked, net)
    ((_, model),) = executable._models.values()
    kinds = [
        node.get_rt_info()["layerType"].astype(str)
        for node in model.get_runtime_model().get_ordered_ops()
    ]
    assert kinds.count("Lrn") == 1
    assert any("norm" in step.names for step in executable.profile((x,)))
