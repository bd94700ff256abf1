"""ONNX Runtime: exported once, optimised fully, inputs and outputs bound."""

from __future__ import annotations

import ast
import importlib.util
import json
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite import graphs
from benchsuite.backends import Job
from benchsuite.backends._artefacts import Artefact, Shape, artefacts, keep, shape_of
from benchsuite.backends._onnx import PROTOBUF_LIMIT_B, export, quiet
from benchsuite.backends._profile import PROFILED, WARM_UP, medians
from benchsuite.backends._torch import lowered
from benchsuite.errors import NotMeasurable, one_line
from benchsuite.types import Arrays, Step
from benchsuite.units import MICROSECOND_S

if TYPE_CHECKING:
    import torch

_PACKAGES = ("onnxruntime", "onnx", "onnxscript")
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_PRECISIONS = {"cpu": ("fp32", "int8"), "cuda": ("fp32", "tf32", "fp16")}
# ONNX Runtime's names of the element types that an input can have
_ELEMENTS = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(bfloat16)": "bfloat16",
    "tensor(double)": "float64",
    "tensor(bool)": "bool",
    **{
        f"tensor({kind}{bits})": f"{kind}{bits}"
        for kind in ("int", "uint")
        for bits in (8, 16, 32, 64)
    },
}
_SAVED = {"float32": "fp32", "float64": "fp64", "float16": "fp16", "bfloat16": "bf16"}
_MODEL = "model.onnx"
_KERNEL = "_kernel_time"
_SCOPES = "pkg.torch.onnx.name_scopes"
_FUSED_AT_MOST = 4
# nodes of an optimised graph that do its work, in integers and in floating point
_INTEGER = ("QLinearConv", "QLinearMatMul", "QGemm", "ConvInteger", "MatMulInteger")
_FLOATING = (
    "Conv",
    "FusedConv",
    "Gemm",
    "FusedGemm",
    "MatMul",
    "FusedMatMul",
    "LSTM",
    "GRU",
    "RNN",
)


class _OnnxRuntime:
    TAKES_GRAPHS = True

    def missing(self, kind: str, precision: str) -> str | None:
        absent = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
        if absent:
            return f"backend onnxruntime needs {', '.join(absent)}: pip install 'benchsuite[bench]'"
        if kind not in _PROVIDERS:
            return f"backend onnxruntime does not run on {kind}"
        if precision not in _PRECISIONS[kind]:
            own = ", ".join(_PRECISIONS[kind])
            return f"backend onnxruntime does not run {precision} on {kind}; it runs {own}"
        if kind != "cpu":
            import onnxruntime

            if _PROVIDERS[kind] not in onnxruntime.get_available_providers():
                return (
                    f"the installed onnxruntime has no {_PROVIDERS[kind]}: "
                    "pip install onnxruntime-gpu"
                )
        return None

    def packages(self) -> tuple[str, ...]:
        return ("torch", *_PACKAGES)

    def imports(self, job: Job) -> tuple[str, ...]:
        if job.graph is not None and job.precision != "int8":
            return ("onnxruntime",)
        exported = all((a.folder / _MODEL).is_file() for a in artefacts(job, "onnx"))
        return ("onnxruntime",) if exported else _PACKAGES

    def prepare(self, network: torch.nn.Module, job: Job) -> _Executable:
        if job.precision == "fp16" and job.graph is None:
            network = lowered(network, job.precision)
        sessions: dict[Shape, Any] = {}
        paths: dict[Shape, Path] = {}
        cached = True
        for artefact in artefacts(job, "onnx"):
            path = artefact.folder / _MODEL
            if job.graph is not None and job.precision != "int8":
                path = job.graph
            elif not path.is_file():
                cached = False
                _make(network, artefact, job)
            sessions[shape_of(artefact.query)] = _session(path, job)
            paths[shape_of(artefact.query)] = path
        ran = _precision_ran(list(paths.values()), job)
        how = "exported graph from the cache" if cached else "exported by torch.onnx"
        if job.graph is not None:
            how = f"{job.graph.name} as it is"
        if job.precision == "int8":
            how += ", quantised by onnxruntime.quantization (static, QDQ, a scale a channel)"
        providers = next(iter(sessions.values())).get_providers()
        where = "" if job.device.kind == "cpu" else f" on {', '.join(providers)}"
        return _Executable(
            sessions=sessions,
            paths=paths,
            job=job,
            precision_ran=ran,
            how=f"ONNX Runtime{where}, {how}",
        )


