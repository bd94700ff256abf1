"""TensorRT on NVIDIA GPUs: an engine a shape, built from the exported graph, types as it says.

The network is strongly typed: TensorRT computes in the graph's own types and chooses none itself
(TF32 within fp32 is an option, off unless asked for). Engines are kept in the cache.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite import graphs
from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.backends import Job
from benchsuite.backends._artefacts import Artefact, Shape, artefacts, keep, shape_of
from benchsuite.backends._onnx import export
from benchsuite.backends._torch import lowered
from benchsuite.errors import NotMeasurable
from benchsuite.types import Arrays

if TYPE_CHECKING:
    import torch

_PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
_NEEDED = {"tensorrt": "pip install tensorrt", "onnx": "pip install 'benchsuite[bench]'",
           "onnxscript": "pip install 'benchsuite[bench]'"}  # fmt: skip
_KIND = "tensorrt"
_ENGINE, _RAN = "engine.plan", "precision"
_MODEL = "model.onnx"
# TensorRT's layers that do a network's work, by the names of its enumeration
_PRODUCTS = ("CONVOLUTION", "DECONVOLUTION", "MATRIX_MULTIPLY", "EINSUM")
_RAN_IN = {"FLOAT": "fp32", "BF16": "bf16", "HALF": "fp16", "INT8": "int8"}  # the widest first


class _TensorRt:
    TAKES_GRAPHS = True

    def missing(self, kind: str, precision: str) -> str | None:
        if kind != "cuda":
            return f"backend tensorrt does not run {precision} on {kind}; it runs on cuda"
        for package, line in _NEEDED.items():
            if importlib.util.find_spec(package) is None:
                return f"backend tensorrt needs {package}: {line}"
        if precision not in _PRECISIONS:
            return f"backend tensorrt does not run {precision}; it runs {', '.join(_PRECISIONS)}"
        return None

    def packages(self) -> tuple[str, ...]:
        return ("torch", "tensorrt", "onnx", "onnxscript")

    def imports(self, job: Job) -> tuple[str, ...]:
        built = all((a.folder / _ENGINE).is_file() for a in artefacts(job, _KIND))
        return ("tensorrt",) if built or job.graph else ("tensorrt", "onnx", "onnxscript")

    def prepare(self, network: torch.nn.Module, job: Job) -> _Executable:
        if job.graph is None and job.precision in ("bf16", "fp16"):
            network = lowered(network, job.precision)
        engines: dict[Shape, Any] = {}
        ran: set[str] = set()
        cached = True
        for artefact in artefacts(job, _KIND):
            if not (artefact.folder / _ENGINE).is_file():
                cached = False
                _make(network, artefact, job)
            engines[shape_of(artefact.query)] = _engine(artefact.folder / _ENGINE)
            ran.add((artefact.folder / _RAN).read_text(encoding="utf-8"))
        widest = next(name for name in ("fp32", "tf32", "bf16", "fp16", "int8") if name in ran)
        return _Executable(
            engines=engines,
            device=_device(job),
            precision_ran=widest,
            how="TensorRT, engine from the cache" if cached else "TensorRT, engine built",
        )


BACKEND = _TensorRt()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """A query with its tensors on the device, by name; they must live as long as it is run."""

    context: Any
    inputs: dict[str, torch.Tensor]
    outputs: dict[str, torch.Tensor]
    stream: int

    def __call__(self) -> None:
        for name, tensor in (*self.inputs.items(), *self.outputs.items()):
            self.context.set_tensor_address(name, tensor.data_ptr())
        if not self.context.execute_async_v3(self.stream):
            raise NotMeasurable("TensorRT refused to run a query")


class _Executable:
    def __init__(
        self, *, engines: dict[Shape, Any], device: torch.device, precision_ran: str, how: str
    ) -> None:
        self._engines = engines
        self._contexts = {
            shape: engine.create_execution_context() for shape, engine in engines.items()
        }
        self._device = device
        self.precision_ran = precision_ran
        self.how = how

    def bind(self, inputs: Arrays) -> Callable[[], object]:
        return self._bound(inputs)

    def run(self, inputs: Arrays) -> Arrays:
        bound = self._bound(inputs)
        bound()
        _synchronise(self._device)
        return as_arrays(tuple(bound.outputs.values()))

    def _bound(self, inputs: Arrays) -> _Bound:
        import tensorrt
        import torch

        engine, context = self._engines[shape_of(inputs)], self._contexts[shape_of(inputs)]
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        entering = [n for n in names if engine.get_tensor_mode(n) == tensorrt.TensorIOMode.INPUT]
        taken = [str(_numpy_name(engine.get_tensor_dtype(name))) for name in entering]
        tensors = [
            tensor.to(self._device).contiguous()
            for tensor in to_tensors(graphs.cast(inputs, taken))
        ]
        for name, tensor in zip(entering, tensors, strict=True):
            context.set_input_shape(name, tuple(tensor.shape))
        outputs = {
            name: torch.empty(
                tuple(context.get_tensor_shape(name)),
                dtype=getattr(torch, _numpy_name(engine.get_tensor_dtype(name))),
                device=self._device,
            )
            for name in names
            if name not in entering
        }
        return _Bound(
            context=context,
            inputs=dict(zip(entering, tensors, strict=True)),
            outputs=outputs,
            stream=_stream(self._device),
        )


def _device(job: Job) -> torch.device:
    import torch

    return torch.device(job.device.label)


def _stream(device: torch.device) -> int:
    import torch

    return int(torch.cuda.current_stream(device).cuda_stream)


def _synchronise(device: torch.device) -> None:
    import torch

    torch.cuda.synchronize(device)


def _numpy_name(kind: Any) -> str:
    """What numpy and torch call an element type of TensorRT."""
    names = {"FLOAT": "float32", "HALF": "float16", "BF16": "bfloat16", "BOOL": "bool"}
    return names.get(str(kind.name), str(kind.name).lower())


def _engine(path: Path) -> Any:
    import tensorrt

    runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.ERROR))
    engine = runtime.deserialize_cuda_engine(path.read_bytes())
    if engine is None:
        raise NotMeasurable(f"TensorRT cannot read its own engine {path}; delete it")
    return engine


def _make(network: torch.nn.Module, artefact: Artefact, job: Job) -> None:
    """Builds the engine for one shape and keeps it, with the precision that it computes in."""

    def write(draft: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            model = job.graph or Path(folder, _MODEL)
            if job.graph is None:
                export(network, artefact.query, model)
            plan, ran = _built(model, artefact.query, tf32=job.precision == "tf32")
        (draft / _ENGINE).write_bytes(plan)
        (draft / _RAN).write_text(ran, encoding="utf-8")

    keep(artefact.folder, write)


def _built(model: Path, query: Arrays, *, tf32: bool) -> tuple[bytes, str]:
    """A serialised engine for one shape, and what it computes in."""
    import tensorrt

    logger = tensorrt.Logger(tensorrt.Logger.ERROR)
    builder = tensorrt.Builder(logger)
    typed = 1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    network = builder.create_network(typed)
    parser = tensorrt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(model)):
        said = parser.get_error(0).desc() if parser.num_errors else "it says nothing"
        raise NotMeasurable(f"TensorRT cannot take the graph: {said[:300]}")
    config = builder.create_builder_config()
    flag = tensorrt.BuilderFlag.TF32
    (config.set_flag if tf32 else config.clear_flag)(flag)
    profile = builder.create_optimization_profile()
    for number, array in enumerate(query):
        port = network.get_input(number)
        if -1 in tuple(port.shape):  # a dimension that the file leaves open
            profile.set_shape(port.name, *[tuple(array.shape)] * 3)
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise NotMeasurable("TensorRT cannot build an engine for the network")
    layers = [network.get_layer(number) for number in range(network.num_layers)]
    return bytes(plan), _precision_ran(layers, tf32=bool(config.get_flag(flag)))


def _precision_ran(layers: Sequence[Any], *, tf32: bool) -> str:
    """The widest type of any product's input; a strongly typed network computes in it."""
    kinds = {
        layer.get_input(0).dtype.name for layer in layers if layer.type.name in _PRODUCTS
    }  # fmt: skip
    widest = next((ran for kind, ran in _RAN_IN.items() if kind in kinds), "fp32")
    return "tf32" if widest == "fp32" and tf32 else widest
