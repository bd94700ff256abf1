"""OpenVINO on the processor: converted from the torch module, inputs bound in place."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite import graphs
from benchsuite.arrays import to_tensors
from benchsuite.backends import Job
from benchsuite.backends._artefacts import Artefact, Shape, artefacts, keep, shape_of
from benchsuite.backends._fused import Fused, nodes_of, of_onnx, of_openvino
from benchsuite.backends._profile import PROFILED, WARM_UP, medians
from benchsuite.errors import NotMeasurable, one_line
from benchsuite.types import Arrays, Step

if TYPE_CHECKING:
    import torch

_HINTS = {"fp32": "f32", "int8": "f32", "bf16": "bf16", "fp16": "f16"}
_CAPABILITIES = {"bf16": "BF16", "fp16": "FP16", "int8": "INT8"}
_RAN = {"f32": "fp32", "bf16": "bf16", "f16": "fp16", "i8": "int8", "u8": "int8"}
# layers of a compiled model that do its work: their types are the precision that ran
_PRODUCTS = ("Convolution", "FullyConnected", "MatMul", "Deconvolution", "RNN")
_MODEL = "model.xml"
_KIND = "openvino-2"  # the number changes with the conversion: older models are not used


class _OpenVino:
    TAKES_GRAPHS = True

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
        if job.graph is not None:
            return ("openvino", *quantiser)
        return ("openvino", "openvino.frontend.pytorch.ts_decoder", *quantiser)

    def prepare(self, network: torch.nn.Module, job: Job) -> _Executable:
        models: dict[Shape, tuple[int, Any]] = {}
        folders: dict[Shape, Path] = {}
        cached = True
        for batch in sorted(set(job.batches)):
            for artefact in artefacts(
                replace(job, batches=(batch // _streams(batch, job),)), _KIND
            ):
                if not (artefact.folder / _MODEL).is_file():
                    cached = False
                    if job.graph is None:
                        _make(network, artefact, precision=job.precision)
                    else:
                        _read(job.graph, artefact, precision=job.precision)
                streams = _streams(batch, job)
                shape = (batch, *shape_of(artefact.query)[1:])
                models[shape] = streams, _compiled(artefact.folder, job, streams=streams)
                folders[shape] = artefact.folder
        how = "converted from torch" if job.graph is None else f"{job.graph.name} as it is"
        if cached:
            how = "model from the cache"
        if job.precision == "int8":
            how += ", quantised by NNCF"
        return _Executable(models=models, folders=folders, job=job, how=how)


class _Executable:
    def __init__(
        self,
        *,
        models: dict[Shape, tuple[int, Any]],
        folders: dict[Shape, Path],
        job: Job,
        how: str,
    ) -> None:
        self._models = models
        self._folders = folders
        self._job = job
        self.precision_ran = _precision_ran([m for _, m in models.values()], asked=job.precision)
        first = next(iter(models.values()))[1]
        hint = first.get_property("INFERENCE_PRECISION_HINT").to_string()
        most = max(streams for streams, _ in models.values())
        spread = f"; a batch of several in {most} streams" if most > 1 else ""
        self.how = f"OpenVINO, {how}; {self.precision_ran} (hint {hint}){spread}"

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

    def profile(self, inputs: Arrays) -> list[Step]:
        """OpenVINO's own counters, in a model compiled with them beside the one that is timed."""
        import numpy as np

        openvino = _openvino()
        streams, _ = self._models[shape_of(inputs)]
        if streams > 1:
            raise NotMeasurable("OpenVINO ran the batch in several streams, each layer in all")
        folder = self._folders[shape_of(inputs)]
        counted = _compiled(folder, self._job, streams=1, counters=True)
        layers = _layers(counted)
        if self._job.graph is None:
            converted = of_openvino(openvino.Core().read_model(folder / _MODEL))
            named = {name: _modules(nodes) for name, nodes in nodes_of(layers, converted).items()}
        else:
            named = nodes_of(layers, of_onnx(graphs.load(self._job.graph)))
        request = counted.create_infer_request()
        for number, array in enumerate(_cast(inputs, counted)):
            request.set_input_tensor(number, openvino.Tensor(np.array(array)))
        queries = []
        for _ in range(WARM_UP + PROFILED):
            request.infer()
            queries.append(
                [
                    (named.get(info.node_name, ()), info.real_time.total_seconds())
                    for info in request.get_profiling_info()
                ]
            )
        return medians(queries[WARM_UP:])

    def _requests(self, inputs: Arrays) -> list[Any]:
        """Requests whose input tensors are the caller's own memory, one a stream.

        A tensor does not keep memory alive that it shares: what was cast or copied here is its own.
        """
        import numpy as np

        tensor = _openvino().Tensor
        streams, model = self._models[shape_of(inputs)]
        size = len(inputs[0]) // streams
        cast = _cast(inputs, model)
        requests = []
        for start in range(0, streams * size, size):
            request = model.create_infer_request()
            for number, (own, array) in enumerate(zip(inputs, cast, strict=True)):
                piece = np.require(array[start : start + size], requirements=["C", "W"])
                shared = np.may_share_memory(piece, own)
                request.set_input_tensor(number, tensor(piece, shared_memory=shared))
            requests.append(request)
        return requests


