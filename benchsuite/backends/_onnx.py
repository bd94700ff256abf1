"""What backends that take ONNX share: the graph exported from a torch module."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchsuite.arrays import to_tensors
from benchsuite.errors import NotMeasurable
from benchsuite.types import Arrays

if TYPE_CHECKING:
    import torch

PROTOBUF_LIMIT_B = 1 << 30
_OPSET = 18


def export(network: torch.nn.Module, sample: Arrays, path: Path) -> None:
    """Writes the graph, and weights too large for it beside it."""
    import torch

    try:
        with quiet():
            program: Any = torch.onnx.export(
                network, to_tensors(sample), dynamo=True, opset_version=_OPSET, verbose=False
            )
            size_b = sum(p.numel() * p.element_size() for p in network.parameters())
            program.save(str(path), external_data=size_b > PROTOBUF_LIMIT_B)
    except OSError:
        raise
    except Exception as error:  # torch.onnx raises errors of many kinds, all of them its own
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise NotMeasurable(
            f"torch.onnx cannot export the network: {type(error).__name__}: {first}"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """The exporter's progress and deprecation notes are not this program's output."""
    names = ("torch.onnx", "onnxscript", "onnx_ir", "root")
    loggers = [logging.getLogger(None if name == "root" else name) for name in names]
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