class _Executable:
    def __init__(
        self,
        *,
        sessions: dict[Shape, Any],
        paths: dict[Shape, Path],
        job: Job,
        precision_ran: str,
        how: str,
    ) -> None:
        self._sessions = sessions
        self._paths = paths
        self._job = job
        self._device = job.device
        self.precision_ran = precision_ran
        self.how = how

    def bind(self, inputs: Arrays) -> Callable[[], object]:
        session = self._sessions[shape_of(inputs)]
        return partial(session.run_with_iobinding, self._binding(session, inputs))

    def run(self, inputs: Arrays) -> Arrays:
        session = self._sessions[shape_of(inputs)]
        binding = self._binding(session, inputs)
        session.run_with_iobinding(binding)
        return tuple(output for output in binding.copy_outputs_to_cpu())

    def profile(self, inputs: Arrays) -> list[Step]:
        """ONNX Runtime's own profile, in a session beside the one that is timed."""
        path = self._paths[shape_of(inputs)]
        modules = _nodes(path) if self._job.graph is not None else _modules(path)
        with tempfile.TemporaryDirectory() as folder:
            if self._job.graph is not None:
                path = _named(path, Path(folder, _MODEL))
            session = _session(path, self._job, profiled=Path(folder, "profile"))
            binding = self._binding(session, inputs)
            for _ in range(WARM_UP + PROFILED):
                session.run_with_iobinding(binding)
            events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        found = [
            (modules(event["name"].removesuffix(_KERNEL), event["args"]["op_name"]), event["dur"])
            for event in events
            if event.get("cat") == "Node" and event["name"].endswith(_KERNEL)
        ]
        steps = len(found) // (WARM_UP + PROFILED)
        queries = [
            [(names, us * MICROSECOND_S) for names, us in found[start : start + steps]]
            for start in range(WARM_UP * steps, len(found), steps)
        ]
        return medians(queries)

    def _binding(self, session: Any, inputs: Arrays) -> Any:
        import onnxruntime

        kind, index = self._device.kind, self._device.index
        binding = session.io_binding()
        taken = [_ELEMENTS.get(each.type, "float32") for each in session.get_inputs()]
        cast = graphs.cast(inputs, taken)
        for description, array in zip(session.get_inputs(), cast, strict=True):
            value = onnxruntime.OrtValue.ortvalue_from_numpy(array, kind, index)
            binding.bind_ortvalue_input(description.name, value)
        for description in session.get_outputs():
            binding.bind_output(description.name, kind, index)
        return binding


BACKEND = _OnnxRuntime()


def _session(
    path: Path, job: Job, *, optimised: Path | None = None, profiled: Path | None = None
) -> Any:
    """A session; `optimised` and `profiled` are where its graph and its profile are written."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    if optimised is not None:
        options.optimized_model_filepath = str(optimised)
    if profiled is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profiled)
    provider = _PROVIDERS[job.device.kind]
    choice: Any = (
        provider
        if job.device.kind == "cpu"
        else (provider, {"device_id": job.device.index, "use_tf32": int(job.precision == "tf32")})
    )
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[choice])
    except Exception as error:  # its own kinds share no base
        raise NotMeasurable(
            f"ONNX Runtime cannot take {path.name}: {one_line(error)[:300]}"
        ) from error
    if session.get_providers()[0] != provider:
        raise NotMeasurable(f"ONNX Runtime fell back to {session.get_providers()[0]}")
    return session


def _modules(path: Path) -> Callable[[str, str], tuple[str, ...]]:
    """From a node of the optimised graph to the torch modules that it computes.

    The exporter notes each node's module. The optimiser names a fused node after its last one,
    by node or by output: from there the way back leads to the operator that it is.
    """
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    makers = {output: node for node in graph.node for output in node.output}
    by_name = {node.name: node for node in graph.node}

    def names(kernel: str, operator: str) -> tuple[str, ...]:
        kernel = kernel.removesuffix("_nchwc").removesuffix("_quant")
        node = by_name.get(kernel) or makers.get(kernel)
        found: list[str] = []
        for _ in range(_FUSED_AT_MOST):
            if node is None:
                break
            found += _module_of(node)
            if operator.removeprefix("QLinear").removeprefix("Fused") == node.op_type:
                break
            node = makers.get(node.input[0]) if node.input else None
        return tuple(dict.fromkeys(found))

    return names


def _module_of(node: Any) -> list[str]:
    """The path of the torch module that a node was exported from; none where it is not noted."""
    noted = next((p.value for p in node.metadata_props if p.key == _SCOPES), "[]")
    scopes = ast.literal_eval(noted)
    return [scopes[-2]] if len(scopes) > 1 and scopes[-2] else []


def _precision_ran(paths: Sequence[Path], job: Job) -> str:
    """For int8 read back from the graphs as optimised: what most of their products run in.

    An exported graph's other types are explicit, and the provider never leaves them (TF32 is an
    option). A user's graph has the types that it was saved with.
    """
    if job.graph is not None and job.precision != "int8":
        return _saved_precision(job)
    if job.precision != "int8":
        return job.precision
    import onnx

    integer = floating = 0
    for path in paths:
        with tempfile.TemporaryDirectory() as folder:
            optimised = Path(folder, _MODEL)
            _session(path, job, optimised=optimised)
            nodes = onnx.load(str(optimised), load_external_data=False).graph.node
            integer += sum(node.op_type.startswith(_INTEGER) for node in nodes)
            floating += sum(node.op_type in _FLOATING for node in nodes)
    return "int8" if integer > floating else "fp32"


def _saved_precision(job: Job) -> str:
    """In what a user's graph computes: integers where they do most of its products."""
    assert job.graph is not None
    model = graphs.load(job.graph)
    kinds = [node.op_type for node in model.graph.node]
    integer = sum(kind.startswith(_INTEGER) for kind in kinds)
    quantised = sum(kind == "DequantizeLinear" for kind in kinds)
    floating = sum(kind in _FLOATING for kind in kinds)
    if integer > floating or (floating and quantised > floating):
        return "int8"
    weights = Counter(
        graphs.element_type(t.data_type)
        for t in graphs.tensors(model.graph)
        if math.prod(t.dims) > 1 and graphs.element_type(t.data_type) in _SAVED
    )
    if not weights:
        return job.precision
    saved = _SAVED[weights.most_common(1)[0][0]]
    return job.precision if saved == "fp32" and job.precision == "tf32" else saved


