"""100 rendered lines of text with what they say: a functional check of a text recogniser."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchsuite.datasets._rendered import draw, text
from benchsuite.types import Dataset, Part, Split

DATASET = Dataset(
    title="100 rendered lines of English words, 48x320 pixels, one typeface",
    version=1,
    source="drawn with Pillow's built-in typeface (Aileron) from a fixed seed",
    packages=("PIL",),
)
_COUNTS = {"train": 32, "test": 100}
_SIZE, _HEIGHT, _WIDTH = 28, 48, 320


def locate(place: Path | None) -> tuple[Path, ...]:
    """No file: the lines are drawn."""
    return ()


def prepare(files: tuple[Path, ...]) -> dict[str, Split]:
    """Pictures (n, 48, 320, 3) of bytes; `text` (n, 64) holds code points, filled up with zeros."""
    splits = {}
    for seed, (name, count) in enumerate(_COUNTS.items()):
        generator = np.random.default_rng(seed)
        lines = [text(generator, words=2) for _ in range(count)]
        pictures = np.stack(
            [draw([(line, 6, 6)], height=_HEIGHT, width=_WIDTH, size=_SIZE) for line in lines]
        )
        points = np.zeros((count, 64), dtype=np.int64)
        for row, line in zip(points, lines, strict=True):
            row[: len(line)] = [ord(letter) for letter in line]
        part = Part(inputs=(pictures,), targets={"text": points})
        splits[name] = Split(parts=(part,))
    return splits
