"""Pascal VOC: boxes of objects in XML, a file an image, with lists of the splits.

    PLACE/JPEGImages/000001.jpg
    PLACE/Annotations/000001.xml
    PLACE/ImageSets/Main/train.txt, val.txt, trainval.txt, test.txt

PLACE may also be the folder in which VOCdevkit/VOC2007/ lies, if it is the only year. `test` is
val.txt where there is no test.txt (its answers were published for 2007 only). Own classes are
listed in PLACE/classes.txt, one a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from benchsuite.errors import BadInput
from benchsuite.formats import Listing, Sample, Skipped, _boxes
from benchsuite.formats._lazy import Made
from benchsuite.formats._texts import inside as relative
from benchsuite.formats._texts import lines
from benchsuite.formats._trees import content, file, folder, root, shown, some

NAME = "voc"
CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip
LARGEST_B = 2**20  # an annotation has a few kilobytes
DEEPEST = 32
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read(place: Path, split: str) -> Listing:
    """Images with `boxes` (n, 4), `labels` (n,), `difficult` (n,) and `truncated` (n,).

    Boxes are corners: left, top, right, bottom. The files count pixels from 1 and include the
    last; here they are edges, so that width is right - left, and overlaps are as VOC counts them.

    Raises:
        BadInput: A folder or the list is missing, or names no image that is there.
    """
    year = _year(root(place, form=NAME, holds="JPEGImages/, Annotations/ and ImageSets/Main/"))
    images = folder(year, "JPEGImages", form=NAME, holds="images such as 000001.jpg")
    annotations = folder(year, "Annotations", form=NAME, holds="boxes such as 000001.xml")
    lists = folder(year, "ImageSets/Main", form=NAME, holds="lists such as train.txt")
    names = ("test.txt", "val.txt") if split == "test" else (f"{split}.txt",)
    path = file(lists, *names, form=NAME, holds="an image's name a line")
    classes = _classes(year / "classes.txt")
    pictures = {Path(name).stem: name for name in content(images).files}
    answers = set(content(annotations).files)
    chosen: list[str] = []
    skipped: list[Skipped] = []
    for number, line in lines(path):
        name = relative(path, number, line.split()[0], parts=1)
        if name not in pictures:
            skipped.append(Skipped(path=images / f"{name}.jpg", why="missing"))
        elif f"{name}.xml" not in answers:
            skipped.append(Skipped(path=annotations / f"{name}.xml", why="missing"))
        else:
            chosen.append(name)
    some(len(chosen), form=NAME, place=images, what=f"images of {path.name} with boxes")
    numbers = {name: number for number, name in enumerate(classes)}

    def sample(index: int) -> Sample:
        name = chosen[index]
        return _boxes.sample(
            images / pictures[name], partial(_targets, annotations / f"{name}.xml", numbers)
        )

    return Listing(
        name=NAME,
        split=split,
        samples=Made(len(chosen), sample),
        facts={"list": path.name, "classes": list(classes)},
        skipped=tuple(skipped),
    )


def _year(place: Path) -> Path:
    if (place / "JPEGImages").is_dir():
        return place
    kit = place / "VOCdevkit" if (place / "VOCdevkit").is_dir() else place
    years = [name for name in content(kit).folders if (kit / name / "JPEGImages").is_dir()]
    if len(years) > 1:
        raise BadInput(
            f"{NAME}: {shown(kit)} holds {', '.join(map(shown, years))}; give one of them"
        )
    return kit / years[0] if years else place


def _classes(path: Path) -> tuple[str, ...]:
    return tuple(shown(line) for _, line in lines(path)) if path.is_file() else CLASSES


def _targets(path: Path, numbers: dict[str, int]) -> Mapping[str, _boxes.Target]:
    import numpy as np

    boxes, labels, difficult, truncated = [], [], [], []
    for number, found in enumerate(_parsed(path).findall("object"), 1):
        name = (found.findtext("name") or "").strip()
        if name not in numbers:
            raise BadInput(f"{shown(path)}: object {number} is a {shown(name)!r}, no known class")
        bounds = found.find("bndbox")
        try:
            left, top, right, bottom = (
                float((bounds.findtext(corner) if bounds is not None else None) or "")
                for corner in _CORNERS
            )
        except ValueError:
            raise BadInput(
                f"{shown(path)}: object {number} has no bndbox of {', '.join(_CORNERS)}"
            ) from None
        box = (left - 1, top - 1, right, bottom)
        if not _boxes.proper(box):
            raise BadInput(f"{shown(path)}: object {number} has a box that ends before it begins")
        boxes.append(box)
        labels.append(numbers[name])
        difficult.append(_flag(found, "difficult"))
        truncated.append(_flag(found, "truncated"))
    return {
        "boxes": _boxes.corners(boxes),
        "labels": _boxes.whole(labels),
        "difficult": np.array(difficult, dtype=np.bool_),
        "truncated": np.array(truncated, dtype=np.bool_),
    }


def _flag(found: Element, name: str) -> bool:
    return (found.findtext(name) or "0").strip() not in ("", "0")


def _parsed(path: Path) -> Element:
    """The root of an XML file that declares no document type, and so no entities."""
    builder = TreeBuilder()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise BadInput(f"{shown(path)}: more than {DEEPEST} elements inside each other")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> None:
        raise BadInput(
            f"{shown(path)}: it declares a document type, as no annotation does and attacks do"
        )

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_B + 1)
        if len(raw) > LARGEST_B:
            raise BadInput(f"{shown(path)}: more than {LARGEST_B:,} bytes are not read")
        parser.Parse(raw, True)
    except OSError as error:
        raise BadInput(f"{shown(path)}: cannot be read: {error.strerror}") from None
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise BadInput(f"{shown(path)}: not XML: {error}") from None
    return builder.close()
