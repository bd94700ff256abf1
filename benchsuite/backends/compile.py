"""torch.compile with TorchInductor; on the processor with frozen weights."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchsuite.backends import Job
from benchsuite.backends._artefacts import Shape, queries, shape_of
from benchsuite.backends._torch import TorchExecutable, place, unsupported
from benchsuite.errors import NotMeasurable, one_line

if TYPE_CHECKING:
    import torch

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
        return ("torch._dynamo", "torch._inductor.compile_fx")

    def prepare(self, network: torch.nn.Module, job: Job) -> TorchExecutable:
        import torch
        from torch._dynamo import config

        placed = place(network, job)
        asked = queries(job)
        frozen = job.device.kind == "cpu"
        # no shape may fall back to eager, and none is compiled within a window
        config.recompile_limit = len(asked) + 1
        config.fail_on_recompile_limit_hit = True
        calls: dict[Shape, Callable[..., Any]] = {}
        for query in asked:
            call = torch.compile(placed.network, dynamic=False, options={"freezing": frozen})
            # inference mode is guarded on: compiled in it, as it is run
            with torch.inference_mode():
                inputs = placed.inputs(query)
                try:
                    call(*inputs)
                except RuntimeError as error:
                    raise NotMeasurable(
                        f"torch.compile cannot take the network: {one_line(error)[:300]}"
                    ) from error
            calls[shape_of(query)] = call
        config.error_on_recompile = True
        how = "torch.compile (TorchInductor)" + (", frozen" if frozen else "")
        return TorchExecutable(placed, calls.__getitem__, how=f"{how}; {placed.how}")


BACKEND = _Compile()


def compiler() -> str | None:
    """The C++ compiler that TorchInductor would find; None without one."""
    named = os.environ.get("CXX")
    return next(filter(None, map(shutil.which, [named] if named else _COMPILERS)), None)
