"""COCO: boxes of objects in JSON, `instances_*.json`.

    PLACE/annotations/instances_val2017.json
    PLACE/val2017/*.jpg, or PLACE/images/val2017/*.jpg

A split is one year's (`val2017`), or `train`, `val` and `test`, the last year that is there. All
boxes are in one file, which is read when it is listed, without the objects' outlines.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchsuite.errors import BadInput
from benchsuite.formats import Listing, Sample, Skipped, _boxes
from benchsuite.formats._lazy import Made
from benchsuite.formats._trees import content, folder, root, shown, some

NAME = "coco"
_HOLDS = "instances_val2017.json and its like"


def read(place: Path, split: str) -> Listing:
    """Images with `boxes` (n, 4), `labels` (n,), `crowd` (n,), `area` (n,) and `image_id`.

    Boxes are corners: left, top, right, bottom in pixels. Labels are positions in the fact
    `classes`, whose numbers in the file, not all of which are used, are `category_ids`.

    Raises:
        BadInput: A folder or the file is missing, or the file is not COCO's.
    """
    root(place, form=NAME, holds=f"annotations/ ({_HOLDS})")
    annotations = folder(place, "annotations", form=NAME, holds=_HOLDS)
    part = "val" if split == "test" else split
    name = re.compile(rf"instances_({re.escape(part)}(?:\d{{4}})?)\.json")
    found = [match for file in content(annotations).files if (match := name.fullmatch(file))]
    if not found:
        raise BadInput(f"{NAME}: {shown(annotations)}: no file instances_{part}*.json")
    path = annotations / found[-1][0]
    holds = f"the images of {path.name}"
    images = folder(place, found[-1][1], f"images/{found[-1][1]}", form=NAME, holds=holds)
    there = set(content(images).files)
    described, boxes, categories = _parsed(path)
    numbers = {category: number for number, category in enumerate(categories)}
    chosen: list[tuple[int, str]] = []
    skipped: list[Skipped] = []
    for image, file in sorted(described.items()):
        if file in there:
            chosen.append((image, file))
        else:
            skipped.append(Skipped(path=images / file, why="missing"))
    some(len(chosen), form=NAME, place=images, what=f"images that {path.name} describes")

    def sample(index: int) -> Sample:
        image, file = chosen[index]
        return _boxes.sample(images / file, partial(_targets, image, boxes.get(image, []), numbers))

    return Listing(
        name=NAME,
        split=split,
        samples=Made(len(chosen), sample),
        facts={
            "annotations": path.name,
            "classes": list(categories.values()),
            "category_ids": list(categories),
        },
        skipped=tuple(skipped),
    )


Box = tuple[int, bool, float, tuple[float, float, float, float]]


def _targets(image: int, boxes: list[Box], numbers: dict[int, int]) -> Mapping[str, _boxes.Target]:
    import numpy as np

    return {
        "image_id": image,
        "boxes": _boxes.corners([corners for *_, corners in boxes]),
        "labels": _boxes.whole([numbers[category] for category, *_ in boxes]),
        "crowd": np.array([crowd for _, crowd, *_ in boxes], dtype=np.bool_),
        "area": np.array([area for _, _, area, _ in boxes], dtype=np.float32),
    }


def _parsed(path: Path) -> tuple[dict[int, str], dict[int, list[Box]], dict[int, str]]:
    """Image id to file name, image id to boxes, and category id to name, sorted by id."""
    try:
        with path.open(encoding="utf-8") as stream:
            # what an outline takes is given back before the next object is read
            document = json.load(stream, object_hook=_without_outline)
    except OSError as error:
        raise BadInput(f"{shown(path)}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{shown(path)}: not JSON: {error}") from None
    for part in ("images", "annotations", "categories"):
        entries = document.get(part) if isinstance(document, dict) else None
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise BadInput(f"{shown(path)}: no list of objects `{part}` in it")
    images = {
        _of(path, "images", i, one, "id", int): _of(path, "images", i, one, "file_name", str)
        for i, one in enumerate(document["images"])
    }
    categories = {
        _of(path, "categories", i, one, "id", int): _of(path, "categories", i, one, "name", str)
        for i, one in enumerate(document["categories"])
    }
    boxes: dict[int, list[Box]] = defaultdict(list)
    for i, one in enumerate(document["annotations"]):
        category = _of(path, "annotations", i, one, "category_id", int)
        image = _of(path, "annotations", i, one, "image_id", int)
        if category not in categories or image not in images:
            what = "category" if category not in categories else "image"
            number = category if category not in categories else image
            raise BadInput(
                f"{shown(path)}: annotations[{i}] is of {what} {number}, which is not there"
            )
        boxes[image].append((category, bool(one.get("iscrowd")), *_box(path, i, one)))
    return images, dict(boxes), dict(sorted(categories.items()))


def _without_outline(entry: dict[str, Any]) -> dict[str, Any]:
    entry.pop("segmentation", None)
    return entry


def _of(path: Path, part: str, index: int, entry: dict[str, Any], key: str, kind: type) -> Any:
    value = entry.get(key)
    if type(value) is not kind:
        raise BadInput(f"{shown(path)}: {part}[{index}] has no `{key}` ({kind.__name__})")
    return value


def _box(
    path: Path, index: int, entry: dict[str, Any]
) -> tuple[float, tuple[float, float, float, float]]:
    """Area and corners."""
    box = entry.get("bbox")
    try:
        left, top, width, height = map(float, box)  # type: ignore[arg-type]
        corners = (left, top, left + width, top + height)
        area = float(entry.get("area", width * height))
    except (TypeError, ValueError, OverflowError):
        corners, area = (0.0, 0.0, -1.0, -1.0), 0.0
    if not _boxes.proper(corners):
        raise BadInput(
            f"{shown(path)}: annotations[{index}] has no `bbox` of left, top, width, height"
        )
    return area, corners
