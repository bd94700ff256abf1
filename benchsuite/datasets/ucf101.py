"""13,320 clips of 101 human actions."""

from __future__ import annotations

from benchsuite.datasets import _answers
from benchsuite.errors import BadInput
from benchsuite.formats.images import Preparation
from benchsuite.formats.videos import Sampling
from benchsuite.types import Arrays, Dataset, TensorSpec

FORMAT = "video-folder"
_FRAMES = 16
# the Sports-1M networks cut their input out of frames of 200 pixels
OPTIONS = {
    "sampling": Sampling(frames=_FRAMES, how="stride", resize=Preparation(shorter_side=200)),
    "clips": 5,
}

DATASET = Dataset(
    title="13,320 videos of 101 human actions, five clips of each",
    version=2,
    source="UCF101 (Soomro, Zamir, Shah 2012), split 1",
    packages=("av", "PIL"),
    places="class folders of videos with classInd.txt and testlist01.txt",
    like=("kinetics", "video/*"),
)

targets = _answers.clips


def stored(arrays: Arrays, spec: TensorSpec) -> Arrays:
    """A clip (3, frames, height, width) of bytes: frames and pixels from the middle.

    Two frames are the outer ones, fifteen apart, which late fusion is made for (Karpathy and
    others, CVPR 2014).

    Raises:
        BadInput: The network's input is no clip that these frames hold.
    """
    import numpy as np

    (frames,) = arrays
    if len(spec.shape) != 4 or spec.shape[0] != 3 or spec.shape[1] > len(frames):
        raise BadInput(f"clips of {len(frames)} frames for an input of {list(spec.shape)}")
    _, count, height, width = spec.shape
    if height > frames.shape[1] or width > frames.shape[2]:
        raise BadInput(
            f"a crop of {height} x {width} pixels from frames of {list(frames.shape[1:3])}"
        )
    first = (len(frames) - count) // 2
    numbers = [0, len(frames) - 1] if count == 2 else range(first, first + count)
    top, left = ((frames.shape[axis] - side) // 2 for axis, side in ((1, height), (2, width)))
    clip = frames[list(numbers), top : top + height, left : left + width]
    return (np.ascontiguousarray(clip.transpose(3, 0, 1, 2)),)
