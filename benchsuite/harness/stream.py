"""Samples on disk as arrays: decoded and prepared when they are asked for, never all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from benchsuite.errors import BadInput, one_line
from benchsuite.types import Array, TensorSpec

if TYPE_CHECKING:
    from benchsuite.formats import Sample


class Stream:
    """One input of a network over a whole split; indexing it like an array gives prepared samples.

    A sample that cannot be read becomes zeros and is noted in `broken`: whoever judges outputs
    leaves it out (`accuracy.judge`).

    Attributes:
        broken: Index of a sample to why it could not be read.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        prepare: Callable[[Sample], Array],
        spec: TensorSpec,
        *,
        fills: bool = False,
    ) -> None:
        """`fills`: samples are of any length up to the signature's and end in zeros."""
        self._samples = samples
        self._prepare = prepare
        self._spec = spec
        self._fills = fills
        self.broken: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, chosen: Any) -> Array:
        """Prepared samples (k, *shape) of a slice or an array of indices."""
        import numpy as np

        indices = np.atleast_1d(np.arange(len(self))[chosen])
        samples = np.empty((len(indices), *self._spec.shape), dtype=self._spec.dtype)
        for place, index in enumerate(indices):
            samples[place] = self.one(int(index))
        return samples

    def one(self, index: int) -> Array:
        """One prepared sample; zeros, noted, where it cannot be read."""
        import numpy as np

        try:
            made = self._prepare(self._samples[index])
            if self._fills:
                made = self._filled(made, self._samples[index])
        except BadInput as error:
            said, path = one_line(error), getattr(self._samples[index], "path", None)
            self.broken[index] = said if path is None or path.name in said else f"{path}: {said}"
            return np.zeros(self._spec.shape, dtype=self._spec.dtype)
        if made.shape != self._spec.shape or str(made.dtype) != self._spec.dtype:
            raise BadInput(
                f"prepare gave {made.dtype} {list(made.shape)}, the signature says "
                f"{self._spec.dtype} {list(self._spec.shape)}"
            )
        return made

    def _filled(self, made: Array, sample: Sample) -> Array:
        """A sample with zeros behind its last column.

        Raises:
            BadInput: It is longer than the signature.
        """
        import numpy as np

        length = self._spec.shape[-1]
        if made.shape[-1] > length:
            raise BadInput(
                f"{sample.path}: too long for the longest input, {made.shape[-1]} columns of "
                f"{length}"
            )
        behind = [(0, 0)] * (made.ndim - 1) + [(0, length - made.shape[-1])]
        return np.pad(made, behind)
