"""12 rendered pages with the boxes of their lines: a functional check of a text detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchsuite.datasets._rendered import box, draw, text
from benchsuite.types import Dataset, Part, Split

DATASET = Dataset(
    title="12 rendered pages of five lines of English words, 640x640 pixels, one typeface",
    version=1,
    source="drawn with Pillow's built-in typeface (Aileron) from a fixed seed",
    packages=("PIL",),
)
_COUNTS = {"train": 4, "test": 12}
_LINES, _SIZE, _SIDE = 5, 32, 640


def locate(place: Path | None) -> tuple[Path, ...]:
    """No file: the pages are drawn."""
    return ()


def prepare(files: tuple[Path, ...]) -> dict[str, Split]:
    """Pictures (n, 640, 640, 3) of bytes; `boxes` (n, 5, 4) are left, top, right, bottom."""
    splits = {}
    for seed, (name, count) in enumerate(_COUNTS.items()):
        generator = np.random.default_rng(seed)
        pictures, boxes = [], []
        for _ in range(count):
            lines = [
                (text(generator, words=2), int(generator.integers(20, 200)), 30 + 120 * row)
                for row in range(_LINES)
            ]
            pictures.append(draw(lines, height=_SIDE, width=_SIDE, size=_SIZE))
            boxes.append([box(*line, size=_SIZE) for line in lines])
        part = Part(
            inputs=(np.stack(pictures),), targets={"boxes": np.array(boxes, dtype=np.float32)}
        )
        splits[name] = Split(parts=(part,))
    return splits
