"""Augmentation for small grey images: each is moved, turned and scaled a little at every epoch."""

from __future__ import annotations

from collections.abc import Iterator

from benchsuite.harness.training import shuffled
from benchsuite.types import Array, Arrays, Split


def jittered(
    split: Split,
    *,
    batch: int,
    seed: int,
    shift: float = 1.5,
    degrees: float = 10.0,
    stretch: float = 0.1,
) -> Iterator[tuple[Arrays, dict[str, Array]]]:
    """The default epoch, its images (n, c, h, w) each warped at random, the border repeated.

    Args:
        split: One part, float32 images.
        batch: Samples a step.
        seed: Of the order and of the warps.
        shift: Largest shift along each axis, in pixels.
        degrees: Largest turn, either way.
        stretch: Largest change of size, as a share of 1.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    for (images,), targets in shuffled(split, batch=batch, seed=seed):
        n, _, height, width = images.shape
        angle = np.radians(generator.uniform(-degrees, degrees, n))
        size = 1 + generator.uniform(-stretch, stretch, n)
        affine = np.empty((n, 2, 3), dtype=np.float32)  # where each output pixel is read from
        affine[:, 0, 0] = affine[:, 1, 1] = size * np.cos(angle)
        affine[:, 0, 1] = -size * np.sin(angle)
        affine[:, 1, 0] = size * np.sin(angle)
        affine[:, :, 2] = generator.uniform(-shift, shift, (n, 2)) * (2 / width, 2 / height)
        yield (_warped(images, affine),), targets


def _warped(images: Array, affine: Array) -> Array:
    import torch
    from torch.nn import functional

    tensor = torch.from_numpy(images)
    grid = functional.affine_grid(torch.from_numpy(affine), tensor.shape, align_corners=False)
    # the border is background, which normalisation has moved away from zero
    result = functional.grid_sample(tensor, grid, padding_mode="border", align_corners=False)
    return result.numpy()
