"""Tests of the formats that keep a split in arrays, IDX and CIFAR, and of pickles read safely."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchsuite.errors import BadInput
from benchsuite.formats import _pickles, cifar, idx
from benchsuite.types import Array

# --- IDX ----------------------------------------------------------------------------------------


def as_idx(array: Array) -> bytes:
    """An array of bytes as an IDX file."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
LABELS = np.array([2, 0, 9], dtype=np.uint8)


@pytest.mark.parametrize("names", [("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("mark", ["-", "."])
def test_idx_gives_images_and_labels(
    tmp_path: Path, names: tuple[str, str], packed: bool, mark: str
) -> None:
    """Plain or gzipped, with either spelling of the names, grey comes as three channels."""
    for name, array in zip(names, (IMAGES, LABELS), strict=True):
        name = name.replace("-idx", f"{mark}idx") + (".gz" if packed else "")
        (tmp_path / name).write_bytes(gzip.compress(as_idx(array)) if packed else as_idx(array))
    listing = idx.read(tmp_path, "test")
    assert [sample.targets["label"] for sample in listing.samples] == [2, 0, 9]
    (image,) = listing.samples[1].load()
    assert image.shape == (4, 5, 3)
    assert np.array_equal(image[..., 2], IMAGES[1])
    assert listing.facts["classes"] == list("0123456789")
    with pytest.raises(BadInput, match="no file train-images-idx3-ubyte nor"):
        idx.read(tmp_path, "train")


def test_idx_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    """Another number of labels than images, a truncated file and an unknown split are refused."""
    (tmp_path / "train-images-idx3-ubyte").write_bytes(as_idx(IMAGES))
    labels = tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes(as_idx(LABELS[:2]))
    with pytest.raises(BadInput, match="labels-idx1-ubyte: 2 labels for 3 images"):
        idx.read(tmp_path, "train")
    labels.write_bytes(as_idx(LABELS)[:-1])
    with pytest.raises(BadInput, match="truncated"):
        idx.read(tmp_path, "train")
    with pytest.raises(BadInput, match="no split 'extra'"):
        idx.read(tmp_path, "extra")


# --- pickles as Python 2 wrote them -------------------------------------------------------------


class Python2:
    """Writes protocol 2 as Python 2's cPickle did for the published batches."""

    def __init__(self) -> None:
        self.memo = 0

    def file(self, item: Any) -> bytes:
        return b"\x80\x02" + self.item(item) + b"."

    def put(self) -> bytes:
        self.memo += 1
        return b"q" + bytes([self.memo]) if self.memo < 256 else b"r" + struct.pack("<I", self.memo)

    def item(self, item: Any) -> bytes:
        if isinstance(item, dict):
            start = b"}" + self.put() + b"("
            return start + b"".join(self.item(k) + self.item(v) for k, v in item.items()) + b"u"
        if isinstance(item, list):
            return b"]" + self.put() + b"(" + b"".join(map(self.item, item)) + b"e"
        if isinstance(item, bytes):
            if len(item) < 256:
                return b"U" + bytes([len(item)]) + item + self.put()
            return b"T" + struct.pack("<i", len(item)) + item + self.put()
        if isinstance(item, int):
            if 0 <= item < 256:
                return b"K" + bytes([item])
            return b"M" + struct.pack("<H", item)
        assert isinstance(item, np.ndarray)
        blank = b"cnumpy.core.multiarray\n_reconstruct\n" + self.put()
        blank += b"cnumpy\nndarray\n" + self.put() + b"K\0\x85" + self.put()
        blank += b"U\1b" + self.put() + b"\x87" + self.put() + b"R" + self.put()
        shape = b"".join(map(self.item, item.shape)) + b"\x86" + self.put()
        kind = b"cnumpy\ndtype\n" + self.put() + b"U\2u1" + self.put() + b"K\0K\1\x87" + self.put()
        kind += b"R" + self.put() + b"(K\3U\1|" + self.put() + b"NNNJ\xff\xff\xff\xff"
        kind += b"J\xff\xff\xff\xffK\0t" + self.put() + b"b"
        return blank + b"(K\1" + shape + kind + b"\x89" + self.item(item.tobytes()) + b"tb"


def pickled(item: Any) -> bytes:
    """A file as the published ones are."""
    return Python2().file(item)


def batch(n: int = 4, *, classes: int = 10, seed: int = 0) -> dict[bytes, Any]:
    """A small batch of CIFAR-10."""
    generator = np.random.default_rng(seed)
    return {
        b"batch_label": b"testing batch 1 of 1",
        b"labels": generator.integers(0, classes, n).tolist(),
        b"data": generator.integers(0, 256, (n, 3072), dtype=np.uint8),
        b"filenames": [b"image_%03d.png" % i for i in range(n)],
    }


def test_the_written_pickle_is_what_python_reads() -> None:
    """Python's own reader takes the tests' file for what it is meant to be."""
    again = pickle.loads(pickled(batch(300)), encoding="bytes")
    assert again.keys() == batch().keys()
    assert np.array_equal(again[b"data"], batch(300)[b"data"])
    assert again[b"labels"] == batch(300)[b"labels"]


def test_a_batch_is_read_without_unpickling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text, lists, numbers and the array come out though Python's reader is never called."""

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("unpickled")

    path = tmp_path / "batch"
    path.write_bytes(pickled(batch(300)))
    with monkeypatch.context() as patched:
        for name in ("load", "loads", "Unpickler", "_Unpickler"):
            patched.setattr(pickle, name, forbidden)
        content = _pickles.read(path)
    assert np.array_equal(content["data"], batch(300)[b"data"])
    assert content["labels"] == batch(300)[b"labels"]
    assert content["filenames"][299] == "image_299.png"
    assert content["batch_label"] == "testing batch 1 of 1"


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_plain_data_of_every_old_protocol_are_read(tmp_path: Path, protocol: int) -> None:
    """Whatever of text, numbers, lists, tuples and dictionaries Python writes comes back."""
    plain = {
        "text": "a猫\n'",
        "numbers": [0, -1, 70_000, 2**40, -(2**70)],
        "nested": [[], {}, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {"a": [True, False, None]}],
    }
    same = [1]
    plain["twice"] = [same, same]
    (tmp_path / "plain").write_bytes(pickle.dumps(plain, protocol=protocol))
    assert _pickles.read(tmp_path / "plain") == plain


class Attack:
    """An object that makes Python's reader call a function."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", range(6))
def test_an_attack_is_not_executed(tmp_path: Path, protocol: int) -> None:
    """What runs a command in Python's reader runs nothing here, in any protocol."""
    sign = tmp_path / "executed"
    attack = pickle.dumps({"labels": Attack(os.mkdir, str(sign))}, protocol=protocol)
    pickle.loads(attack)
    assert sign.is_dir()  # the attack works
    sign.rmdir()
    path = tmp_path / "test_batch"
    path.write_bytes(attack)
    (tmp_path / "data_batch_1").write_bytes(attack)
    for read in (lambda: _pickles.read(path), lambda: cifar.read(tmp_path, "test")):
        with pytest.raises(BadInput, match=r"test_batch: a pickle (that names|of protocol)"):
            read()
    assert not sign.exists()


def _call(name: bytes, arguments: bytes) -> bytes:
    return b"\x80\x02c" + name + arguments + b"R."


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (_call(b"os\nsystem\n", b"U\4true\x85"), "names 'os system'"),
        (_call(b"builtins\neval\n", b"U\0011\x85"), "names 'builtins eval'"),
        (_call(b"numpy\nload\n", b"U\4evil\x85"), "names 'numpy load'"),
        (_call(b"numpy.core.multiarray\nscalar\n", b")"), "names 'numpy.core.multiarray scalar'"),
        (_call(b"numpy\ndtype\n", b"U\1OK\0K\1\x87"), "calls something else"),
        (_call(b"numpy\nndarray\n", b"J\0\0\0\x7f\x85\x85"), "calls something else"),
        (
            _call(
                b"numpy.core.multiarray\n_reconstruct\n",
                b"cnumpy\nndarray\nJ\0\0\0\x7f\x85U\1b\x87",
            ),
            "calls something else",
        ),
        (b"\x80\x02K\1}b.", "an object with a state"),
        (b"\x80\x02(K\1ios\nsystem\n.", "the instruction INST"),
        (b"\x80\x02(cos\nsystem\no.", "names 'os system'"),
        (b"\x80\x02)\x81.", "the instruction NEWOBJ"),
        (b"\x80\x02\x82\1.", "the instruction EXT1"),
        (b"P0\n.", "the instruction PERSID"),
        (b"\x80\x02U\1aQ.", "the instruction BINPERSID"),
        (b"\x80\x04N.", "protocol 4, published batches have 2"),
        (b"\x80\x02}(K\1K\1u.", "keys are not text"),
        (b"\x80\x02K\1K\2a.", "adds to what is no list"),
        (b"", "not a pickle"),
        (b"<html>", "not a pickle|instruction"),
        (b"\x80\x02]", "not a pickle, or a damaged one"),
        (b"\x80\x02T\xff\xff\xff\x7fabc.", "not a pickle, or a damaged one"),
        (b"\x80\x02T\xff\xff\xff\xffabc.", "not a pickle, or a damaged one"),
        (b"\x80\x02h\5.", "not a pickle, or a damaged one"),
        (b"\x80\x02u.", "not a pickle, or a damaged one"),
        (b"\x80\x02\x87.", "not a pickle, or a damaged one"),
        (b"\x80\x02.", "not a pickle, or a damaged one"),
    ],
)
def test_what_a_batch_does_not_need_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    """Foreign names, other calls and instructions, and damage each end with a sentence."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=f"file: .*({says})"):
        _pickles.read(path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"M\0\x0c\x86", b"M\0\x0d\x86"),  # rows of 3328
        (b"U\2u1", b"U\2u8"),
        (b"\x89T", b"\x88T"),  # by columns
    ],
)
def test_an_array_that_is_not_its_bytes_is_refused(tmp_path: Path, old: bytes, new: bytes) -> None:
    """Another shape, number type or order than the bytes have is no batch."""
    content = pickled(batch())
    assert content.count(old) == 1
    path = tmp_path / "file"
    path.write_bytes(content.replace(old, new))
    with pytest.raises(BadInput, match="file: "):
        _pickles.read(path)


def test_a_huge_pickle_is_not_read(tmp_path: Path) -> None:
    """A file far larger than a batch is refused by its size."""
    path = tmp_path / "file"
    with path.open("wb") as stream:
        stream.truncate(2**29)
    with pytest.raises(BadInput, match="more than 268,435,456 bytes are not read"):
        _pickles.read(path)


# --- CIFAR --------------------------------------------------------------------------------------

NAMES = [b"airplane", b"automobile", *(b"class%d" % i for i in range(2, 10))]


@pytest.fixture
def cifar10(tmp_path: Path) -> Path:
    """Five training batches of 4 and a test batch of 3, as unpacked."""
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for i in range(1, 6):
        (folder / f"data_batch_{i}").write_bytes(pickled(batch(seed=i)))
    (folder / "test_batch").write_bytes(pickled(batch(3, seed=6)))
    meta = {b"num_cases_per_batch": 10_000, b"label_names": NAMES, b"num_vis": 3072}
    (folder / "batches.meta").write_bytes(pickled(meta))
    return folder


@pytest.mark.parametrize("inside", [True, False])
def test_cifar10_python_batches(cifar10: Path, inside: bool) -> None:
    """Batches follow each other; an image's planes become its channels."""
    place = cifar10 if inside else cifar10.parent
    listing = cifar.read(place, "train")
    labels = [label for i in range(1, 6) for label in batch(seed=i)[b"labels"]]
    assert [sample.targets["label"] for sample in listing.samples] == labels
    (image,) = listing.samples[9].load()  # the second of the third batch
    planes = batch(seed=3)[b"data"][1].reshape(3, 32, 32)
    assert image.shape == (32, 32, 3)
    assert np.array_equal(image[..., 0], planes[0])
    assert np.array_equal(image[..., 2], planes[2])
    assert listing.facts["classes"][:2] == ["airplane", "automobile"]
    assert len(cifar.read(place, "test").samples) == 3


def test_cifar10_binary_batches(tmp_path: Path) -> None:
    """A record is a label and three planes."""
    for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
        one = batch(2, seed=len(name))
        rows = np.column_stack([np.array(one[b"labels"], np.uint8), one[b"data"]])
        (tmp_path / f"{name}.bin").write_bytes(rows.tobytes())
    (tmp_path / "batches.meta.txt").write_bytes(b"\r\n".join(NAMES) + b"\n\n")
    listing = cifar.read(tmp_path, "train")
    assert len(listing.samples) == 10
    one = batch(2, seed=len("data_batch_1"))
    assert listing.samples[1].targets == {"label": one[b"labels"][1]}
    planes = one[b"data"][1].reshape(3, 32, 32)
    assert np.array_equal(listing.samples[1].load()[0], planes.transpose(1, 2, 0))
    assert len(listing.facts["classes"]) == 10


@pytest.mark.parametrize("binary", [True, False])
def test_cifar100_has_two_labels(tmp_path: Path, binary: bool) -> None:
    """The fine label is the `label`, the coarse one beside it."""
    one = batch(5, classes=100)
    coarse = [label // 5 for label in one[b"labels"]]
    if binary:
        rows = np.column_stack([np.uint8(coarse), np.uint8(one[b"labels"]), one[b"data"]])
        (tmp_path / "test.bin").write_bytes(rows.tobytes())
    else:
        one[b"fine_labels"] = one.pop(b"labels")
        one[b"coarse_labels"] = coarse
        (tmp_path / "test").write_bytes(pickled(one))
        meta = {b"fine_label_names": [b"c%d" % i for i in range(100)]}
        (tmp_path / "meta").write_bytes(pickled(meta))
    listing = cifar.read(tmp_path, "test")
    assert [sample.targets["coarse_label"] for sample in listing.samples] == coarse
    assert listing.samples[4].targets["label"] == batch(5, classes=100)[b"labels"][4]
    assert listing.facts["classes"][7] == ("7" if binary else "c7")


def test_the_missing_batch_is_named(cifar10: Path) -> None:
    """Of batches that are not there the first is named."""
    (cifar10 / "data_batch_3").unlink()
    with pytest.raises(BadInput, match="no file data_batch_3"):
        cifar.read(cifar10, "train")
    assert cifar.read(cifar10, "test").samples


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda one: one | {b"labels": [0, 1, 10, 2]}, "label 10; there are 10 classes"),
        (lambda one: one | {b"labels": [0, 1]}, "2 labels for 4 images"),
        (lambda one: one | {b"labels": [b"0", 1, 2, 3]}, "no list of numbers `labels`"),
        (lambda one: one | {b"data": one[b"data"][:, :99]}, "no array `data` of rows of 3072"),
        (lambda one: {b"labels": one[b"labels"]}, "no array `data` of rows of 3072"),
        (lambda one: [one], "no array `data` of rows of 3072"),
    ],
)
def test_a_wrong_batch_is_named(
    cifar10: Path, change: Callable[[dict[bytes, Any]], Any], says: str
) -> None:
    """Labels out of range, too few, of another type, and other arrays are refused."""
    (cifar10 / "test_batch").write_bytes(pickled(change(batch())))
    with pytest.raises(BadInput, match=f"test_batch: {says}"):
        cifar.read(cifar10, "test")


def test_wrong_records_and_names_are_named(cifar10: Path, tmp_path: Path) -> None:
    """A binary batch that ends inside a record, and too few class names, are refused."""
    (cifar10 / "batches.meta").write_bytes(pickled({b"label_names": NAMES[:9]}))
    with pytest.raises(BadInput, match=r"batches\.meta: 9 class names; there are 10"):
        cifar.read(cifar10, "test")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "test_batch.bin").write_bytes(bytes(3073 * 2 - 1))
    with pytest.raises(BadInput, match="6,145 bytes; a batch has 3,073 an image"):
        cifar.read(tmp_path / "b", "test")
