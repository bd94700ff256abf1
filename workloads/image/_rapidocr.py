"""What the PP-OCR graphs share: where they are, and how a picture becomes their input."""

from __future__ import annotations

from pathlib import Path

from benchsuite import graphs
from benchsuite.types import Arrays


def packaged(name: str, inside: str) -> Path:
    """A graph of the package rapidocr-onnxruntime.

    Raises:
        MissingPackage: It is not installed.
    """
    return graphs.installed("rapidocr_onnxruntime", f"models/{inside}", needed_for=name)


def scaled(pictures: Arrays) -> Arrays:
    """Bytes (n, h, w, 3), RGB -> (n, 3, h, w), BGR, from -1 to 1 as the package does."""
    import numpy as np

    (images,) = pictures
    values = np.asarray(images)[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    return (np.ascontiguousarray(values / 127.5 - 1),)
