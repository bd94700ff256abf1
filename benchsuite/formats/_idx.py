"""The IDX format of the MNIST family: arrays of bytes, plain or gzipped, read with distrust."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

from benchsuite.errors import BadInput
from benchsuite.types import Array

LARGEST_B = 2**30  # the largest published set of the family, EMNIST ByClass, has 547 MB
_BYTES = 0x08
_OTHER_TYPES = {0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
_PIECE_B = 2**20


def read(path: Path, *, dimensions: int) -> Array:
    """The array of an IDX file of unsigned bytes, whole.

    The header is four bytes (0, 0, the type, the number of dimensions), then each dimension as a
    big-endian 32-bit number; the elements follow (http://yann.lecun.com/exdb/mnist). Memory is
    taken for what the file holds, never for what its header claims.

    Args:
        path: The file; gzip is known by its first bytes, not by the name.
        dimensions: How many there must be (3 for images, 1 for labels).

    Returns:
        uint8.

    Raises:
        BadInput: The file cannot be read, is not IDX, has another type or number of dimensions,
            or is shorter or longer than its header says.
    """
    import numpy as np

    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as stream:
            shape = _shape(stream, path, dimensions=dimensions)
            content = _content(stream, path, shape=shape)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}: cannot be read: {error}") from None
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _shape(stream: BinaryIO | gzip.GzipFile, path: Path, *, dimensions: int) -> tuple[int, ...]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise BadInput(f"{path}: not an IDX file: it begins with {magic.hex(' ') or 'nothing'}")
    if magic[2] != _BYTES:
        kind = _OTHER_TYPES.get(magic[2], "unknown")
        raise BadInput(
            f"{path}: an IDX file of type 0x{magic[2]:02x} ({kind}); unsigned bytes (0x08) are read"
        )
    if magic[3] != dimensions:
        raise BadInput(f"{path}: {magic[3]} dimensions in its header instead of {dimensions}")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise BadInput(f"{path}: ends inside its header")
    return tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))


def _content(stream: BinaryIO | gzip.GzipFile, path: Path, *, shape: tuple[int, ...]) -> bytearray:
    expected = 1
    for size in shape:
        expected *= size  # Python's integers do not overflow
    claim = f"its header says {' x '.join(map(str, shape))} = {expected:,} bytes"
    if expected > LARGEST_B:
        raise BadInput(f"{path}: {claim}; more than {LARGEST_B:,} are not read")
    content = bytearray()
    # read(expected) would take that memory before a single byte has come
    while piece := stream.read(min(_PIECE_B, expected + 1 - len(content))):
        content += piece
    if len(content) < expected:
        raise BadInput(f"{path}: truncated: {claim}, {len(content):,} follow")
    if len(content) > expected:
        raise BadInput(f"{path}: {claim}, but more follow")
    return content
