"""The accuracy harness: scores the very executable that was timed, and compares its outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from benchsuite.arrays import as_arrays, to_tensors
from benchsuite.catalog import Entry
from benchsuite.errors import BadInput, NotMeasurable
from benchsuite.harness import buckets
from benchsuite.harness.network import batches
from benchsuite.harness.stream import Stream
from benchsuite.harness.subject import System
from benchsuite.types import Arrays, Distance, Executable, Score, Split

if TYPE_CHECKING:
    import torch

# Relative error of the outputs that a precision is allowed against eager fp32 (see METHOD: fp32
# lands far under 1e-3, TF32 near 3e-4 a product, bf16 at 1e-3 to 1e-2 a product).
TOLERANCE = {"fp32": 1e-3, "tf32": 1e-2, "bf16": 5e-2, "fp16": 1e-2, "int8": 2e-1}


def answers(executable: Executable, inputs: Sequence[Arrays], *, batch: int) -> list[Arrays]:
    """An executable's outputs on a whole split, a tuple a part.

    Args:
        executable: As timed; it is given batches of exactly `batch` samples.
        inputs: The split's parts, preprocessed.
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
    return outputs


def score(system: System, executable: Executable) -> tuple[Score | None, str | None, list[Arrays]]:
    """The accuracy or why there is none, and the outputs on the test split if it was run."""
    reason, test = system.no_accuracy, system.test
    if reason or test is None:
        return None, reason, []
    outputs = answers(executable, system.inputs, batch=system.batches[0])
    found = judge(system.entry, outputs, test, inputs=system.inputs)
    if not math.isfinite(found.value):
        return None, f"the accuracy is {found.value}: the outputs give none", outputs
    return found, None, outputs


def judge(
    entry: Entry, outputs: Sequence[Arrays], split: Split, *, inputs: Sequence[Arrays]
) -> Score:
    """The workload's own score of outputs; samples that could not be read are left out and named.

    Raises:
        BadInput: No sample of the split could be read.
    """
    import numpy as np

    left_out: list[str] = []
    kept_outputs, kept_parts = [], []
    for output, part, (first, *_) in zip(outputs, split.parts, inputs, strict=True):
        broken = first.broken if isinstance(first, Stream) else {}
        left_out += [broken[index] for index in sorted(broken)]
        good = np.setdiff1d(np.arange(len(part)), list(broken))
        if len(good):  # a bucket may be empty
            kept_outputs.append(tuple(array[good] for array in output) if broken else output)
            kept_parts.append(buckets.chosen(part, good) if broken else part)
    if left_out and len(left_out) == len(split):
        raise BadInput(f"no sample of the test split can be read; the first: {left_out[0]}")
    found: Score = entry.module.score(kept_outputs, replace(split, parts=tuple(kept_parts)))
    if "skipped" in split.facts:
        found = replace(found, how=f"{found.how}; not read: {split.facts['skipped']}")
    if not left_out:
        return found
    note = f"{len(left_out)} of {len(split)} samples left out, which cannot be read"
    return replace(found, left_out=len(left_out), how=f"{found.how}; {note}: {left_out[0]}")


def reference_outputs(network: torch.nn.Module, samples: Sequence[Arrays]) -> list[Arrays]:
    """Eager fp32 outputs on the processor, one tuple a sample query.

    Raises:
        NotMeasurable: An output has not one row for each sample of the query.
    """
    import torch

    outputs = []
    with torch.inference_mode():
        for sample in samples:
            outputs.append(as_arrays(network(*to_tensors(sample))))
            batch = len(sample[0])
            for output in outputs[-1]:
                if output.ndim == 0 or len(output) != batch:
                    raise NotMeasurable(
                        f"the network gave an output of shape {list(output.shape)} for a batch of "
                        f"{batch}: it must have one row a sample"
                    )
    return outputs


def distance(outputs: Sequence[Arrays], expected: Sequence[Arrays], *, precision: str) -> Distance:
    """How far outputs lie from the expected ones on the same samples.

    Args:
        outputs, expected: A tuple a query or a part, in the same order.
        precision: What computed `outputs`; its tolerance is kept beside the distance.
    """
    import numpy as np

    square_error = square = 0.0
    same = rows = samples = 0
    ranked = True
    for arrays, references in zip(outputs, expected, strict=True):
        samples += len(references[0])
        for out, ref in zip(arrays, references, strict=True):
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
        samples=samples,
    )
