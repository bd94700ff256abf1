"""Tests of choosing and decoding frames, and of UCF101's and Kinetics' folders."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchsuite.errors import BadInput, MissingPackage
from benchsuite.formats import images, video_folder, videos
from benchsuite.formats.images import Preparation
from benchsuite.formats.videos import Sampling

av = pytest.importorskip("av")
pytest.importorskip("PIL")

AS_STORED = Preparation()


def write(path: Path, frames: int = 12, *, fast: bool = False, noisy: bool = False) -> Path:
    """A real video of 32 x 16 pixels; frame i is grey of brightness 20 i."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    options = {"movflags": "faststart"} if fast else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for i in range(frames):
            pixels = np.full((16, 32, 3), 20 * i % 256, np.uint8)
            if noisy:
                pixels = generator.integers(0, 256, pixels.shape, dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def shown_frames(path: Path, sampling: Sampling) -> list[int]:
    """Which of the frames of `write` were decoded, by their brightness."""
    (frames,) = videos.load(path, sampling=sampling)
    return [round(float(frame.mean()) / 20) for frame in frames]


@pytest.mark.parametrize(
    ("sampling", "total", "expected"),
    [
        (Sampling(frames=4), 12, [1, 4, 7, 10]),
        (Sampling(frames=3), 3, [0, 1, 2]),
        (Sampling(frames=4), 2, [0, 0, 1, 1]),
        (Sampling(frames=1), 9, [4]),
        (Sampling(frames=3, how="stride", stride=2), 12, [3, 5, 7]),
        (Sampling(frames=3, how="stride", stride=2), 5, [0, 2, 4]),
        (Sampling(frames=4, how="stride", stride=2), 5, [0, 2, 4, 1]),
        (Sampling(frames=3, how="stride"), 1, [0, 0, 0]),
    ],
)
def test_frames_are_chosen(sampling: Sampling, total: int, expected: list[int]) -> None:
    """Middles of equal stretches, or steps around the middle; a short video begins again."""
    assert videos.choose(sampling, total=total) == expected


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv"])
def test_the_chosen_frames_are_decoded(tmp_path: Path, suffix: str) -> None:
    """Of every container the frames that were chosen come, in their order."""
    path = write(tmp_path / f"a.{suffix}")
    even = Sampling(frames=4, resize=AS_STORED)
    (frames,) = videos.load(path, sampling=even)
    assert frames.shape == (4, 16, 32, 3)
    assert frames.dtype == np.uint8
    assert shown_frames(path, even) == [1, 4, 7, 10]
    again = Sampling(frames=4, how="stride", stride=5, resize=AS_STORED)
    assert shown_frames(path, again) == [0, 5, 10, 3]


def test_frames_are_resized_and_prepared(tmp_path: Path) -> None:
    """Frames are made small as they come; a network's preparation puts channels first."""
    small = Sampling(frames=2, resize=Preparation(squash=(8, 6)))
    (frames,) = videos.load(write(tmp_path / "a.mp4"), sampling=small)
    assert frames.shape == (2, 8, 6, 3)
    prepared = videos.prepare(frames, images.KINETICS)
    assert prepared.shape == (3, 2, 112, 112)
    expected = (frames[1].mean() / 255 - 0.43216) / 0.22803
    assert abs(prepared[0, 1].mean() - expected) < 0.01


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda _: b"", "an empty file"),
        (lambda _: b"<html>not found</html>" * 50, "cannot be decoded"),
        (lambda whole: whole[: len(whole) // 2], "truncated: its header says 12 frames"),
        (lambda whole: whole[:40], "cannot be decoded|no video|no frames"),
    ],
)
def test_a_broken_video_is_named(tmp_path: Path, damage: object, says: str) -> None:
    """Empty, foreign and truncated files each get a sentence."""
    path = write(tmp_path / "a.mp4", fast=True, noisy=True)
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(BadInput, match=says) as caught:
        videos.load(path, sampling=Sampling())
    assert str(caught.value).startswith(f"{path}: ")


def test_a_video_without_its_index_is_named(tmp_path: Path) -> None:
    """An MP4 cut off before the index, which stands at its end, cannot be decoded at all."""
    path = write(tmp_path / "a.mp4", noisy=True)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(BadInput, match=r"a\.mp4: (cannot be decoded|no video in this file)"):
        videos.load(path, sampling=Sampling())


