"""Between numpy arrays, which the harnesses pass around, and torch tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchsuite.types import Arrays

if TYPE_CHECKING:
    import torch


def to_tensors(inputs: Arrays) -> tuple[torch.Tensor, ...]:
    """Arrays as torch tensors of their own memory (copied where it is read-only)."""
    import numpy as np
    import torch

    return tuple(
        torch.from_numpy(a if a.flags.writeable and a.flags.c_contiguous else np.array(a))
        for a in inputs
    )


def as_arrays(outputs: Any) -> Arrays:
    """A network's outputs as a tuple of arrays on the host.

    Raises:
        TypeError: An output is neither a tensor nor a tuple or list of tensors.
    """
    import torch

    if isinstance(outputs, torch.Tensor):
        outputs = (outputs,)
    if not isinstance(outputs, (tuple, list)) or not all(
        isinstance(output, torch.Tensor) for output in outputs
    ):
        raise TypeError("a network must give a tensor or a tuple of tensors")
    return tuple(output.detach().float().cpu().numpy() for output in outputs)
