"""PP-OCR's classifier of upside-down lines, with the weights of rapidocr-onnxruntime."""

from __future__ import annotations

from pathlib import Path

from _rapidocr import packaged

from benchsuite.types import Scale, Signature, TensorSpec, Workload

WORKLOAD = Workload(
    title="PP-OCR text direction",
    paper=("Du et al.: PP-OCR: A Practical Ultra Lightweight OCR System, 2020"),
    frame="line",
    rate=10.0,
    latency_bound_s=0.1,
    scales={
        "reference": Scale(
            signatures=(Signature(inputs=(TensorSpec(shape=(3, 48, 192)),)),), batch=6
        )
    },
    note=(
        "The graph of the PyPI package rapidocr-onnxruntime (Apache-2.0; PaddleOCR's weights), as "
        "it is, at the package's own input size. Random inputs: speed only."
    ),
)


def graph(scale: str) -> Path:
    """The graph: (n, 3, 48, 192) -> (n, 2) shares of 0 and 180 degrees.

    Raises:
        MissingPackage: rapidocr-onnxruntime is not installed.
    """
    return packaged("image/rapidocr_cls", "ch_ppocr_mobile_v2.0_cls_infer.onnx")