def test_a_playlist_leads_nowhere(tmp_path: Path) -> None:
    """A list of other files that is called a video is refused; those files stay unread."""
    other = write(tmp_path / "other.mp4")
    (tmp_path / "a.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{other}\n")
    (tmp_path / "b.mp4").write_text(f"ffconcat version 1.0\nfile {other.name}\n")
    for name in ("a.mp4", "b.mp4"):
        with pytest.raises(BadInput, match="cannot be decoded"):
            videos.load(tmp_path / name, sampling=Sampling())


def test_a_name_that_looks_like_an_address_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colons, stars and per cent signs in a name mean nothing."""
    write(tmp_path / "a.mp4").rename(tmp_path / "pipe:0 %d*?.mp4")
    monkeypatch.chdir(tmp_path)
    (frames,) = videos.load(Path("pipe:0 %d*?.mp4"), sampling=Sampling(frames=1))
    assert frames.shape == (1, 128, 256, 3)


def test_a_recording_is_no_video(tmp_path: Path) -> None:
    """A file with sound alone is refused."""
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 16_000
        for packet in (*stream.encode(frame), *stream.encode()):
            container.mux(packet)
    with pytest.raises(BadInput, match="no video in this file"):
        videos.load(tmp_path / "a.mkv", sampling=Sampling())


def test_without_pyav_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error ends with the line that installs it."""
    path = write(tmp_path / "a.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingPackage, match="reading videos needs the package av"):
        videos.load(path, sampling=Sampling())


# --- UCF101 -------------------------------------------------------------------------------------


@pytest.fixture
def ucf101(tmp_path: Path) -> Path:
    """Two classes of two videos, lists as published: CRLF, numbers behind training videos."""
    for name in ("ApplyEyeMakeup", "Archery"):
        for group in (1, 8):
            write(tmp_path / "UCF-101" / name / f"v_{name}_g{group:02d}_c01.avi", 4)
    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    (lists / "classInd.txt").write_bytes(b"1 ApplyEyeMakeup\r\n2 Archery\r\n")
    (lists / "trainlist01.txt").write_bytes(
        b"ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\r\nArchery/v_Archery_g08_c01.avi 2\r\n"
    )
    (lists / "testlist01.txt").write_bytes(
        b"Archery/v_Archery_g01_c01.avi\r\nArchery/v_Archery_g02_c01.avi\r\n"
    )
    return tmp_path


def test_ucf101_is_split_by_its_lists(ucf101: Path) -> None:
    """Classes are numbered as in classInd.txt from 0; what is missing is skipped."""
    listing = video_folder.read(ucf101, "train")
    assert [sample.targets["label"] for sample in listing.samples] == [0, 1]
    assert listing.facts["classes"] == ["ApplyEyeMakeup", "Archery"]
    listing = video_folder.read(ucf101, "test", sampling=Sampling(frames=2, resize=AS_STORED))
    assert [sample.targets["label"] for sample in listing.samples] == [1]
    assert listing.samples[0].load()[0].shape == (2, 16, 32, 3)
    assert [(one.path.name, one.why) for one in listing.skipped] == [
        ("v_Archery_g02_c01.avi", "missing")
    ]


def test_what_ucf101_lacks_is_named(ucf101: Path) -> None:
    """Lists, videos, classes and ways to split that are not there are each said."""
    lists = ucf101 / "ucfTrainTestlist"
    with pytest.raises(BadInput, match="no file testlist02.txt"):
        video_folder.read(ucf101, "test02")
    with pytest.raises(BadInput, match="no split 'test4'; UCF101 has train, test, train02"):
        video_folder.read(ucf101, "test4")
    (lists / "testlist01.txt").write_text("Surfing/a.avi\n")
    with pytest.raises(BadInput, match="line 1: class Surfing is not in classInd.txt"):
        video_folder.read(ucf101, "test")
    (lists / "testlist01.txt").write_text("Archery/a.avi\n")
    with pytest.raises(BadInput, match="a.avi is missing, and so is all of testlist01.txt"):
        video_folder.read(ucf101, "test")
    (lists / "testlist01.txt").write_text("../../a.avi\n")
    with pytest.raises(BadInput, match="line 1: .* is not FOLDER/FILE"):
        video_folder.read(ucf101, "test")
    (lists / "classInd.txt").write_text("1 ApplyEyeMakeup\n3 Archery\n")
    with pytest.raises(BadInput, match="classInd.txt, line 2: not `2 CLASS`"):
        video_folder.read(ucf101, "test")


# --- Kinetics -----------------------------------------------------------------------------------

HEADER = "label,youtube_id,time_start,time_end,split\r\n"


@pytest.fixture
def kinetics(tmp_path: Path) -> Path:
    """Two classes in val/, three videos."""
    for name in ("abseiling/-3B32lodo2M_000059_000069", "abseiling/b_000001_000011"):
        write(tmp_path / "val" / f"{name}.mp4", 4)
    write(tmp_path / "val" / "air_drumming" / "c.mp4", 4)
    return tmp_path


def test_kinetics_without_a_table_is_all_that_is_there(kinetics: Path) -> None:
    """Class folders alone are enough; `test` is val."""
    listing = video_folder.read(kinetics, "test")
    assert [sample.targets["label"] for sample in listing.samples] == [0, 0, 1]
    assert listing.samples[0].load()[0].shape == (16, 128, 256, 3)
    assert listing.facts["classes"] == ["abseiling", "air_drumming"]


def test_of_a_part_of_the_classes_the_order_must_be_told(kinetics: Path) -> None:
    """Two folders of 400 would be numbered 0 and 1; classes.txt says which they are."""
    with pytest.raises(BadInput, match=r"holds 2 classes of 4, .*put classes\.txt into"):
        video_folder.read(kinetics, "val", classes=4)
    (kinetics / "classes.txt").write_text("zumba\nair_drumming\narchery\nyoga\n")
    listing = video_folder.read(kinetics, "val", classes=4)
    assert [sample.targets["label"] for sample in listing.samples] == [1]
    assert [one.why for one in listing.skipped] == ["not in classes.txt"]
    (kinetics / "classes.txt").write_text("zumba\nzumba\n")
    with pytest.raises(BadInput, match=r"line 2: zumba for the second time"):
        video_folder.read(kinetics, "val", classes=4)


@pytest.mark.parametrize("name", ["val.csv", "annotations/kinetics-400_val.csv"])
def test_kinetics_is_what_its_table_lists(kinetics: Path, name: str) -> None:
    """CRLF, spaces for underscores and bare ids are understood; what is gone is skipped."""
    (kinetics / name).parent.mkdir(exist_ok=True)
    (kinetics / name).write_bytes(
        (
            HEADER
            + "abseiling,-3B32lodo2M,59,69,val\r\n"
            + '"air drumming",c,0,10,val\r\n'
            + "abseiling,gone,1.0,11.0,val\r\n"
            + "zumba,d,0,10,val\r\n"
        ).encode()
    )
    listing = video_folder.read(kinetics, "val")
    assert [sample.targets["label"] for sample in listing.samples] == [0, 1]
    assert [str(one.path.relative_to(kinetics)) for one in listing.skipped] == [
        "val/abseiling/gone_000001_000011.mp4",
        "val/zumba/d_000000_000010.mp4",
    ]


def test_a_table_may_split_a_bare_folder(kinetics: Path) -> None:
    """Without a folder a split the tables say which video is whose."""
    place = kinetics / "val"
    (place / "train.csv").write_text(HEADER + "abseiling,b,1,11,train\n")
    listing = video_folder.read(place, "train")
    assert len(listing.samples) == 1
    assert listing.facts["classes"] == ["abseiling", "air_drumming"]


def test_what_kinetics_lacks_is_named(kinetics: Path) -> None:
    """Folders, columns and numbers that are missing, and foreign files, are each said."""
    with pytest.raises(BadInput, match=r"video-folder: .*: no folder train/"):
        video_folder.read(kinetics, "train")
    (kinetics / "val" / "empty").mkdir()
    (kinetics / "val" / "abseiling" / "a.txt").touch()
    assert {one.path.name: one.why for one in video_folder.read(kinetics, "val").skipped} == {
        "empty": "a class folder without videos",
        "a.txt": "not a video by its name",
    }
    (kinetics / "val.csv").write_text("label,id\n")
    with pytest.raises(BadInput, match="no column youtube_id"):
        video_folder.read(kinetics, "val")
    (kinetics / "val.csv").write_text(HEADER + "abseiling,b,soon,late,val\n")
    with pytest.raises(BadInput, match="line 2: times that are not numbers"):
        video_folder.read(kinetics, "val")
