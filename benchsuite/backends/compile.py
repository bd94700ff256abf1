"""TorchInductor: ahead of time where the network exports, else torch.compile; frozen on the CPU.

Compiled ahead of time (AOTInductor) a query spends no time in Python or on guards, and the
artefact is kept in the cache.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite.backends import Job
from benchsuite.backends._artefacts import Artefact, Shape, artefacts, keep, shape_of
from benchsuite.backends._torch import Placed, TorchExecutable, place, unsupported
from benchsuite.errors import NotMeasurable, one_line

if TYPE_CHECKING:
    import torch

_MODEL = "model.pt2"
_COMPILERS = ("g++", "clang++", "c++")


class _Compile:
    def missing(self, kind: str, precision: str) -> str | None:
        if kind == "cpu" and compiler() is None:
            return (
                "backend compile needs a C++ compiler: install g++ (apt install g++), or name one "
                "in CXX"
            )
        if kind == "cuda" and importlib.util.find_spec("triton") is None:
            return "backend compile needs triton on a GPU: pip install triton"
        return unsupported("compile", kind, precision)

    def packages(self) -> tuple[str, ...]:
        return ("torch", "triton")

    def imports(self, job: Job) -> tuple[str, ...]:
        if all((artefact.folder / _MODEL).is_file() for artefact in _artefacts(job)):
            return ("torch._inductor",)
        return ("torch._dynamo", "torch._inductor.compile_fx", "torch.export")

    def prepare(self, network: torch.nn.Module, job: Job) -> TorchExecutable:
        import torch

        placed = place(network, job)
        frozen = job.device.kind == "cpu"
        calls: dict[Shape, Callable[..., Any]] = {}
        ways: set[str] = set()
        for artefact in _artefacts(job):
            path = artefact.folder / _MODEL
            cached = path.is_file()
            with torch.no_grad(), _quiet():
                inputs = placed.inputs(artefact.query)
                made = cached or _ahead_of_time(placed.network, inputs, artefact, frozen=frozen)
                call: Callable[..., Any]
                if made:
                    call = torch._inductor.aoti_load_package(str(path))
            if not made:
                call = _just_in_time(placed, artefact, frozen=frozen, shapes=len(calls) + 1)
            ways.add("from the cache" if cached else "ahead of time" if made else "torch.compile")
            calls[shape_of(artefact.query)] = call
        how = f"TorchInductor, {' and '.join(sorted(ways))}" + (", frozen" if frozen else "")
        return TorchExecutable(placed, calls.__getitem__, how=f"{how}; {placed.how}")


BACKEND = _Compile()


def compiler() -> str | None:
    """The C++ compiler that TorchInductor would find; None without one."""
    named = os.environ.get("CXX")
    return next(filter(None, map(shutil.which, [named] if named else _COMPILERS)), None)


def _artefacts(job: Job) -> list[Artefact]:
    """Compiled code holds the number of threads: it is kept by it."""
    return artefacts(replace(job, key=f"{job.key}-{job.threads}"), "inductor")


def _ahead_of_time(
    network: torch.nn.Module,
    inputs: tuple[torch.Tensor, ...],
    artefact: Artefact,
    *,
    frozen: bool,
) -> bool:
    """Compiles a package into the cache; False where torch.export cannot take the network."""
    import torch

    try:
        program = torch.export.export(network, inputs)
    except Exception:  # of many kinds, all of them the exporter's: torch.compile takes more
        return False

    def write(draft: Path) -> None:
        torch._inductor.aoti_compile_and_package(
            program, package_path=str(draft / _MODEL), inductor_configs={"freezing": frozen}
        )

    try:
        keep(artefact.folder, write)
    except OSError:
        raise
    except Exception as error:  # of many kinds, all of them the compiler's
        raise NotMeasurable(
            f"TorchInductor cannot compile the network: {one_line(error)[:300]}"
        ) from error
    return True


def _just_in_time(
    placed: Placed, artefact: Artefact, *, frozen: bool, shapes: int
) -> Callable[..., Any]:
    """A torch.compile of one shape; another shape is never compiled for, nor run in eager."""
    import torch
    from torch._dynamo import config

    config.recompile_limit = shapes + 1
    config.fail_on_recompile_limit_hit = True
    call: Callable[..., Any] = torch.compile(
        placed.network, dynamic=False, options={"freezing": frozen}
    )
    with torch.inference_mode(), _quiet():  # which is guarded on: compiled in it, as it is run
        try:
            call(*placed.inputs(artefact.query))
        except Exception as error:  # of many kinds, all of them the compiler's
            raise NotMeasurable(
                f"torch.compile cannot take the network: {one_line(error)[:300]}"
            ) from error
    return call


@contextmanager
def _quiet() -> Iterator[None]:
    """The compiler's deprecation notes are not this program's output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
