"""The inputs of queries: a load cycle's pool, and int8's calibration samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchsuite import catalog, datasets
from benchsuite.errors import BadInput, NotMeasurable, one_line
from benchsuite.harness import network
from benchsuite.harness.stream import Stream
from benchsuite.types import Arrays, SystemSpec

_POOL_QUERIES = 4
_POOL_B = 256 << 20
_CALIBRATION_SAMPLES = 256


def pool(
    entry: catalog.Entry, spec: SystemSpec, inputs: Sequence[Arrays], *, batch: int
) -> list[Arrays]:
    """The queries of one load cycle: each signature `share` times, several cycles' worth of data.

    Real samples where there are data, else (as in a bucket that holds none) random ones; never
    zeros.
    """
    import numpy as np

    signatures = entry.scale(spec.scale).on(spec.dataset).signatures
    rounds = max(1, _POOL_QUERIES // sum(s.share for s in signatures))
    queries: list[Arrays] = []
    taken = [0] * len(signatures)
    for _ in range(rounds):
        if queries and sum(a.nbytes for query in queries for a in query) > _POOL_B:
            break
        for number, signature in enumerate(signatures):
            for _ in range(signature.share):
                if inputs and len(inputs[number][0]):
                    n = len(inputs[number][0])
                    chosen = np.arange(taken[number], taken[number] + batch) % n
                    queries.append(tuple(np.ascontiguousarray(a[chosen]) for a in inputs[number]))
                else:
                    seed = spec.seed + taken[number] + 1
                    queries.append(network.random_inputs(signature, batch=batch, seed=seed))
                taken[number] += batch
    return queries


def one_of_each(pool: Sequence[Arrays], shares: Sequence[int]) -> list[Arrays]:
    """The first query of each signature in a pool."""
    firsts = [sum(shares[:number]) for number in range(len(shares))]
    return [pool[first] for first in firsts]


def calibration(entry: catalog.Entry, spec: SystemSpec) -> tuple[Arrays, ...]:
    """Training samples of each signature for int8, spread over the split; else none.

    Raises:
        NotMeasurable: There are no training data in the form of the network's inputs.
    """
    import numpy as np

    if spec.precision != "int8":
        return ()
    if not spec.data or not spec.dataset:
        raise NotMeasurable(f"int8 is calibrated on training data: {spec.data_reason}")
    try:
        train = datasets.load(Path(spec.data), "train")
        _, parts = network.split_inputs(entry, spec.scale, train, dataset=spec.dataset)
    except (BadInput, ValueError) as error:
        raise NotMeasurable(
            f"int8 cannot be calibrated on the training split: {one_line(error)}"
        ) from error
    if any(len(part[0]) == 0 for part in parts):
        raise NotMeasurable("int8 cannot be calibrated: the training split is empty")
    found = []
    for part in parts:
        n = len(part[0])
        chosen = np.unique(np.linspace(0, n - 1, min(n, _CALIBRATION_SAMPLES)).astype(int))
        arrays = tuple(np.ascontiguousarray(array[chosen]) for array in part)
        broken = {i for array in part if isinstance(array, Stream) for i in array.broken}
        good = [place for place, index in enumerate(chosen) if index not in broken]
        found.append(tuple(array[good] for array in arrays) if broken else arrays)
    return tuple(found)
