"""Backends by name: the software that runs a network; one file each, which defines `BACKEND`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchsuite.guarded import Kind, Source
from benchsuite.plugins import plugin, plugin_names
from benchsuite.types import Arrays, DeviceInfo, Executable, Profiled, Step

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a backend is to make ready.

    Attributes:
        samples: One example of the inputs a signature, at the `Offline` batch.
        batches: The batch sizes that will be run.
        key: Hash of network, weights, signatures, software, device and precision: what artefacts
            are cached by.
        cache: The folder for artefacts.
        calibration: For int8: training samples of each signature, inputs as the network takes
            them; empty for other precisions.
        graph: The ONNX file to run instead of the network; only for backends that take graphs.
    """

    device: DeviceInfo
    precision: str
    threads: int
    samples: tuple[Arrays, ...]
    batches: tuple[int, ...]
    key: str
    cache: Path
    calibration: tuple[Arrays, ...] = ()
    graph: Path | None = None


class Backend(Protocol):
    """A way to run a torch module; with `TAKES_GRAPHS = True`, an ONNX file as well."""

    def missing(self, kind: str, precision: str) -> str | None:
        """Why it cannot run on this kind of device at this precision; None if it can.

        An absent package is named with the pip line that brings it.
        """

    def prepare(self, network: torch.nn.Module, job: Job) -> Executable:
        """Makes the network ready; all that is done once happens here.

        The executable takes and gives fp32 (and integers) at every precision.

        Raises:
            NotMeasurable: The backend cannot take this network; the text says why.
        """

    def packages(self) -> tuple[str, ...]:
        """Distributions whose versions belong to the software's fingerprint."""

    def imports(self, job: Job) -> tuple[str, ...]:
        """Modules that `prepare` will import; their memory is not the system's."""


def _no_texts(found: Any) -> str | None:
    texts = isinstance(found, tuple | list) and all(isinstance(each, str) for each in found)
    return None if texts else "not a tuple of names"


def _no_executable(found: Any) -> str | None:
    runs = all(callable(getattr(found, name, None)) for name in ("bind", "run"))
    says = all(isinstance(getattr(found, name, None), str) for name in ("precision_ran", "how"))
    return None if runs and says else "not an Executable (bind, run, precision_ran, how)"


@dataclass(slots=True)
class _Named:
    """An executable of the user's own: what fails outside of timed loops names its file."""

    found: Any
    source: Source
    precision_ran: str
    how: str

    def bind(self, inputs: Arrays) -> Callable[[], object]:
        call: Callable[[], object]
        call = self.source.calling("bind() of its executable", self.found.bind, _no_call)(inputs)
        return call

    def run(self, inputs: Arrays) -> Arrays:
        call = self.source.calling("run() of its executable", self.found.run, _no_arrays)
        return tuple(call(inputs))


@dataclass(slots=True)
class _NamedProfiled(_Named):
    def profile(self, inputs: Arrays) -> list[Step]:
        call = self.source.calling("profile() of its executable", self.found.profile)
        return list(call(inputs))


def _no_call(found: Any) -> str | None:
    return None if callable(found) else "not a function"


def _no_arrays(found: Any) -> str | None:
    import numpy as np

    arrays = isinstance(found, tuple | list) and all(isinstance(each, np.ndarray) for each in found)
    return None if arrays and found else "not a tuple of numpy arrays"


def _named_executable(found: Any, source: Source) -> Executable:
    kind = _NamedProfiled if isinstance(found, Profiled) else _Named
    return kind(found, source, found.precision_ran, found.how)


_KIND = Kind(
    attribute="BACKEND",
    what="backend",
    functions=("missing", "prepare", "packages", "imports"),
    answers={
        "missing": lambda found: None if isinstance(found, str | None) else "not a text or None",
        "packages": _no_texts,
        "imports": _no_texts,
    },
    made={"prepare": _no_executable},
    named={"prepare": _named_executable},
)


def refusal_of_graph(name: str) -> str | None:
    """Why a backend cannot run an ONNX file; None if it can."""
    if getattr(backend(name), "TAKES_GRAPHS", False):
        return None
    able = [each for each in names() if getattr(backend(each), "TAKES_GRAPHS", False)]
    return f"backend {name} runs torch modules, not ONNX graphs; these run one: {', '.join(able)}"


def names() -> list[str]:
    """Every backend there is a file for."""
    return plugin_names(sys.modules[__name__])


def backend(name: str) -> Backend:
    """The backend of a name.

    Raises:
        BadInput: There is none.
    """
    found: Backend = plugin(sys.modules[__name__], name, _KIND)
    return found
