"""ONNX Runtime: exported once, optimised fully, inputs and outputs bound."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite.arrays import to_tensors
from benchsuite.backends import Job
from benchsuite.errors import NotMeasurable
from benchsuite.types import Arrays

if TYPE_CHECKING:
    import torch

_PACKAGES = ("onnxruntime", "onnx", "onnxscript")
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_OPSET = 18
_MODEL = "model.onnx"
_PROTOBUF_LIMIT_B = 1 << 30


class _OnnxRuntime:
    def missing(self, kind: str, precision: str) -> str | None:
        absent = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
        if absent:
            return f"backend onnxruntime needs {', '.join(absent)}: pip install 'benchsuite[bench]'"
        if precision != "fp32":
            return f"backend onnxruntime does not run {precision} yet; it runs fp32"
        if kind not in _PROVIDERS:
            return f"backend onnxruntime does not run on {kind}"
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
        exported = all((folder / _MODEL).is_file() for _, _, folder in _artefacts(job))
        return ("onnxruntime",) if exported else _PACKAGES

    def prepare(self, network: torch.nn.Module, job: Job) -> _Executable:
        sessions: dict[tuple[int, ...], Any] = {}
        cached = True
        for sample, batch, folder in _artefacts(job):
            if not (folder / _MODEL).is_file():
                cached = False
                _export(network, tuple(_resized(a, batch) for a in sample), folder)
            sessions[batch, *sample[0].shape[1:]] = _session(folder / _MODEL, job)
        how = "exported graph from the cache" if cached else "exported by torch.onnx"
        return _Executable(sessions=sessions, job=job, how=f"ONNX Runtime, {how}")


class _Executable:
    def __init__(self, *, sessions: dict[tuple[int, ...], Any], job: Job, how: str) -> None:
        self._sessions = sessions
        self._device = job.device
        self.precision_ran = "fp32"
        self.how = how

    def bind(self, inputs: Arrays) -> Callable[[], object]:
        session = self._sessions[inputs[0].shape]
        return partial(session.run_with_iobinding, self._binding(session, inputs))

    def run(self, inputs: Arrays) -> Arrays:
        session = self._sessions[inputs[0].shape]
        binding = self._binding(session, inputs)
        session.run_with_iobinding(binding)
        return tuple(output for output in binding.copy_outputs_to_cpu())

    def _binding(self, session: Any, inputs: Arrays) -> Any:
        import onnxruntime

        kind, index = self._device.kind, self._device.index
        binding = session.io_binding()
        for description, array in zip(session.get_inputs(), inputs, strict=True):
            value = onnxruntime.OrtValue.ortvalue_from_numpy(array, kind, index)
            binding.bind_ortvalue_input(description.name, value)
        for description in session.get_outputs():
            binding.bind_output(description.name, kind, index)
        return binding


BACKEND = _OnnxRuntime()


def _artefacts(job: Job) -> list[tuple[Arrays, int, Path]]:
    """Each graph that the job needs: its example inputs, its batch, its folder."""
    return [
        (sample, batch, job.cache / "onnx" / f"{job.key}-{number}-{batch}")
        for number, sample in enumerate(job.samples)
        for batch in sorted(set(job.batches))
    ]


def _session(path: Path, job: Job) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    provider = _PROVIDERS[job.device.kind]
    choice: Any = (
        provider
        if job.device.kind == "cpu"
        else (provider, {"device_id": job.device.index, "use_tf32": 0})
    )
    session = onnxruntime.InferenceSession(str(path), options, providers=[choice])
    if session.get_providers()[0] != provider:
        raise NotMeasurable(f"ONNX Runtime fell back to {session.get_providers()[0]}")
    return session


def _export(network: torch.nn.Module, sample: Arrays, folder: Path) -> None:
    """Writes the graph, and weights too large for it beside it, into a new folder."""
    import torch

    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=folder.name, dir=folder.parent))
    try:
        with _quiet():
            program: Any = torch.onnx.export(
                network, to_tensors(sample), dynamo=True, opset_version=_OPSET, verbose=False
            )
            size_b = sum(p.numel() * p.element_size() for p in network.parameters())
            program.save(str(draft / _MODEL), external_data=size_b > _PROTOBUF_LIMIT_B)
        if not folder.exists():
            draft.rename(folder)
    except OSError:
        raise
    except Exception as error:  # torch.onnx raises errors of many kinds, all of them its own
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise NotMeasurable(
            f"torch.onnx cannot export the network: {type(error).__name__}: {first}"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's progress and deprecation notes are not this program's output."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _resized(array: Any, batch: int) -> Any:
    import numpy as np

    return np.resize(array, (batch, *array.shape[1:]))