BACKEND = _OpenVino()


def _openvino() -> Any:
    """The package, with its usage statistics off: nothing leaves the machine."""
    if "openvino_telemetry" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino


def _cast(inputs: Arrays, model: Any) -> Arrays:
    """Arrays in the element types that a compiled model takes."""
    return graphs.cast(inputs, [str(port.element_type.to_dtype()) for port in model.inputs])


def _streams(batch: int, job: Job) -> int:
    """In how many streams a batch runs: one thread each, where it splits into equal parts."""
    return job.threads if batch % job.threads == 0 and batch > job.threads else 1


def _artefacts(job: Job) -> list[Artefact]:
    """One model a signature and size of a stream's share of a batch."""
    sizes = tuple(batch // _streams(batch, job) for batch in job.batches)
    return artefacts(replace(job, batches=sizes), _KIND)


def _make(network: torch.nn.Module, artefact: Artefact, *, precision: str) -> None:
    """Converts the network for one shape, quantises it where asked, and keeps it."""
    openvino = _openvino()
    import torch
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    whole = _kept_whole(network, artefact.query)
    own = {module: set(vars(module)) for module, _, _ in whole}
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of a trace that fixes branches: shapes are fixed
            decoder = TorchScriptPythonDecoder(
                network,
                example_input=to_tensors(artefact.query),
                trace_kwargs={"check_trace": False},
                module_extensions={module: replacement for module, replacement, _ in whole},
            )
            frontend = FrontEndManager().load_by_framework("pytorch")
            for _, _, conversion in whole:
                frontend.add_extension(conversion)
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
    finally:
        for module, names in own.items():  # the decoder leaves its `forward` in them
            for name in set(vars(module)) - names:
                delattr(module, name)
    keep(
        artefact.folder,
        lambda draft: openvino.save_model(model, draft / _MODEL, compress_to_fp16=False),
    )


def _read(graph: Path, artefact: Artefact, *, precision: str) -> None:
    """Reads an ONNX file for one shape, quantises it where asked, and keeps it."""
    openvino = _openvino()
    try:
        model = openvino.Core().read_model(graph)
        model.reshape(
            {port: list(a.shape) for port, a in zip(model.inputs, artefact.query, strict=True)}
        )
        if precision == "int8":
            model = _quantised(model, artefact.calibration_queries())
    except Exception as error:  # of many kinds, all of them the reader's
        raise NotMeasurable(
            f"OpenVINO cannot read {graph.name}: {type(error).__name__}: {one_line(error)[:300]}"
        ) from error
    keep(
        artefact.folder,
        lambda draft: openvino.save_model(model, draft / _MODEL, compress_to_fp16=False),
    )


def _kept_whole(network: torch.nn.Module, query: Arrays) -> list[tuple[torch.nn.Module, Any, Any]]:
    """Local response normalisations of images, which OpenVINO has as one fast operator.

    torch spells one as seven (square, pad, pool, ...), and the converter does not put them together
    again: they took a quarter of GoogLeNet's time, the operator takes a fiftieth. Of films
    (5-D) it has only a slow one. An even window lies to the other side in torch.

    Returns:
        For each module the extension that keeps it whole, and the one that converts it.
    """
    import numpy as np
    import openvino.opset13 as operators
    from openvino.frontend import ConversionExtension
    from openvino.frontend.pytorch.module_extension import ModuleExtension

    def conversion(path: str, module: torch.nn.LocalResponseNorm) -> Callable[[Any], Any]:
        def convert(context: Any) -> Any:
            node = operators.lrn(
                context.get_input(0),
                operators.constant(np.array([1])),
                alpha=module.alpha,
                beta=module.beta,
                bias=module.k,
                size=module.size,
            )
            node.set_friendly_name(f"__module.{path}/LRN")  # what `_modules` reads
            return node.outputs()

        return convert

    found: list[tuple[torch.nn.Module, Any, Any]] = []
    for path, module in _of_images(network, query).items():
        if module.size % 2:
            name = f"local_response_norm_{len(found)}"
            found.append(
                (
                    module,
                    ModuleExtension(module, name),
                    ConversionExtension(name, conversion(path, module)),
                )
            )
    return found


def _of_images(network: torch.nn.Module, query: Arrays) -> dict[str, torch.nn.LocalResponseNorm]:
    """The network's local response normalisations whose input is N x C x H x W, by path."""
    import torch

    norms = {
        path: module
        for path, module in network.named_modules()
        if isinstance(module, torch.nn.LocalResponseNorm)
    }
    ranks: dict[torch.nn.Module, int] = {}

    def note(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        ranks[module] = inputs[0].ndim

    hooks = [module.register_forward_pre_hook(note) for module in norms.values()]
    try:
        if hooks:
            with torch.inference_mode():
                network(*to_tensors(query))
    finally:
        for hook in hooks:
            hook.remove()
    return {path: module for path, module in norms.items() if ranks.get(module) == 4}


def _quantised(model: Any, samples: Sequence[Arrays]) -> Any:
    import nncf

    nncf.set_log_level(40)  # errors: its progress is not this program's output
    data = nncf.Dataset([s[0] if len(s) == 1 else s for s in samples])
    return nncf.quantize(model, data, subset_size=len(samples), target_device=nncf.TargetDevice.CPU)


def _compiled(folder: Path, job: Job, *, streams: int, counters: bool = False) -> Any:
    settings: dict[str, Any] = {
        "PERFORMANCE_HINT": "THROUGHPUT" if streams > 1 else "LATENCY",
        "INFERENCE_PRECISION_HINT": _HINTS[job.precision],
        "INFERENCE_NUM_THREADS": job.threads,
        "NUM_STREAMS": streams,
        "ENABLE_CPU_PINNING": False,
        "PERF_COUNT": counters,
    }
    model = _openvino().Core().compile_model(folder / _MODEL, "CPU", settings)
    threads = model.get_property("INFERENCE_NUM_THREADS")
    if threads != job.threads:
        raise NotMeasurable(
            f"OpenVINO runs on {threads} of the {job.threads} threads that it was told: this "
            "process may not use as many cores"
        )
    return model


def _layers(model: Any) -> list[Fused]:
    """A compiled model's layers, in the order in which they run."""
    layers = []
    for node in model.get_runtime_model().get_ordered_ops():
        facts = node.get_rt_info()
        layers.append(
            Fused(
                name=node.get_friendly_name(),
                kind=facts["layerType"].astype(str),
                original=facts["originalLayersNames"].astype(str),
            )
        )
    return layers


def _modules(nodes: Sequence[str]) -> tuple[str, ...]:
    """The torch modules of a compiled layer, from the names of the nodes it was fused from."""
    paths = [name.partition("/")[0] for name in nodes]
    found = [path.removeprefix("__module.") for path in paths if path.startswith("__module.")]
    return tuple(dict.fromkeys(found))


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
