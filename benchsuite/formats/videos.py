"""Which frames of a video a network sees, and decoding those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchsuite.errors import BadInput, MissingPackage
from benchsuite.formats import images
from benchsuite.formats._image import LARGEST_PIXELS
from benchsuite.formats._trees import broken, shown
from benchsuite.types import Array, Arrays

SUFFIXES = (".mp4", ".avi", ".mkv", ".webm", ".mov", ".mpg", ".mpeg", ".m4v")
LARGEST_B = 2**30  # of the chosen frames, once resized
# by content, whatever the name; playlists, which lead FFmpeg to other files, are not among them
_OPTIONS = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,mpeg,mpegvideo,mpegts,m4v",
    "protocol_whitelist": "file",
}

_SMALLER = images.Preparation(shorter_side=128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """The frames that stand for a video.

    Attributes:
        frames: How many.
        how: `even`, the middles of as many equal stretches of the whole video, or `stride`, every
            `stride`-th from the middle of the video. A video that is shorter begins again.
        stride: In frames.
        clip, clips: Of `stride`: the video falls into `clips` equal stretches, and the frames
            are from the middle of the one of that number, from 0.
        resize: What is done with each frame; of a preparation only its resizing and cropping.
    """

    frames: int = 16
    how: Literal["even", "stride"] = "even"
    stride: int = 1
    clip: int = 0
    clips: int = 1
    resize: images.Preparation = _SMALLER


def choose(sampling: Sampling, *, total: int) -> list[int]:
    """Indices of the chosen frames in a video of `total`, in the order in which they are shown."""
    if sampling.how == "even":
        return [(2 * i + 1) * total // (2 * sampling.frames) for i in range(sampling.frames)]
    span = (sampling.frames - 1) * sampling.stride + 1
    middle = (2 * sampling.clip + 1) * total / (2 * sampling.clips)
    start = min(max(0, int(middle - span / 2)), max(0, total - span))
    return [(start + i * sampling.stride) % total for i in range(sampling.frames)]


def prepare(frames: Array, how: images.Preparation) -> Array:
    """Frames (frames, height, width, 3) of uint8 as float32 (channels, frames, height, width)."""
    import numpy as np

    return np.stack([images.prepare(frame, how) for frame in frames], axis=1)


def load(path: Path, *, sampling: Sampling) -> Arrays:
    """The chosen frames (frames, height, width, 3) of uint8, as a sample's `load` gives them.

    A turn that the file asks its player for is ignored.

    Raises:
        MissingPackage: PyAV is not installed.
        BadInput: The file is no video, is damaged or ends early.
    """
    import numpy as np

    try:
        import av
    except ImportError:
        raise MissingPackage("av", needed_for="reading videos") from None
    try:
        total = _count_packets(path)
        decoded, seen = _decode(path, choose(sampling, total=total), sampling=sampling)
        if seen is not None:  # fewer frames than packets: the choice was made for another length
            if not seen:
                raise BadInput(f"{shown(path)}: no frame of it decodes")
            decoded, _ = _decode(path, choose(sampling, total=seen), sampling=sampling)
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise broken(path, f"cannot be decoded: {reason}") from None
    return (np.stack(decoded),)


def _count_packets(path: Path) -> int:
    """How many frames there are to decode, by reading and not decoding."""
    import av

    with av.open(f"file:{path}", options=_OPTIONS) as container:
        if not container.streams.video:
            raise BadInput(f"{shown(path)}: no video in this file")
        stream = container.streams.video[0]
        total = sum(1 for packet in container.demux(stream) if packet.size)
        # AVI's header also counts frames that were dropped in recording; MP4's is exact
        promised = stream.frames if "mp4" in container.format.name else 0
    if not total:
        raise BadInput(f"{shown(path)}: no frames in it")
    if total < promised:
        raise BadInput(
            f"{shown(path)}: truncated: its header says {promised:,} frames, {total:,} follow"
        )
    return total


def _decode(
    path: Path, chosen: Sequence[int], *, sampling: Sampling
) -> tuple[list[Array], int | None]:
    """The chosen frames; if the video ends before the last, how many frames it has."""
    import av
    import numpy as np

    kept: dict[int, Array] = {}
    wanted = set(chosen)
    seen = 0
    with av.open(f"file:{path}", options=_OPTIONS) as container:
        for index, frame in enumerate(container.decode(container.streams.video[0])):
            seen = index + 1
            if frame.width * frame.height > LARGEST_PIXELS:
                raise BadInput(f"{shown(path)}: frames of {frame.width:,} x {frame.height:,}")
            if index in wanted:
                if frame.is_corrupt:
                    raise BadInput(f"{shown(path)}: frame {index} is damaged")
                pixels = frame.to_ndarray(format="rgb24")
                kept[index] = np.array(images.resize(pixels, sampling.resize))
                if kept[index].nbytes * len(chosen) > LARGEST_B:
                    raise BadInput(f"{shown(path)}: the chosen frames have more than a gigabyte")
            if len(kept) == len(wanted):
                return [kept[i] for i in chosen], None
    return [], seen
