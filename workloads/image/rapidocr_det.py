"""PP-OCRv4's text detector, with the weights of rapidocr-onnxruntime."""

from __future__ import annotations

from pathlib import Path

from benchsuite import graphs
from benchsuite.types import Scale, Signature, TensorSpec, Workload

WORKLOAD = Workload(
    title="PP-OCRv4 detection",
    paper=(
        "Liao et al.: Real-time Scene Text Detection with Differentiable Binarization, AAAI 2020; "
        "PaddleOCR 2.7: PP-OCRv4, 2023"
    ),
    frame="image",
    rate=1.0,
    latency_bound_s=0.1,
    scales={
        "reference": Scale(
            signatures=(Signature(inputs=(TensorSpec(shape=(3, 640, 640)),)),), batch=1
        )
    },
    note=(
        "The graph of the PyPI package rapidocr-onnxruntime (Apache-2.0; PaddleOCR's weights), as "
        "it is, at the package's own input size. Random inputs: speed only."
    ),
)


def graph(scale: str) -> Path:
    """The graph: (n, 3, 640, 640) -> (n, 1, 640, 640) text map.

    Raises:
        MissingPackage: rapidocr-onnxruntime is not installed.
    """
    return graphs.installed(
        "rapidocr_onnxruntime", "models/*_PP-OCRv4_det_infer.onnx", needed_for="image/rapidocr_det"
    )
