"""What a paper does with an image before its network, as parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchsuite.errors import BadInput, MissingPackage
from benchsuite.formats._image import LARGEST_PIXELS
from benchsuite.types import Array, Arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """Resizing, then cropping, then channels, then numbers; None leaves a step out.

    Attributes:
        shorter_side: Pixels that the shorter side is resized to, the shape kept; the longer side
            is rounded down, as torchvision does.
        squash: Height and width that the image is resized to, its shape lost.
        crop: Height and width cut from the centre.
        interpolation: Of Pillow, which averages over all the pixels that it makes smaller (OpenCV,
            used by Caffe, does not: expect a last digit's difference from its accuracies).
        channels: `RGB`, `BGR` or `L`, grey.
        scale: The pixels of 0 to 255 are multiplied by it first.
        mean: Subtracted then, a value a channel in the order of `channels`, or one for all.
        std: Divided by then, likewise.
        source: Whose preprocessing it is.
    """

    shorter_side: int | None = None
    squash: tuple[int, int] | None = None
    crop: tuple[int, int] | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    channels: Literal["RGB", "BGR", "L"] = "RGB"
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    source: str = ""


_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

CAFFE = Preparation(
    squash=(256, 256),
    crop=(227, 227),
    channels="BGR",
    mean=(104.0, 117.0, 123.0),
    source="Caffe's ImageNet example (Jia and others 2014); AlexNet, NiN, SqueezeNet",
)
CAFFE_224 = Preparation(
    squash=(256, 256),
    crop=(224, 224),
    channels="BGR",
    mean=(104.0, 117.0, 123.0),
    source="Caffe's BVLC GoogLeNet",
)
VGG = Preparation(
    shorter_side=256,
    crop=(224, 224),
    channels="BGR",
    mean=(103.939, 116.779, 123.68),
    source="Simonyan and Zisserman 2015, the released models, tested at a single scale",
)
TORCHVISION = Preparation(
    shorter_side=256,
    crop=(224, 224),
    scale=1 / 255,
    mean=_IMAGENET_MEAN,
    std=_IMAGENET_STD,
    source="torchvision's first ImageNet weights (IMAGENET1K_V1)",
)
EFFICIENTNET_LITE0 = Preparation(
    shorter_side=256,  # 224 / 0.875, as 224 of 224 + 32
    crop=(224, 224),
    interpolation="bicubic",
    mean=(127.0,),
    std=(128.0,),
    source="EfficientNet-Lite (Liu, TensorFlow TPU models, 2020)",
)
SQUEEZEDET = Preparation(
    squash=(384, 1248),
    channels="BGR",
    mean=(103.939, 116.779, 123.68),
    source="SqueezeDet (Wu and others 2017), its KITTI configuration",
)
KINETICS = Preparation(
    squash=(128, 171),
    crop=(112, 112),
    scale=1 / 255,
    mean=(0.43216, 0.394666, 0.37645),
    std=(0.22803, 0.22145, 0.216989),
    source="torchvision's R(2+1)D-18 weights (KINETICS400_V1)",
)


def preparer(how: Preparation) -> Callable[[Arrays, str], Array]:
    """A workload's `prepare(sample, scale)` for images, the same at every scale."""

    def prepared(sample: Arrays, scale: str) -> Array:
        return prepare(sample[0], how)

    return prepared


def prepare(image: Array, how: Preparation) -> Array:
    """An image (height, width, 3) of uint8 as the network takes it, (channels, height, width).

    Returns:
        float32.

    Raises:
        BadInput: The crop is larger than the resized image, or that is far too large.
        MissingPackage: Pillow is not installed.
    """
    return normalise(resize(image, how), how)


def resize(image: Array, how: Preparation) -> Array:
    """The first half of `prepare`: resized and cropped, still (height, width, 3) of uint8."""
    import numpy as np

    height, width = image.shape[:2]
    if how.squash is not None:
        height, width = how.squash
    elif how.shorter_side is not None:
        shorter = min(height, width)
        height, width = (side * how.shorter_side // shorter for side in (height, width))
    if height * width > LARGEST_PIXELS:
        raise BadInput(
            f"an image of {image.shape[0]:,} x {image.shape[1]:,} pixels would be resized to "
            f"{height:,} x {width:,}; more than {LARGEST_PIXELS:,} are not made"
        )
    if (height, width) != image.shape[:2]:
        try:
            from PIL import Image
        except ImportError:
            raise MissingPackage("pillow", needed_for="resizing images") from None
        method = Image.Resampling[how.interpolation.upper()]
        image = np.asarray(Image.fromarray(image).resize((width, height), method))
    if how.crop is None:
        return image
    if how.crop[0] > height or how.crop[1] > width:
        raise BadInput(
            f"a crop of {how.crop[0]} x {how.crop[1]} pixels from an image of {height} x {width}"
        )
    top, left = (
        round((side - cut) / 2) for side, cut in zip((height, width), how.crop, strict=True)
    )
    return image[top : top + how.crop[0], left : left + how.crop[1]]


def normalise(pixels: Array, how: Preparation) -> Array:
    """The second half of `prepare`: channels, scale, mean and deviation, channels first."""
    import numpy as np

    if how.channels == "L":
        # ITU-R BT.601's luma in integers that sum to a power of two: grey stays what it is
        weights = np.array([19595, 38470, 7471], dtype=np.uint32)
        pixels = ((pixels @ weights + 0x8000) >> 16)[..., None]
    elif how.channels == "BGR":
        pixels = pixels[..., ::-1]
    numbers = pixels.astype(np.float32) * np.float32(how.scale)
    mean, std = (np.array(values, dtype=np.float32) for values in (how.mean, how.std))
    numbers = (numbers - mean) / std
    return np.ascontiguousarray(np.moveaxis(numbers, -1, 0), dtype=np.float32)
