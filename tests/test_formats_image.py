"""Tests of image decoding, of the preprocessing papers used, and of image folders."""

from __future__ import annotations

import os
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest

from benchsuite.errors import BadInput, MissingPackage
from benchsuite.formats import _image, image_folder, images
from benchsuite.formats.images import Preparation
from benchsuite.types import Array

Image = pytest.importorskip("PIL.Image")


def picture(height: int = 12, width: int = 20, seed: int = 0) -> Array:
    """Smooth random colours (height, width, 3) of uint8, which survive JPEG nearly."""
    small = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def save(path: Path, pixels: Array | None = None, mode: str = "RGB", **options: object) -> Path:
    """A real file of the kind its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture() if pixels is None else pixels).convert(mode).save(path, **options)
    return path


# --- decoding -----------------------------------------------------------------------------------


def test_a_png_gives_its_pixels_back(tmp_path: Path) -> None:
    """One array (height, width, 3) of uint8, red first, with memory of its own."""
    (pixels,) = _image.load(save(tmp_path / "a.png"))
    assert np.array_equal(pixels, picture())
    assert pixels.dtype == np.uint8
    assert pixels.flags.writeable


def test_a_jpeg_is_what_pillow_makes_of_it(tmp_path: Path) -> None:
    """A JPEG is read as one, whatever its name says it is."""
    path = save(tmp_path / "a.jpg", quality=95)
    expected = np.asarray(Image.open(path))
    (pixels,) = _image.load(path.rename(tmp_path / "a.png"))
    assert np.array_equal(pixels, expected)
    assert not np.array_equal(pixels, picture())


def test_grey_is_three_times_the_same(tmp_path: Path) -> None:
    """A grey image has three equal channels."""
    path = save(tmp_path / "a.png", mode="L")
    (pixels,) = _image.load(path)
    assert pixels.shape == (12, 20, 3)
    assert np.array_equal(pixels[..., 0], np.asarray(Image.open(path)))
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_of_sixteen_bits_the_upper_eight_are_kept(tmp_path: Path, suffix: str) -> None:
    """Grey of 16 bits is scaled to 8, not cut off at 255."""
    wide = (np.arange(240, dtype=np.uint16) * 273).reshape(12, 20)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(wide).save(path)
    (pixels,) = _image.load(path)
    assert np.array_equal(pixels[..., 1], (wide // 256).astype(np.uint8))


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def png_header(width: int, height: int, *, bits: int = 8, colour: int = 2) -> bytes:
    """How a PNG file begins."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)


