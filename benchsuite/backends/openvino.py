"""OpenVINO on the processor: converted from the torch module, inputs bound in place."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from benchsuite.arrays import to_tensors
from benchsuite.backends import Job
from benchsuite.backends._artefacts import Artefact, Shape, artefacts, keep, shape_of
from benchsuite.errors import NotMeasurable, one_line
from benchsuite.types import Arrays

if TYPE_CHECKING:
    import torch

_HINTS = {"fp32": "f32", "int8": "f32", "bf16": "bf16", "fp16": "f16"}
_CAPABILITIES = {"bf16": "BF16", "fp16": "FP16", "int8": "INT8"}
_RAN = {"f32": "fp32", "bf16": "bf16", "f16": "fp16", "i8": "int8", "u8": "int8"}
# layers of a compiled model that do its work: their types are the precision that ran
_PRODUCTS = ("Convolution", "FullyConnected", "MatMul", "Deconvolution", "RNN")
_MODEL = "model.xml"


class _OpenVino:
    def missing(self, kind: str, precision: str) -> str | None:
        if importlib.util.find_spec("openvino") is None:
            return "backend openvino needs openvino: pip install 'benchsuite[openvino]'"
        if kind != "cpu":
            return f"backend openvino does not run on {kind}; it runs on cpu"
        if precision not in _HINTS:
            return f"backend openvino does not run {precision}; it runs {', '.join(_HINTS)}"
        if precision == "int8" and importlib.util.find_spec("nncf") is None:
            return "backend openvino needs nncf for int8: pip install 'benchsuite[openvino]'"
        if precision in _CAPABILITIES:
            has = _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
            if _CAPABILITIES[precision] not in has:
                return (
                    f"backend openvino does not run {precision} here: the processor has no "
                    "arithmetic for it"
                )
        return None

    def packages(self) -> tuple[str, ...]:
        return ("torch", "openvino", "nncf")

    def imports(self, job: Job) -> tuple[str, ...]:
        if all((artefact.folder / _MODEL).is_file() for artefact in _artefacts(job)):
            return ("openvino",)
        _openvino()
        quantiser = ("nncf",) if job.precision == "int8" else ()
        return ("openvino", "openvino.frontend.pytorch.ts_decoder", *quantiser)

    def prepare(self, network: torch.nn.Module, job: Job) -> _Executable:
        models: dict[Shape, Any] = {}
        cached = True
        for artefact in _artefacts(job):
            if not (artefact.folder / _MODEL).is_file():
                cached = False
                _make(network, artefact, precision=job.precision)
            models[shape_of(artefact.query)] = _compiled(artefact, job)
        return _Executable(
            models=models,
            streams=_streams(job),
            precision=job.precision,
            how="model from the cache" if cached else "converted from torch",
        )


class _Executable:
    def __init__(
        self, *, models: dict[Shape, Any], streams: dict[int, int], precision: str, how: str
    ) -> None:
        self._models = models
        self._streams = streams
        self.precision_ran = _precision_ran(list(models.values()), asked=precision)
        first = next(iter(models.values()))
        hint = first.get_property("INFERENCE_PRECISION_HINT").to_string()
        most = max(streams.values())
        in_streams = f"; a batch of several in {most} streams" if most > 1 else ""
        self.how = f"OpenVINO, {how}; {self.precision_ran} (hint {hint}){in_streams}"

    def bind(self, inputs: Arrays) -> Callable[[], object]:
        requests = self._requests(inputs)
        if len(requests) == 1:
            return requests[0].infer  # type: ignore[no-any-return]

        def call() -> None:
            for request in requests:
                request.start_async()
            for request in requests:
                request.wait()

        return call

    def run(self, inputs: Arrays) -> Arrays:
        import numpy as np

        requests = self._requests(inputs)
        for request in requests:
            request.infer()
        pieces = [
            [np.array(request.get_output_tensor(i).data) for i in range(len(request.model_outputs))]
            for request in requests
        ]
        return tuple(np.concatenate(column) for column in zip(*pieces, strict=True))

    def _requests(self, inputs: Arrays) -> list[Any]:
        """Requests whose input tensors are the arrays' own memory, one a stream."""
        import numpy as np

        tensor = _openvino().Tensor
        streams = self._streams[len(inputs[0])]
        size = len(inputs[0]) // streams
        model = self._models[(size, *inputs[0].shape[1:])]
        requests = []
        for start in range(0, streams * size, size):
            request = model.create_infer_request()
            for number, array in enumerate(inputs):
                piece = np.require(array[start : start + size], requirements=["C", "W"])
                request.set_input_tensor(number, tensor(piece, shared_memory=True))
            requests.append(request)
        return requests


