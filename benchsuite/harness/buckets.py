"""Samples that differ in length, each put into the shortest signature that holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchsuite.errors import BadInput
from benchsuite.types import Array, Part, Signature, Split

LENGTH = "frames"  # the target that says how long a sample is, as `Signature.frames`


def in_buckets(split: Split, signatures: Sequence[Signature]) -> Split:
    """A streamed split with one part a signature; one without lengths, or prepared, as it is.

    A sample of no known length (its file is damaged) goes into the shortest bucket and one that
    is longer than the longest into that: both are found broken when they are decoded.

    Args:
        split: With the target `LENGTH` (n,), 0 where it is not known.
        signatures: The shortest first.

    Raises:
        BadInput: The signatures are not in the order of their length.
    """
    import numpy as np

    if len(split.parts) != 1 or split.parts[0].samples is None:
        return split
    (part,) = split.parts
    if LENGTH not in part.targets:
        return split
    ends = [signature.frames for signature in signatures]
    if ends != sorted(ends):
        raise BadInput(f"buckets of {ends} frames: the shortest must be the first")
    lengths = np.asarray(part.targets[LENGTH], dtype=np.float64)
    number = np.minimum(np.searchsorted(ends, lengths), len(ends) - 1)
    return replace(
        split, parts=tuple(chosen(part, np.flatnonzero(number == i)) for i in range(len(ends)))
    )


def chosen(part: Part, indices: Array) -> Part:
    """Those samples of a part, with their targets."""
    samples = part.samples
    return replace(
        part,
        targets={name: array[indices] for name, array in part.targets.items()},
        samples=None if samples is None else [samples[index] for index in indices],
    )
