"""Tests of what every format shares: listing without opening, lazy samples, text files."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import subprocess
import sys
import tracemalloc
from functools import partial
from pathlib import Path

import pytest

from benchsuite import formats
from benchsuite.errors import BadInput
from benchsuite.formats import Sample, _audio, _image, _texts, _trees, image_folder, videos
from benchsuite.formats._lazy import Later, Made


def test_every_file_is_a_format() -> None:
    """The formats are the package's public files, each with `read` and its own name."""
    assert formats.names() == [
        "analogies",
        "cifar",
        "coco",
        "idx",
        "image-folder",
        "kitti",
        "librispeech",
        "speech-commands",
        "text",
        "video-folder",
        "voc",
        "word-pairs",
    ]
    for name in formats.names():
        module = __import__(f"benchsuite.formats.{name.replace('-', '_')}", fromlist=["read"])
        assert name == module.NAME
        assert callable(module.read)


@pytest.mark.parametrize("name", formats.names())
def test_a_place_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    """Every format says what the folder that was not found must hold."""
    with pytest.raises(BadInput, match=f"^{name}: .*nowhere is (not|neither)"):
        formats.read(name, tmp_path / "nowhere", "test")


@pytest.mark.parametrize("name", formats.names())
def test_an_empty_folder_is_refused_by_its_first_gap(name: str, tmp_path: Path) -> None:
    """Of an empty folder every format names the file or folder it missed first."""
    with pytest.raises(BadInput, match=f"^{name}: .*no (file|folder) "):
        formats.read(name, tmp_path, "test")


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    """The error lists the formats there are; a helper is not one of them."""
    with pytest.raises(BadInput, match="unknown data format 'images'; known: .*voc"):
        formats.read("images", tmp_path, "test")


def test_no_format_imports_torch_or_a_decoder() -> None:
    """Listing needs neither torch nor Pillow nor PyAV."""
    code = (
        "import sys, importlib; from benchsuite import formats\n"
        "for n in [*formats.names(), 'images', 'videos']:\n"
        "    importlib.import_module('benchsuite.formats.' + n.replace('-', '_'))\n"
        "print({'torch', 'PIL', 'av'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_twenty_thousand_files_are_listed_without_opening_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listing opens nothing, makes no sample before it is asked for, and takes a few megabytes."""
    for label in range(20):
        folder = tmp_path / "val" / f"class{label:02d}"
        folder.mkdir(parents=True)
        for i in range(1000):
            os.close(os.open(folder / f"ILSVRC2012_val_{i:08d}.JPEG", os.O_CREAT | os.O_WRONLY))

    opened = []

    def forbidden(*arguments: object, **_: object) -> None:
        opened.append(arguments[0])
        raise AssertionError(f"opened {arguments[0]}")

    tracemalloc.start()
    with monkeypatch.context() as patched:
        for module in (builtins, io, os):
            patched.setattr(module, "open", forbidden)
        listing = image_folder.read(tmp_path, "val")
        last = listing.samples[-1]
        labels = [sample.targets["label"] for sample in listing.samples]
        assert not opened
        with pytest.raises(BadInput):
            last.load()
        assert opened  # the trap works
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert labels == [label for label in range(20) for _ in range(1000)]
    assert last.path == tmp_path / "val" / "class19" / "ILSVRC2012_val_00000999.JPEG"
    assert peak < 10 * 2**20


def test_samples_can_be_sent_to_another_process(tmp_path: Path) -> None:
    """A sample pickles, so that several processes may decode."""
    (tmp_path / "val" / "a").mkdir(parents=True)
    (tmp_path / "val" / "a" / "1.png").touch()
    sample: Sample = image_folder.read(tmp_path, "val").samples[0]
    again = pickle.loads(pickle.dumps(sample))
    assert again.path == sample.path
    with pytest.raises(BadInput, match="an empty file"):
        again.load()


def test_a_made_sequence_is_a_sequence() -> None:
    """Indices from either end, slices, iteration and the end of it behave as a list's do."""
    squares = Made(5, lambda i: i * i)
    assert list(squares) == [0, 1, 4, 9, 16]
    assert squares[-1] == 16
    assert list(squares[1::2]) == [1, 9]
    assert list(squares[::-1][:2]) == [16, 9]
    for outside in (5, -6):
        with pytest.raises(IndexError):
            squares[outside]


def test_a_later_mapping_is_read_once() -> None:
    """The reader is called when the first key is asked for and not again."""
    calls = []

    def read() -> dict[str, int]:
        calls.append(1)
        return {"a": 1}

    later = Later(read)
    assert not calls
    assert dict(later) == {"a": 1}
    assert len(later) == 1
    assert calls == [1]


def test_a_file_that_is_gone_when_it_is_loaded_is_named(tmp_path: Path) -> None:
    """Between listing and loading a file may go: that is said, not that it is damaged."""
    pytest.importorskip("PIL")
    pytest.importorskip("av")
    for load in (
        _image.load,
        partial(_audio.load, rate_hz=1),
        partial(videos.load, sampling=videos.Sampling()),
    ):
        for suffix in ("wav", "flac"):
            with pytest.raises(BadInput, match="cannot be read: No such file or directory"):
                load(tmp_path / f"gone.{suffix}")


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    """A link to a file counts; one to nothing, to itself or back up is skipped, with a reason."""
    (tmp_path / "real").touch()
    (tmp_path / "to-real").symlink_to("real")
    (tmp_path / "to-nothing").symlink_to("nothing")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "up").symlink_to("..")
    os.mkfifo(tmp_path / "pipe")
    inside = _trees.content(tmp_path)
    assert inside.files == ("real", "to-real")
    assert inside.folders == ("up",)
    assert {one.path.name: one.why for one in inside.skipped} == {
        "to-nothing": "a link to nothing",
        "circle": "Too many levels of symbolic links",
        "pipe": "not a regular file",
    }


