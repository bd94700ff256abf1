"""The accuracy harness: scores the very executable that was timed, and compares its outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.catalog import Entry
from benchsuite.harness.network import batches
from benchsuite.types import Arrays, Distance, Executable, Score, Split

if TYPE_CHECKING:
    import torch

# Relative error of the outputs that a precision is allowed against eager fp32 (see METHOD: fp32
# lands far under 1e-3, TF32 near 3e-4 a product, bf16 at 1e-3 to 1e-2 a product).
TOLERANCE = {"fp32": 1e-3, "tf32": 1e-2, "bf16": 5e-2, "fp16": 1e-2, "int8": 2e-1}


def score(
    entry: Entry,
    executable: Executable,
    split: Split,
    *,
    inputs: Sequence[Arrays],
    batch: int,
) -> Score:
    """The accuracy of an executable on a whole test split.

    Args:
        entry: The workload, which has a `score`.
        executable: As timed; it is given batches of exactly `batch` samples.
        split: The test split.
        inputs: Its parts, preprocessed.
        batch: Samples a query; the last one is filled up and its outputs are trimmed.
    """
    import numpy as np

    outputs: list[Arrays] = []
    for part in inputs:
        pieces = [
            tuple(output[:valid] for output in executable.run(piece))
            for piece, valid in batches(part, batch=batch)
        ]
        outputs.append(tuple(np.concatenate(column) for column in zip(*pieces, strict=True)))
    result: Score = entry.module.score(outputs, split)
    return result


def reference_outputs(network: torch.nn.Module, samples: Sequence[Arrays]) -> list[Arrays]:
    """Eager fp32 outputs on the processor, one tuple a sample query."""
    import torch

    with torch.inference_mode():
        return [as_arrays(network(*to_tensors(sample))) for sample in samples]


def distance(
    executable: Executable,
    samples: Sequence[Arrays],
    expected: Sequence[Arrays],
    *,
    precision: str,
) -> Distance:
    """How far an executable's outputs lie from the expected ones on the same samples."""
    import numpy as np

    square_error = square = 0.0
    same = rows = 0
    ranked = True
    for sample, reference in zip(samples, expected, strict=True):
        for out, ref in zip(executable.run(sample), reference, strict=True):
            difference = out.astype(np.float64) - ref
            square_error += float((difference**2).sum())
            square += float((ref.astype(np.float64) ** 2).sum())
            if ref.ndim == 2 and ref.shape[1] > 1:
                same += int((out.argmax(axis=1) == ref.argmax(axis=1)).sum())
                rows += len(ref)
            else:
                ranked = False
    error = (square_error / square) ** 0.5 if square else float(square_error > 0)
    return Distance(
        relative_error=error if math.isfinite(error) else None,
        agreement=same / rows if ranked and rows else None,
        tolerance=TOLERANCE[precision],
        samples=sum(len(sample[0]) for sample in samples),
    )