def _nodes(path: Path) -> Callable[[str, str], tuple[str, ...]]:
    """From a node of the optimised graph to the user's own nodes that it computes."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    makers = {output: node for node in graph.node for output in node.output}
    by_name = {graphs.node_name(node): node for node in graph.node}

    def names(kernel: str, operator: str) -> tuple[str, ...]:
        kernel = kernel.removesuffix("_nchwc").removesuffix("_quant")
        node = by_name.get(kernel) or makers.get(kernel)
        found: list[str] = []
        for _ in range(_FUSED_AT_MOST):
            if node is None:
                break
            found.append(graphs.node_name(node))
            if operator.removeprefix("QLinear").removeprefix("Fused") == node.op_type:
                break
            node = makers.get(node.input[0]) if node.input else None
        return tuple(dict.fromkeys(found))

    return names


def _named(path: Path, copy: Path) -> Path:
    """A copy in which every node has a name, for the profile; the file itself if all have one."""
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    unnamed = [node for node in model.graph.node if not node.name]
    if not unnamed or any(t.external_data for t in graphs.tensors(model.graph)):
        return path
    for node in unnamed:
        node.name = graphs.node_name(node)
    onnx.save(model, str(copy))
    return copy


def _make(network: torch.nn.Module, artefact: Artefact, job: Job) -> None:
    """Exports the graph for one shape, quantises it where asked, and keeps it."""
    if job.precision != "int8":
        keep(artefact.folder, lambda draft: export(network, artefact.query, draft / _MODEL))
        return

    def write(draft: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            plain = job.graph or Path(folder, _MODEL)
            if job.graph is None:
                export(network, artefact.query, plain)
            _quantise(plain, draft / _MODEL, artefact.calibration_queries(), job)

    keep(artefact.folder, write)


def _quantise(plain: Path, quantised: Path, samples: Sequence[Arrays], job: Job) -> None:
    """Static post-training quantisation to 8 bits: unsigned activations, signed weights.

    Without VNNI (or another 8-bit product that does not saturate) weights keep 7 bits, as ONNX
    Runtime's guide advises.
    """
    import onnxruntime
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    session = onnxruntime.InferenceSession(str(plain), providers=["CPUExecutionProvider"])
    names = [description.name for description in session.get_inputs()]

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rest = iter(samples)

        def get_next(self) -> dict[str, Any] | None:
            query = next(self._rest, None)
            return None if query is None else dict(zip(names, query, strict=True))

    vector = job.device.facts.get("vector", ())
    saturates = "avx2" in vector and not any("vnni" in name for name in vector)
    large = plain.stat().st_size > PROTOBUF_LIMIT_B
    try:
        with quiet():
            ready = quantised.with_name("ready.onnx")
            quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
            quantize_static(
                str(ready),
                str(quantised),
                Reader(),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=saturates,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                use_external_data_format=large,
            )
            ready.unlink()
    except OSError:
        raise
    except Exception as error:  # of many kinds, all of them the quantiser's
        raise NotMeasurable(
            f"onnxruntime.quantization cannot quantise the network: {type(error).__name__}: "
            f"{one_line(error)[:300]}"
        ) from error