def test_hidden_and_system_files_do_not_count(tmp_path: Path) -> None:
    """What the file manager leaves behind is neither used nor reported."""
    for name in (".DS_Store", "._a.jpg", "Thumbs.db"):
        (tmp_path / name).touch()
    (tmp_path / "__MACOSX").mkdir()
    assert _trees.content(tmp_path) == _trees.Content(folders=(), files=(), skipped=())


def test_what_cannot_be_printed_is_escaped() -> None:
    """Line ends, escape sequences and bytes that are no UTF-8 do not reach the terminal."""
    assert _trees.shown(Path("a\nb\x1b[1m")) == "a\\nb\\x1b[1m"
    assert _trees.shown(os.fsdecode(b"caf\xe9")).encode() == b"caf\\udce9"
    assert _trees.shown("naïve 猫") == "naïve 猫"


def test_lines_lose_their_ends_and_the_mark_of_windows(tmp_path: Path) -> None:
    """CRLF, a byte-order mark and empty lines leave no trace but the numbers."""
    path = tmp_path / "list"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\n  two \nthree")
    assert list(_texts.lines(path)) == [(1, "one"), (3, "two"), (4, "three")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"fine\ncaf\xe9\n", "list, line 2: not UTF-8: unexpected end of data|invalid"),
        (b"a" * 70_000, "list, line 1: longer than 65,536 bytes"),
    ],
)
def test_a_line_that_is_no_text_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    """Wrong encodings and endless lines are named by file and line."""
    path = tmp_path / "list"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=says):
        list(_texts.lines(path))


def test_a_table_gives_its_columns(tmp_path: Path) -> None:
    """Of a table as Windows writes it, quoted commas included, the columns asked for come."""
    path = tmp_path / "t.csv"
    path.write_bytes(b'label,id,x\r\n"a, b",1,?\r\nc,2,?\r\n')
    rows = list(_texts.table(path, columns=("id", "label")))
    assert rows == [(2, {"id": "1", "label": "a, b"}), (3, {"id": "2", "label": "c"})]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no column id in its first line"),
        (b"label\r\na\r\n", "no column id in its first line"),
        (b"id,label\r\n1,a\r\n2\r\n", "line 3: a value is missing"),
        (b"id,label\r\n1,\xff\r\n", "line 2: not UTF-8"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    """Missing columns and values are named by file and line."""
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=says):
        list(_texts.table(path, columns=("id", "label")))


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../b", "a", "a/b/c", "a//b", "a/\0"])
def test_a_list_cannot_lead_out_of_its_folder(tmp_path: Path, name: str) -> None:
    """What is not FOLDER/FILE is refused with its line."""
    with pytest.raises(BadInput, match="line 7: .* is not FOLDER/FILE"):
        _texts.inside(tmp_path / "list", 7, name, parts=2)