def test_colours_of_sixteen_bits_likewise(tmp_path: Path) -> None:
    """RGB of 16 bits a channel keeps the upper 8, as grey does."""
    wide = np.random.default_rng(0).integers(0, 65536, (3, 4, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    content = png_header(4, 3, bits=16) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(content)
    assert np.array_equal(_image.load(tmp_path / "a.png")[0], (wide >> 8).astype(np.uint8))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    """A four-colour JPEG, of which ImageNet has some, is converted."""
    (pixels,) = _image.load(save(tmp_path / "a.jpg", mode="CMYK", quality=95))
    assert pixels.shape == (12, 20, 3)
    assert np.abs(pixels.astype(int) - picture()).mean() < 4


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    """Alpha is dropped, palettes are looked up, and nothing warns."""
    path = save(tmp_path / "a.png", mode=mode)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _image.load(path)[0].shape == (12, 20, 3)


def test_an_orientation_in_exif_is_ignored(tmp_path: Path) -> None:
    """Pixels come as stored, as in the published accuracies on ImageNet."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    (pixels,) = _image.load(save(tmp_path / "a.jpg", exif=exif))
    assert pixels.shape == (12, 20, 3)


def test_of_several_frames_the_first_comes(tmp_path: Path) -> None:
    """An animated GIF gives its first frame."""
    frames = [Image.fromarray(np.full((4, 4, 3), value, np.uint8)) for value in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (_image.load(tmp_path / "a.gif")[0] == 10).all()


def _truncated(folder: Path) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return save(folder / "whole.jpg", noise).read_bytes()[:-500]


def _damaged(folder: Path) -> bytes:
    content = bytearray(save(folder / "whole.png").read_bytes())
    content[60:70] = bytes(10)
    return bytes(content)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda _: b"", "an empty file"),
        (lambda _: b"<html>not found</html>", "not an image"),
        (_truncated, "a damaged image: image file is truncated"),
        (_damaged, "a damaged image: "),
        (lambda _: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (
            lambda _: png_header(9500, 9500) + chunk(b"IDAT", b""),
            "9,500 x 9,500 pixels; more than 89,478,485 are not",
        ),
        (lambda _: png_header(30000, 30000), "not an image"),
        (
            lambda _: png_header(30000, 30000) + chunk(b"IDAT", b""),
            "more than 89,478,485 pixels are not read",
        ),
        (lambda _: png_header(4, 4) + chunk(b"IDAT", b""), "a damaged image: "),
    ],
)
def test_a_broken_image_is_named(
    tmp_path: Path, make: object, says: str, recwarn: pytest.WarningsRecorder
) -> None:
    """Empty, foreign, truncated, damaged and huge files each get a sentence and no warning."""
    path = tmp_path / "broken.jpg"
    path.write_bytes(make(tmp_path))  # type: ignore[operator]
    with pytest.raises(BadInput, match=says) as caught:
        _image.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert not recwarn.list


def test_numbers_that_are_no_pixels_are_refused(tmp_path: Path) -> None:
    """Images of 32-bit integers or floating-point numbers have no agreed brightness."""
    for dtype, says in ((np.int32, "32-bit integers"), (np.float32, "floating-point")):
        Image.fromarray(np.full((4, 4), 1e6, dtype)).save(tmp_path / "a.tif")
        with pytest.raises(BadInput, match=says):
            _image.load(tmp_path / "a.tif")


def test_without_pillow_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error ends with the line that installs it."""
    path = save(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingPackage, match=r"needs the package pillow.*pip install"):
        _image.load(path)


# --- preparation --------------------------------------------------------------------------------


def test_torchvisions_preparation_step_by_step() -> None:
    """Shorter side 256, the middle 224, to 0 to 1, ImageNet's mean and deviation."""
    image = picture(300, 401)
    resized = Image.fromarray(image).resize((342, 256), Image.Resampling.BILINEAR)  # 342.2
    middle = np.asarray(resized)[16:240, 59:283]
    expected = (middle / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    result = images.prepare(image, images.TORCHVISION)
    assert result.shape == (3, 224, 224)
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    assert np.abs(result - expected.transpose(2, 0, 1)).max() < 1e-5


def test_caffes_preparation_step_by_step() -> None:
    """Squashed to 256 x 256, the middle 227, blue first, a mean a channel."""
    image = picture(300, 401)
    squashed = np.asarray(Image.fromarray(image).resize((256, 256), Image.Resampling.BILINEAR))
    middle = squashed[14:241, 14:241].astype(np.float32)
    result = images.prepare(image, images.CAFFE)
    assert result.shape == (3, 227, 227)
    for channel, (colour, mean) in enumerate([(2, 104), (1, 117), (0, 123)]):
        assert np.array_equal(result[channel], middle[..., colour] - mean)


def test_lite0s_preparation_step_by_step() -> None:
    """Bicubic, and every pixel (x - 127) / 128."""
    image = picture(512, 512)
    resized = np.asarray(Image.fromarray(image).resize((256, 256), Image.Resampling.BICUBIC))
    result = images.prepare(image, images.EFFICIENTNET_LITE0)
    expected = (resized[16:240, 16:240].astype(np.float32) - 127) / 128
    assert np.array_equal(result, expected.transpose(2, 0, 1))


def test_squeezedets_preparation_is_wide() -> None:
    """A KITTI image becomes 384 high and 1248 wide, nothing is cut off."""
    assert images.prepare(picture(375, 1242), images.SQUEEZEDET).shape == (3, 384, 1248)


def test_no_preparation_changes_nothing_but_the_layout() -> None:
    """With every step left out the pixels are there, channels first."""
    image = picture()
    assert np.array_equal(images.prepare(image, Preparation()), image.transpose(2, 0, 1))


def test_grey_stays_what_it_is() -> None:
    """Of three equal channels the luma is that value exactly; of colours it is Pillow's."""
    grey = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    how = Preparation(channels="L")
    assert np.array_equal(images.prepare(grey, how)[0], grey[..., 0])
    colours = np.asarray(Image.fromarray(picture(64, 64)).convert("L"))
    assert np.array_equal(images.prepare(picture(64, 64), how)[0], colours)


def test_a_small_image_is_enlarged_and_an_upright_one_cut_above_and_below() -> None:
    """The shorter side decides, whichever it is."""
    how = Preparation(shorter_side=8, crop=(8, 8))
    assert images.resize(picture(6, 3), how).shape == (8, 8, 3)
    assert images.resize(picture(6, 3), Preparation(shorter_side=8)).shape == (16, 8, 3)


def test_what_cannot_be_prepared_is_said() -> None:
    """A crop that is too large, and an image that would become huge, are refused."""
    with pytest.raises(BadInput, match="a crop of 30 x 10 pixels from an image of 12 x 20"):
        images.resize(picture(), Preparation(crop=(30, 10)))
    with pytest.raises(BadInput, match="1 x 2,000,000 pixels would be resized to 256 x 512"):
        images.resize(np.zeros((1, 2_000_000, 3), np.uint8), images.TORCHVISION)


# --- image folders ------------------------------------------------------------------------------

SYNSETS = ("n01440764", "n01443537", "n02100000")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three synsets in train/ and val/, two images each, and their order."""
    (tmp_path / "synsets.txt").write_text("\n".join(SYNSETS))
    for split in ("train", "val"):
        for label, synset in enumerate(SYNSETS):
            for i in range(2):
                pixels = np.full((4, 5, 3), 40 * label + i, np.uint8)
                save(tmp_path / split / synset / f"{synset}_{i}.png", pixels)
    return tmp_path


def test_synsets_are_numbered_in_their_order(tree: Path) -> None:
    """Labels follow the sorted synsets; an image is the one its path says."""
    listing = image_folder.read(tree, "train")
    assert [sample.targets["label"] for sample in listing.samples] == [0, 0, 1, 1, 2, 2]
    assert (listing.samples[3].load()[0] == 41).all()
    assert listing.facts == {"folder": "train", "classes": [*SYNSETS], "synsets": [*SYNSETS]}
    assert listing.skipped == ()
    assert (listing.name, listing.split) == ("image-folder", "train")


def test_other_classes_are_numbered_in_alphabetical_order(tmp_path: Path) -> None:
    """Folders of any name are classes, in the order of their code points."""
    for name in ("zebra", "Ape", "äffin", "猫"):
        save(tmp_path / "val" / name / "a b\n'c'.png")
    listing = image_folder.read(tmp_path, "val")
    assert listing.facts["classes"] == ["Ape", "zebra", "äffin", "猫"]
    assert "synsets" not in listing.facts
    assert listing.samples[3].load()[0].shape == (12, 20, 3)


def test_test_is_val_where_test_has_no_answers(tree: Path) -> None:
    """ImageNet's test/ is flat; with class folders in it test/ is the test split."""
    save(tree / "test" / "ILSVRC2012_test_00000001.png")
    assert image_folder.read(tree, "test").facts["folder"] == "val"
    save(tree / "test" / SYNSETS[0] / "a.png")
    assert image_folder.read(tree, "test").facts["folder"] == "test"


def test_a_bare_folder_is_a_test_split(tree: Path) -> None:
    """A folder of classes alone is for the test, never for training and test at once."""
    bare = tree / "val"
    (tree / "synsets.txt").rename(bare / "synsets.txt")
    assert image_folder.read(bare, "test").skipped == ()
    assert len(image_folder.read(bare, "test").samples) == 6
    with pytest.raises(BadInput, match=r"no folder train/ .*a bare folder of classes is a test"):
        image_folder.read(bare, "train")


def test_the_missing_folder_is_named(tree: Path) -> None:
    """A tree with one split says what is missing of the other."""
    (tree / "val").rename(tree / "elsewhere")
    says = r"image-folder: .*: no folder val/ nor validation/ \(class subfolders such as n01440764"
    with pytest.raises(BadInput, match=says):
        image_folder.read(tree, "val")


def test_what_is_not_an_image_is_skipped_and_named(tree: Path) -> None:
    """Files of other kinds, deeper folders and empty classes leave the numbers as they are."""
    save(tree / "val" / SYNSETS[0] / "deeper" / "a.png")
    (tree / "val" / SYNSETS[0] / "notes.txt").touch()
    (tree / "val" / "stray.png").touch()
    (tree / "val" / "lists").mkdir()
    for path in (tree / "val" / SYNSETS[1]).iterdir():
        path.unlink()
    listing = image_folder.read(tree, "val")
    assert [sample.targets["label"] for sample in listing.samples] == [0, 0, 2, 2]
    assert {one.path.name: one.why for one in listing.skipped} == {
        "deeper": "a folder among files",
        "notes.txt": "not an image by its name",
        "stray.png": "not in a class folder",
        "lists": "not a synset, as others are",
        SYNSETS[1]: "a class folder without images",
    }


def test_a_circle_of_folders_ends(tree: Path) -> None:
    """A link back up in a class folder is not followed; one among the classes is one class."""
    (tree / "val" / SYNSETS[0] / "up").symlink_to("..")
    listing = image_folder.read(tree, "val")
    assert len(listing.samples) == 6
    assert [one.why for one in listing.skipped] == ["a folder among files"]


def test_names_that_are_no_utf8_can_be_read_and_shown(tree: Path) -> None:
    """A file name of other bytes is opened as it is and printed escaped."""
    strange = os.fsdecode(b"caf\xe9.png")
    try:
        (tree / "val" / SYNSETS[0] / f"{SYNSETS[0]}_0.png").rename(
            tree / "val" / SYNSETS[0] / strange
        )
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    samples = image_folder.read(tree, "val").samples
    (found,) = (one for one in samples if one.path is not None and one.path.name == strange)
    assert found.load()[0].shape == (4, 5, 3)
    assert found.path is not None
    found.path.write_bytes(b"")
    with pytest.raises(BadInput) as caught:
        found.load()
    assert str(caught.value).encode()


def test_folders_without_images_are_refused(tmp_path: Path) -> None:
    """Classes without a single image are no data."""
    (tmp_path / "val" / "a").mkdir(parents=True)
    with pytest.raises(BadInput, match="no images in class folders in it"):
        image_folder.read(tmp_path, "val")


def test_a_part_of_imagenet_without_its_order_is_refused(tree: Path) -> None:
    """Three synsets are not 0, 1, 2 of a thousand: that would be an accuracy of about nought."""
    (tree / "synsets.txt").unlink()
    with pytest.raises(BadInput, match=r"holds 3 synsets, not .*1000.*; put synsets\.txt into"):
        image_folder.read(tree, "val")


def test_a_list_of_synsets_numbers_a_part_of_imagenet(tree: Path) -> None:
    """Ten of a thousand synsets keep the numbers that published networks give them."""
    (tree / "synsets.txt").unlink()
    whole = ["n00000001 first", *(f"{name} a word, another" for name in SYNSETS)]
    (tree / "synset_words.txt").write_bytes("\r\n".join(whole).encode())
    listing = image_folder.read(tree, "val")
    assert [sample.targets["label"] for sample in listing.samples] == [1, 1, 2, 2, 3, 3]
    assert listing.facts["classes"] == ["first", *["a word, another"] * 3]
    assert listing.facts["synsets"] == ["n00000001", *SYNSETS]
    (tree / "synset_words.txt").write_text("n01440764\nn01440764\n")
    with pytest.raises(BadInput, match="line 2: n01440764 for the second time"):
        image_folder.read(tree, "val")


# --- ImageNet's flat validation set -------------------------------------------------------------


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Images 1, 2 and 4 of a flat validation folder."""
    for i in (1, 2, 4):
        pixels = np.full((2, 2, 3), i, np.uint8)
        save(tmp_path / "val" / f"ILSVRC2012_val_{i:08d}.png", pixels)
    return tmp_path


def test_a_flat_folder_is_labelled_by_name(flat: Path) -> None:
    """`name label` a line, as in Caffe's val.txt; both kinds of gap are reported."""
    names = [f"ILSVRC2012_val_{i:08d}.png" for i in (1, 3, 4)]
    (flat / "val.txt").write_text("".join(f"{name} {900 + i}\n" for i, name in enumerate(names)))
    listing = image_folder.read(flat, "test")
    found = [(int(s.load()[0][0, 0, 0]), s.targets["label"]) for s in listing.samples]
    assert found == [(1, 900), (4, 902)]
    assert len(listing.facts["classes"]) == 1000
    assert {one.path.name: one.why for one in listing.skipped} == {
        "ILSVRC2012_val_00000002.png": "no label in val.txt",
        names[1]: "missing",
    }


def test_a_flat_folder_is_labelled_by_the_number_of_the_line(flat: Path) -> None:
    """A synset a line: the fourth is image 4's though image 3 is missing."""
    lines = ["n00000002", "n00000001", "n00000003", "n00000003"]
    (flat / "val" / "synset_labels.txt").write_text("\r\n".join(lines))
    listing = image_folder.read(flat, "val")
    assert [sample.targets["label"] for sample in listing.samples] == [1, 0, 2]
    (flat / "synsets.txt").write_text("n00000000\nn00000001\nn00000002\nn00000003\n")
    listing = image_folder.read(flat, "val")
    assert [sample.targets["label"] for sample in listing.samples] == [2, 1, 3]


def test_numbers_of_the_development_kit_are_refused(flat: Path) -> None:
    """Its numbers have another order: used as they are, every accuracy would be wrong."""
    (flat / "ILSVRC2012_validation_ground_truth.txt").write_text("490\n361\n171\n")
    with pytest.raises(BadInput, match="not in the order of the synsets; give val.txt"):
        image_folder.read(flat, "val")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("ILSVRC2012_val_00000001.png 1000", "label 1000 of ILSVRC.*there are 1000 classes"),
        ("ILSVRC2012_val_00000001.png -1", "line 1: '-1' is neither a number nor a synset"),
        ("ILSVRC2012_val_00000001.png cat", "line 1: 'cat' is neither a number nor a synset"),
        ("12\n13", "line 1: neither `name label` nor a synset"),
        ("other.png 3", "no images that val.txt labels"),
    ],
)
def test_wrong_labels_are_named(flat: Path, content: str, says: str) -> None:
    """Labels out of range or of no known form are refused with file and line."""
    (flat / "val.txt").write_text(content)
    with pytest.raises(BadInput, match=says):
        image_folder.read(flat, "val")


def test_a_flat_folder_without_labels_says_what_it_needs(flat: Path) -> None:
    """Neither classes nor labels: both ways out are named."""
    with pytest.raises(BadInput, match=r"no class folders .*and val.txt .* is missing"):
        image_folder.read(flat, "val")
