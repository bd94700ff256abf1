"""Magika: the type of a file from its first and last bytes, with the weights of its package."""

from __future__ import annotations

from pathlib import Path

from benchsuite import graphs
from benchsuite.types import Scale, Signature, TensorSpec, Workload

BYTES = 2048  # the first and the last 1024
PADDING = 256  # in place of a byte, where a file is shorter

WORKLOAD = Workload(
    title="Magika",
    paper="Fratantonio et al.: Magika: AI-Powered Content-Type Detection, ICSE 2025",
    frame="file",
    latency_bound_s=0.010,
    scales={
        "reference": Scale(
            signatures=(
                Signature(inputs=(TensorSpec(shape=(BYTES,), dtype="int64", high=PADDING + 1),)),
            ),
            batch=8,
        )
    },
    note=(
        "The newest standard model of the PyPI package magika (Apache-2.0), as it is. Input: the "
        "first and last 1024 bytes, as whole numbers. Random inputs: speed only."
    ),
)


def graph(scale: str) -> Path:
    """The graph: (n, 2048) bytes -> (n, types) shares.

    Raises:
        MissingPackage: magika is not installed.
    """
    return graphs.installed("magika", "models/standard_v*/model.onnx", needed_for="text/magika")
