"""One image file to one array, with distrust."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from benchsuite.errors import BadInput, MissingPackage
from benchsuite.formats._trees import broken, shown
from benchsuite.types import Array, Arrays

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
LARGEST_PIXELS = 89_478_485  # Pillow's own limit, a quarter of a gigabyte of three bytes each
# by content, whatever the name; PostScript, which Pillow hands to another program, is not one
_KINDS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")


def load(path: Path) -> Arrays:
    """An image (height, width, 3) of uint8, red first, as a sample's `load` gives it.

    Grey becomes three equal channels, CMYK is converted, alpha dropped, of 16 bits the upper 8 are
    kept, of several frames the first. An orientation in EXIF is ignored: the published accuracies
    on ImageNet are those of pixels as stored.

    Raises:
        MissingPackage: Pillow is not installed.
        BadInput: The file is no image, is damaged or is too large.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise MissingPackage("pillow", needed_for="reading images") from None

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of what is judged here
            with Image.open(path, formats=_KINDS) as image:
                if image.width * image.height > LARGEST_PIXELS:
                    raise BadInput(
                        f"{shown(path)}: {image.width:,} x {image.height:,} pixels; more than "
                        f"{LARGEST_PIXELS:,} are not read"
                    )
                return (_pixels(image, path),)
    except BadInput:
        raise
    except Image.DecompressionBombError:
        raise BadInput(f"{shown(path)}: more than {LARGEST_PIXELS:,} pixels are not read") from None
    except UnidentifiedImageError:
        raise broken(path, f"not an image ({', '.join(_KINDS)})") from None
    except Exception as error:  # damaged files raise whatever a decoder runs into
        raise broken(path, f"a damaged image: {error}") from None


def _pixels(image: Image, path: Path) -> Array:
    import numpy as np

    if image.mode in (*_SIXTEEN_BITS, "I"):
        wide = np.asarray(image)
        if wide.min() < 0 or wide.max() > 0xFFFF:
            raise BadInput(f"{shown(path)}: an image of 32-bit integers; 8 or 16 bits are read")
        return np.repeat((wide >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode == "F":
        raise BadInput(f"{shown(path)}: an image of floating-point numbers; 8 or 16 bits are read")
    return np.array(image.convert("RGB"))
