"""A job's queries, and the cached folders of what a backend makes for each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchsuite.backends import Job
from benchsuite.types import Arrays

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """What is made for one query.

    Attributes:
        query: Example inputs of its shape.
        calibration: Training samples of its signature; empty except for int8.
        folder: Where it is kept.
    """

    query: Arrays
    calibration: Arrays
    folder: Path

    def calibration_queries(self) -> list[Arrays]:
        """The calibration samples in whole queries of this shape."""
        batch = len(self.query[0])
        samples = len(self.calibration[0]) if self.calibration else 0
        return [
            tuple(resized(array[start : start + batch], batch) for array in self.calibration)
            for start in range(0, samples, batch)
        ]


def shape_of(inputs: Arrays) -> Shape:
    """What tells a job's queries apart: the first input's shape."""
    return tuple(inputs[0].shape)


def queries(job: Job) -> list[Arrays]:
    """One query for each signature and batch that will be run."""
    return [artefact.query for artefact in artefacts(job, "")]


def artefacts(job: Job, kind: str) -> list[Artefact]:
    """One artefact for each signature and batch that will be run.

    Args:
        job: What is to be made ready.
        kind: The subfolder of the cache.
    """
    return [
        Artefact(
            query=tuple(resized(array, batch) for array in sample),
            calibration=job.calibration[number] if job.calibration else (),
            folder=job.cache / kind / f"{job.key}-{number}-{batch}",
        )
        for number, sample in enumerate(job.samples)
        for batch in sorted(set(job.batches))
    ]


def keep(folder: Path, write: Callable[[Path], None]) -> None:
    """Makes a cached folder as a whole or not at all: `write` fills a draft of it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=folder.name, dir=folder.parent))
    try:
        write(draft)
        if not folder.exists():
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def resized(array: Any, batch: int) -> Any:
    """An array with `batch` samples: repeated or cut."""
    import numpy as np

    return np.resize(array, (batch, *array.shape[1:]))
