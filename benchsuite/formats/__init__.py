"""Data as users have them on disk: one file a format, listed first, decoded a sample at a time.

A format is a file `benchsuite/formats/NAME.py` (dashes in the name are underscores in the file)
that defines

    read(place, split) -> Listing    what there is, without opening what the samples are made of

It raises `BadInput` where the tree is not the format's, naming the first thing missing. `split` is
`train`, `val` or `test`, or a name that the format itself has (`test-clean`, `trainval`). Where a
set has published no answers to its test split (ImageNet, COCO, Kinetics), `test` is its `val`.

Class indices are the same in every split of a published set; where classes are the folders that
were found, `facts["classes"]` of two splits must be compared before they are used together.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchsuite.errors import BadInput
from benchsuite.types import Array, Arrays

_HELPERS = ("images", "videos")  # what is done with samples, not a format


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """One sample, decoded only when it is loaded.

    Attributes:
        path: Its file; None where many samples share one.
        load: The sample's arrays, or `BadInput` that names the broken file and what is wrong:
            an image is one array (height, width, 3) of uint8, red first, grey ones three times
            the same; a recording (samples,) of float32 within -1 to 1, at `facts["rate_hz"]`;
            a video (frames, height, width, 3) of uint8; text (words,) of strings.
        targets: The answers. Where a file of its own holds them they are read with `load`, or
            when first asked for, and `BadInput` comes from there.
    """

    path: Path | None
    load: Callable[[], Arrays]
    targets: Mapping[str, int | float | str | Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A file or folder that could not be used when the tree was listed, and why."""

    path: Path
    why: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listing:
    """What a place holds of a split.

    Attributes:
        name: The format's.
        split: As it was asked for.
        samples: In the order of their names or of the split's list; made when indexed.
        facts: JSON-able (class names, synsets, alphabet, rate, which folder or list was read).
        skipped: What was left out.
    """

    name: str
    split: str
    samples: Sequence[Sample]
    facts: dict[str, Any] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()


def names() -> list[str]:
    """Every format there is a file for."""
    return sorted(
        module.name.replace("_", "-")
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_") and module.name not in _HELPERS
    )


def read(name: str, place: Path, split: str, **options: Any) -> Listing:
    """What `place` holds of a split, read as the format of that name, with its own options.

    Raises:
        BadInput: No such format or split, or the tree is not of this format.
    """
    if name not in names():
        raise BadInput(f"unknown data format {name!r}; known: {', '.join(names())}")
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    listing: Listing = module.read(place, split, **options)
    return listing
