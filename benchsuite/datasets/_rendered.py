"""Lines of English text drawn with the typeface that Pillow brings, the same ones each time."""

from __future__ import annotations

from typing import Any

import numpy as np

_WORDS = (
    "accuracy battery camera device energy frame graph hardware image joule kernel latency memory "
    "network output power query result sample tensor update vector window yield zero"
).split()


def text(generator: np.random.Generator, *, words: int) -> str:
    """A line of words and a number."""
    chosen = generator.choice(_WORDS, size=words)
    return f"{' '.join(chosen)} {generator.integers(10, 1000)}"


def draw(lines: list[tuple[str, int, int]], *, height: int, width: int, size: int) -> Any:
    """Black text on white, bytes (height, width, 3); each line with its left and top."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (width, height), "white")
    pen, face = ImageDraw.Draw(picture), ImageFont.load_default(size)
    for line, left, top in lines:
        pen.text((left, top), line, fill="black", font=face)
    return np.asarray(picture)


def box(line: str, left: int, top: int, *, size: int) -> tuple[float, float, float, float]:
    """The ink's left, top, right and bottom."""
    from PIL import ImageFont

    sides = ImageFont.load_default(size).getbbox(line)
    return left + sides[0], top + sides[1], left + sides[2], top + sides[3]