BACKEND = _OpenVino()


def _openvino() -> Any:
    """The package, with its usage statistics off: nothing leaves the machine."""
    if "openvino_telemetry" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino


def _streams(job: Job) -> dict[int, int]:
    """In how many streams each batch runs: one for a single sample, for several one a thread."""
    return {
        batch: job.threads if batch % job.threads == 0 and batch > job.threads else 1
        for batch in set(job.batches)
    }


def _artefacts(job: Job) -> list[Artefact]:
    """One model a signature and size of a stream's share of a batch."""
    from dataclasses import replace

    sizes = tuple(batch // streams for batch, streams in _streams(job).items())
    return artefacts(replace(job, batches=sizes), "openvino")


def _make(network: torch.nn.Module, artefact: Artefact, *, precision: str) -> None:
    """Converts the network for one shape, quantises it where asked, and keeps it."""
    openvino = _openvino()
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of a trace that fixes branches: shapes are fixed
            decoder = TorchScriptPythonDecoder(
                network,
                example_input=to_tensors(artefact.query),
                trace_kwargs={"check_trace": False},
            )
            frontend = FrontEndManager().load_by_framework("pytorch")
            model = frontend.convert(frontend.load(decoder))
        model.reshape(
            {port: list(a.shape) for port, a in zip(model.inputs, artefact.query, strict=True)}
        )
        if precision == "int8":
            model = _quantised(model, artefact.calibration_queries())
    except Exception as error:  # of many kinds, all of them the converter's
        raise NotMeasurable(
            f"OpenVINO cannot convert the network: {type(error).__name__}: {one_line(error)[:300]}"
        ) from error
    keep(
        artefact.folder,
        lambda draft: openvino.save_model(model, draft / _MODEL, compress_to_fp16=False),
    )


def _quantised(model: Any, samples: Sequence[Arrays]) -> Any:
    import nncf

    nncf.set_log_level(40)  # errors: its progress is not this program's output
    data = nncf.Dataset([s[0] if len(s) == 1 else s for s in samples])
    return nncf.quantize(model, data, subset_size=len(samples), target_device=nncf.TargetDevice.CPU)


def _compiled(artefact: Artefact, job: Job) -> Any:
    openvino = _openvino()
    batch = len(artefact.query[0])
    streams = max((n for b, n in _streams(job).items() if b // n == batch and n > 1), default=1)
    return openvino.Core().compile_model(
        artefact.folder / _MODEL,
        "CPU",
        {
            "PERFORMANCE_HINT": "THROUGHPUT" if streams > 1 else "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS[job.precision],
            "INFERENCE_NUM_THREADS": job.threads,
            "NUM_STREAMS": streams,
            "ENABLE_CPU_PINNING": False,
        },
    )


def _precision_ran(models: Sequence[Any], *, asked: str) -> str:
    """Read back from the compiled models' layers.

    The widest type of any product; for int8 what most products ran in.
    """
    types: Counter[str] = Counter()
    for model in models:
        for node in model.get_runtime_model().get_ordered_ops():
            facts = node.get_rt_info()
            if any(name in facts["layerType"].astype(str) for name in _PRODUCTS):
                types[_RAN.get(facts["runtimePrecision"].astype(str).lower(), "fp32")] += 1
    if not types:
        return "fp32"
    if asked == "int8":
        return types.most_common(1)[0][0]
    return next(name for name in ("fp32", "fp16", "bf16", "int8") if types[name])
