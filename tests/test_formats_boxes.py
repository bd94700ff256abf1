"""Tests of the formats of object detection: COCO, Pascal VOC and KITTI."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchsuite.errors import BadInput
from benchsuite.formats import coco, kitti, voc
from tests.test_formats_image import picture, save

# --- COCO ---------------------------------------------------------------------------------------


def document() -> dict[str, Any]:
    """Two images, one of them with two boxes; categories 1 and 90."""
    return {
        "images": [
            {"id": 9, "file_name": "000000000009.jpg", "width": 20, "height": 12},
            {"id": 4, "file_name": "000000000004.jpg", "width": 20, "height": 12},
        ],
        "categories": [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 9,
                "category_id": 90,
                "bbox": [1.5, 2, 3, 4],
                "area": 7.5,
                "iscrowd": 0,
                "segmentation": [[1, 2, 3, 4, 5, 6]],
            },
            {"id": 2, "image_id": 9, "category_id": 1, "bbox": [0, 0, 0, 5], "iscrowd": 1},
        ],
    }


@pytest.fixture
def coco_tree(tmp_path: Path) -> Path:
    """A small COCO of 2017."""
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "instances_val2017.json").write_text(json.dumps(document()))
    for number in (4, 9):
        save(tmp_path / "val2017" / f"{number:012d}.jpg")
    return tmp_path


@pytest.mark.parametrize("split", ["val", "test", "val2017"])
def test_coco_gives_corners_and_positions(coco_tree: Path, split: str) -> None:
    """Boxes become corners, categories positions; an image without boxes has none."""
    listing = coco.read(coco_tree, split)
    first, second = listing.samples
    assert first.load()[0].shape == (12, 20, 3)
    assert first.targets["image_id"] == 4
    assert first.targets["boxes"].shape == (0, 4)
    assert first.targets["labels"].dtype == np.int64
    assert second.targets["boxes"].tolist() == [[1.5, 2, 4.5, 6], [0, 0, 0, 5]]
    assert second.targets["labels"].tolist() == [1, 0]
    assert second.targets["crowd"].tolist() == [False, True]
    assert second.targets["area"].tolist() == [7.5, 0]
    assert listing.facts["classes"] == ["person", "toothbrush"]
    assert listing.facts["category_ids"] == [1, 90]


def test_images_may_lie_deeper_and_be_missing(coco_tree: Path) -> None:
    """images/val2017 is found as well; a missing image is skipped."""
    (coco_tree / "images").mkdir()
    (coco_tree / "val2017").rename(coco_tree / "images" / "val2017")
    (coco_tree / "images" / "val2017" / "000000000004.jpg").unlink()
    listing = coco.read(coco_tree, "val")
    assert len(listing.samples) == 1
    assert [(one.path.name, one.why) for one in listing.skipped] == [
        ("000000000004.jpg", "missing")
    ]


def test_coco_cannot_lead_out_of_its_folder(coco_tree: Path) -> None:
    """A file name that is a path elsewhere is missing, whatever lies there."""
    content = document()
    content["images"][1]["file_name"] = "../annotations/instances_val2017.json"
    (coco_tree / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    assert [one.why for one in coco.read(coco_tree, "val").skipped] == ["missing"]


def test_what_coco_lacks_is_named(coco_tree: Path) -> None:
    """The first of folder, file and images that is missing is named."""
    with pytest.raises(BadInput, match=r"coco: .*annotations: no file instances_train\*\.json"):
        coco.read(coco_tree, "train")
    (coco_tree / "val2017").rename(coco_tree / "elsewhere")
    with pytest.raises(BadInput, match="no folder val2017/ nor images/val2017/"):
        coco.read(coco_tree, "val")
    (coco_tree / "annotations").rename(coco_tree / "other")
    with pytest.raises(BadInput, match="no folder annotations/"):
        coco.read(coco_tree, "val")


def change(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    """A change of one entry of the document."""

    def make(content: Any) -> None:
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = to

    return make


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (change("images", to={}), "no list of objects `images` in it"),
        (change("annotations", to=[1]), "no list of objects `annotations` in it"),
        (change("images", 1, "id", to="4"), r"images\[1\] has no `id` \(int\)"),
        (change("categories", 0, "name", to=None), r"categories\[0\] has no `name` \(str\)"),
        (
            change("annotations", 1, "category_id", to=12),
            r"annotations\[1\] is of category 12, which is not there",
        ),
        (
            change("annotations", 0, "image_id", to=12),
            r"annotations\[0\] is of image 12, which is not there",
        ),
        (change("annotations", 0, "bbox", to=[1, 2, 3]), r"annotations\[0\] has no `bbox`"),
        (change("annotations", 0, "bbox", to=[1, 2, -3, 4]), r"annotations\[0\] has no `bbox`"),
        (change("annotations", 0, "bbox", to=[1, 2, math.nan, 4]), r"annotations\[0\] has no"),
        (change("annotations", 0, "bbox", to="abcd"), r"annotations\[0\] has no `bbox`"),
    ],
)
def test_wrong_annotations_of_coco_are_named(
    coco_tree: Path, make: Callable[[dict[str, Any]], None], says: str
) -> None:
    """What is not COCO's is refused with the entry's place in the file."""
    content = document()
    make(content)
    (coco_tree / "annotations" / "instances_val2017.json").write_text(json.dumps(content))
    with pytest.raises(BadInput, match=rf"instances_val2017\.json: {says}"):
        coco.read(coco_tree, "val")


@pytest.mark.parametrize("content", [b"", b'{"images": [', b"[" * 100_000, b'{"a": "\xff"}'])
def test_what_is_no_json_is_named(coco_tree: Path, content: bytes) -> None:
    """Empty, truncated, endlessly nested and wrongly encoded files each get a sentence."""
    (coco_tree / "annotations" / "instances_val2017.json").write_bytes(content)
    with pytest.raises(BadInput, match=r"instances_val2017\.json: not JSON: "):
        coco.read(coco_tree, "val")


# --- Pascal VOC ---------------------------------------------------------------------------------


def thing(name: str, box: str, extra: str = "") -> str:
    """An object of an annotation."""
    corners = zip(("xmin", "ymin", "xmax", "ymax"), box.split(), strict=False)
    bounds = "".join(f"<{corner}>{value}</{corner}>" for corner, value in corners)
    return f"<object><name>{name}</name>{extra}<bndbox>{bounds}</bndbox></object>"


@pytest.fixture
def voc_tree(tmp_path: Path) -> Path:
    """Two images of VOC2007, three objects."""
    year = tmp_path / "VOCdevkit" / "VOC2007"
    for folder in ("Annotations", "ImageSets/Main"):
        (year / folder).mkdir(parents=True)
    for name in ("000001", "000002"):
        save(year / "JPEGImages" / f"{name}.jpg")
    flags = "<truncated>1</truncated><difficult>0</difficult>"
    part = "<part><name>head</name><bndbox><xmin>9</xmin></bndbox></part>"
    (year / "Annotations" / "000001.xml").write_text(
        "<annotation>"
        + thing("dog", "1 1 5 6", flags + part)
        + thing("person", "2.5 3 4 12", "<difficult>1</difficult>")
        + "</annotation>"
    )
    (year / "Annotations" / "000002.xml").write_text("<annotation/>")
    (year / "ImageSets" / "Main" / "val.txt").write_bytes(b"000001\r\n000002\r\n000003\r\n")
    return tmp_path


@pytest.mark.parametrize("place", [".", "VOCdevkit", "VOCdevkit/VOC2007"])
def test_voc_gives_edges(voc_tree: Path, place: str) -> None:
    """Pixels counted from 1 and included become edges: a box of one pixel has width 1."""
    listing = voc.read(voc_tree / place, "test")
    assert listing.facts["list"] == "val.txt"
    first, second = listing.samples
    assert first.load()[0].shape == (12, 20, 3)
    assert first.targets["boxes"].tolist() == [[0, 0, 5, 6], [1.5, 2, 4, 12]]
    assert first.targets["labels"].tolist() == [11, 14]
    assert first.targets["difficult"].tolist() == [False, True]
    assert first.targets["truncated"].tolist() == [True, False]
    assert second.targets["boxes"].shape == (0, 4)
    assert len(listing.facts["classes"]) == 20
    assert [one.path.name for one in listing.skipped] == ["000003.jpg"]


def test_own_classes_in_vocs_form(voc_tree: Path) -> None:
    """classes.txt beside the folders names what the files label."""
    (voc_tree / "VOCdevkit" / "VOC2007" / "classes.txt").write_text("person\ndog\n")
    assert voc.read(voc_tree, "val").samples[0].targets["labels"].tolist() == [1, 0]


def test_annotations_are_read_when_they_are_needed(voc_tree: Path) -> None:
    """A broken annotation costs its own image, when that is loaded."""
    path = voc_tree / "VOCdevkit" / "VOC2007" / "Annotations" / "000002.xml"
    path.write_text("<annotation>")
    first, second = voc.read(voc_tree, "val").samples
    assert first.load()
    with pytest.raises(BadInput, match=r"000002\.xml: not XML: no element found"):
        second.load()


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">'
    + "".join(f'<!ENTITY lol{i} "{f"&lol{i - 1 or str()};" * 10}">' for i in range(1, 10))
    + "]><annotation><object><name>&lol9;</name></object></annotation>"
)
OUTSIDE = (
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<annotation><object><name>&x;</name></object></annotation>"
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (BOMB, "declares a document type"),
        (BOMB.encode("utf-16"), "declares a document type"),
        (OUTSIDE, "declares a document type"),
        ('<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>', "declares a document type"),
        ("<annotation>&lol;</annotation>", "not XML: undefined entity"),
        ("<a>" * 100_000, "more than 32 elements inside each other"),
        ("<a>" + " " * 2**20 + "</a>", "more than 1,048,576 bytes are not read"),
        ("", "not XML: no element found"),
        (b"<a>\xff</a>", "not XML: not well-formed"),
        (f"<a>{thing('dragon', '1 1 5 6')}</a>", "object 1 is a 'dragon', no known class"),
        (f"<a>{thing('dog', '1 1 5')}</a>", "object 1 has no bndbox of xmin, ymin, xmax, ymax"),
        (f"<a>{thing('dog', '1 1 5 x')}</a>", "object 1 has no bndbox"),
        ("<a><object><name>dog</name></object></a>", "object 1 has no bndbox"),
        (f"<a>{thing('dog', '9 1 5 6')}</a>", "object 1 has a box that ends before it begins"),
        (f"<a>{thing('dog', '1 1 nan 6')}</a>", "object 1 has a box that ends"),
    ],
)
def test_a_wrong_annotation_of_voc_is_named(
    voc_tree: Path, content: str | bytes, says: str
) -> None:
    """Attacks by entities, damage and unknown classes each get a sentence, and expand nothing."""
    path = voc_tree / "VOCdevkit" / "VOC2007" / "Annotations" / "000001.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadInput, match=f"000001.xml: .*{says}"):
        voc.read(voc_tree, "val").samples[0].load()


def test_what_voc_lacks_is_named(voc_tree: Path) -> None:
    """Lists, folders and a choice between years are asked for by name."""
    year = voc_tree / "VOCdevkit" / "VOC2007"
    with pytest.raises(BadInput, match=r"voc: .*Main: no file trainval\.txt"):
        voc.read(voc_tree, "trainval")
    (year / "ImageSets" / "Main" / "val.txt").write_text("../000001\n")
    with pytest.raises(BadInput, match="line 1: .* is not FILE"):
        voc.read(voc_tree, "val")
    (year / "Annotations").rename(year / "other")
    with pytest.raises(BadInput, match=r"no folder Annotations/ \(boxes such as 000001.xml\)"):
        voc.read(voc_tree, "val")
    (voc_tree / "VOCdevkit" / "VOC2012" / "JPEGImages").mkdir(parents=True)
    with pytest.raises(BadInput, match="holds VOC2007, VOC2012; give one of them"):
        voc.read(voc_tree, "val")


# --- KITTI --------------------------------------------------------------------------------------

CAR = "Car 0.00 0 -1.58 587.01 173.33 614.12 223.33 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"
CUT = "Cyclist 0.40 2 -1.58 0 10 20 40 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"
NEAR = "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10"


@pytest.fixture
def kitti_tree(tmp_path: Path) -> Path:
    """Two images with lists as the field uses them."""
    for name, labels in (("000000", [CAR, NEAR, CUT]), ("000007", [])):
        save(tmp_path / "training" / "image_2" / f"{name}.png", picture(37, 124))
        path = tmp_path / "training" / "label_2" / f"{name}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\r\n".join(labels))
    (tmp_path / "ImageSets").mkdir()
    (tmp_path / "ImageSets" / "val.txt").write_text("000000\n000007\n000009\n")
    return tmp_path


@pytest.mark.parametrize("inside", [True, False])
def test_kitti_gives_boxes_with_their_difficulty(kitti_tree: Path, inside: bool) -> None:
    """Boxes, what makes them hard to see, and the regions that do not count."""
    if inside:
        (kitti_tree / "ImageSets").rename(kitti_tree / "training" / "ImageSets")
    listing = kitti.read(kitti_tree / "training" if inside else kitti_tree, "test")
    first, second = listing.samples
    assert first.load()[0].shape == (37, 124, 3)
    targets = first.targets
    assert np.allclose(targets["boxes"], [[587.01, 173.33, 614.12, 223.33], [0, 10, 20, 40]])
    assert [listing.facts["classes"][label] for label in targets["labels"]] == ["Car", "Cyclist"]
    assert np.allclose(targets["height"], [50, 30], atol=1e-4)
    assert np.allclose(targets["truncation"], [0, 0.4])
    assert targets["occlusion"].tolist() == [0, 2]
    assert targets["difficulty"].tolist() == [0, 2]
    assert np.allclose(targets["ignored"], [[503.89, 169.71, 590.61, 190.13]])
    assert second.targets["boxes"].shape == second.targets["ignored"].shape == (0, 4)
    assert [one.path.name for one in listing.skipped] == ["000009.png"]


@pytest.mark.parametrize(
    ("height", "occlusion", "truncation", "level"),
    [
        (40, 0, 0.15, 0),
        (39.9, 0, 0.15, 1),
        (40, 1, 0, 1),
        (40, 0, 0.3, 1),
        (25, 2, 0.5, 2),
        (24.9, 0, 0, 3),
        (100, 3, 0, 3),
        (100, 0, 0.51, 3),
    ],
)
def test_the_levels_of_difficulty(
    height: float, occlusion: int, truncation: float, level: int
) -> None:
    """Easy from 40 pixels, fully visible, 15 % outside; moderate 25, 1, 30 %; hard 25, 2, 50 %."""
    assert kitti.difficulty(height, occlusion, truncation) == level


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Car 0 0 1 2 3", "not a type and 14 numbers"),
        (CAR.replace("587.01", "x"), "not a type and 14 numbers"),
        (CAR.replace("587.01", "900"), "not a type and 14 numbers"),
        (CAR.replace("587.01", "nan"), "not a type and 14 numbers"),
        (CAR.replace("Car", "Bus"), "'Bus' is not a type of KITTI's"),
        (CAR.replace("0.00", "1.5"), "truncation 1.5, occlusion 0; they lie in 0 to 1"),
        (CAR.replace("0.00 0", "0.00 4"), "truncation 0, occlusion 4; they lie"),
        ("Caf\xe9", "not UTF-8"),
    ],
)
def test_a_wrong_label_of_kitti_is_named(kitti_tree: Path, line: str, says: str) -> None:
    """Lines of another form or out of range are refused when their image is loaded."""
    path = kitti_tree / "training" / "label_2" / "000000.txt"
    path.write_bytes(f"{NEAR}\n{line}".encode("latin-1"))
    sample = kitti.read(kitti_tree, "val").samples[0]
    with pytest.raises(BadInput, match=f"000000.txt, line 2: .*{says}"):
        sample.load()


def test_what_kitti_lacks_is_named(kitti_tree: Path) -> None:
    """Lists, labels and folders are asked for by name, with the reason."""
    with pytest.raises(BadInput, match=r"no file train.txt \(image numbers, one a line: KITTI"):
        kitti.read(kitti_tree, "train")
    (kitti_tree / "ImageSets" / "val.txt").rename(kitti_tree / "val.txt")
    (kitti_tree / "ImageSets").rmdir()
    with pytest.raises(BadInput, match=r"no file ImageSets/val.txt .*publishes no split"):
        kitti.read(kitti_tree, "val")
    (kitti_tree / "training" / "label_2").rename(kitti_tree / "training" / "other")
    with pytest.raises(BadInput, match="no folder label_2/"):
        kitti.read(kitti_tree, "val")
    (kitti_tree / "training").rename(kitti_tree / "somewhere")
    with pytest.raises(BadInput, match=r"kitti: .*: no folder training/"):
        kitti.read(kitti_tree, "val")
