"""Compute and bandwidth kernels that torch runs on any of its devices."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from benchsuite.devices import Kernel

_TYPES = {"fp32": "float32", "tf32": "float32", "bf16": "bfloat16", "fp16": "float16"}


# rows, depth and columns of a matrix product
Product = tuple[int, int, int]


def products(device: str, *, precision: str, shapes: tuple[Product, ...]) -> Iterator[Kernel]:
    """Matrix products of `shapes`."""
    for shape in shapes:
        yield Kernel(
            name=f"torch matrix product {_times(shape)}",
            amount=2.0 * math.prod(shape),
            make=lambda shape=shape: _product(device, precision, shape),  # type: ignore[misc]
        )


def packed_products(*, precision: str, shapes: tuple[Product, ...]) -> Iterator[Kernel]:
    """Products by oneDNN on the processor with the right matrix packed beforehand, as a layer's is.

    None where this torch has no oneDNN.
    """
    import torch

    if precision not in _TYPES or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return
    for shape in shapes:
        yield Kernel(
            name=f"torch oneDNN packed product {_times(shape)}",
            amount=2.0 * math.prod(shape),
            make=lambda shape=shape: _packed_product(precision, shape),  # type: ignore[misc]
        )


def convolutions(
    device: str, *, precision: str, shapes: tuple[tuple[int, int, int], ...]
) -> Iterator[Kernel]:
    """Channels-last 3x3 convolutions without padding; shapes are (batch, channels, output side)."""
    if precision == "int8":
        return
    for batch, channels, side in shapes:
        yield Kernel(
            name=f"torch convolution 3x3 channels-last {batch}x{channels}x{side}x{side}",
            amount=2.0 * batch * channels * channels * 9 * side * side,
            make=lambda b=batch, c=channels, s=side: _convolution(device, precision, b, c, s),  # type: ignore[misc]
        )


def streams(device: str, *, elements: int) -> Iterator[Kernel]:
    """Streams over fp32 arrays of `elements`, bytes counted as STREAM does (McCalpin 1995).

    Copy and triad write an array that they do not read: a processor's caches fetch its lines all
    the same, which STREAM does not count. The update reads what it overwrites, so that it reaches
    what STREAM reaches with stores that pass the caches by.
    """
    size = f"{elements * 4 >> 20} MiB"
    for name, arrays in (("copy", 2), ("triad", 3), ("update", 3)):
        yield Kernel(
            name=f"torch {name} {size}",
            amount=4.0 * arrays * elements,
            make=lambda name=name: _stream(device, elements, name),  # type: ignore[misc]
        )


def cache_reads(*, working_set_b: int, total_b: int = 64 << 20) -> Kernel:
    """Reads the same `working_set_b` bytes again and again, `total_b` in one call.

    The array is repeated by a stride of 0, so each thread reads all of it.
    """
    elements = working_set_b // 4
    repeats = max(2, total_b // working_set_b)
    return Kernel(
        name=f"torch minimum over {working_set_b >> 10} KiB",
        amount=4.0 * elements * repeats,
        make=lambda: _repeated_minimum(elements, repeats),
    )


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _product(device: str, precision: str, shape: Product) -> Callable[[], object]:
    import torch

    rows, depth, columns = shape
    if precision == "int8":
        a, b = (
            torch.randint(-8, 8, size, dtype=torch.int8, device=device)
            for size in ((rows, depth), (depth, columns))
        )
        return lambda: torch._int_mm(a, b)
    kind = getattr(torch, _TYPES[precision])
    left = torch.randn(rows, depth, device=device).to(kind)
    right = torch.randn(depth, columns, device=device).to(kind)
    out = torch.empty(rows, columns, dtype=kind, device=device)
    return lambda: torch.mm(left, right, out=out)


def _packed_product(precision: str, shape: Product) -> Callable[[], object]:
    import torch

    rows, depth, columns = shape
    kind = getattr(torch, _TYPES[precision])
    data = torch.randn(rows, depth).to(kind)
    onednn: Any = torch.ops.mkldnn
    weight = onednn._reorder_linear_weight(torch.randn(columns, depth).to(kind), rows)
    return lambda: onednn._linear_pointwise(data, weight, None, "none", [], "")


def _convolution(
    device: str, precision: str, batch: int, channels: int, side: int
) -> Callable[[], object]:
    import torch

    kind = getattr(torch, _TYPES[precision])
    last = torch.channels_last
    data = torch.randn(batch, channels, side + 2, side + 2, device=device)
    kernel = torch.randn(channels, channels, 3, 3, device=device)
    x, w = data.to(kind).to(memory_format=last), kernel.to(kind).to(memory_format=last)
    call: Any = torch.nn.functional.conv2d
    return lambda: call(x, w)


def _stream(device: str, elements: int, name: str) -> Callable[[], object]:
    import torch

    def array() -> torch.Tensor:
        # a processor's memory does not care what it moves; a GPU's draws less power on constants
        made = torch.empty(elements, device=device)
        return made.fill_(1.25) if device == "cpu" else made.uniform_()

    a, b = array(), array()
    if name == "copy":
        return lambda: a.copy_(b)
    if name == "update":
        # the factor keeps the values where they are: a + 1e-30 b is a in fp32
        return lambda: a.add_(b, alpha=1e-30)
    c = array()
    return lambda: torch.add(b, c, alpha=1.5, out=a)


def _repeated_minimum(elements: int, repeats: int) -> Callable[[], object]:
    import torch

    rows = torch.ones(elements, dtype=torch.int32).expand(repeats, elements)
    return lambda: torch.amin(rows, dim=1)
