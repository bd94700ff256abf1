"""Compute and bandwidth kernels that torch runs on any of its devices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from benchsuite.devices import Kernel

_TYPES = {"fp32": "float32", "tf32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def products(device: str, *, precision: str, sizes: tuple[int, ...]) -> Iterator[Kernel]:
    """Square matrix products of `sizes`."""
    for size in sizes:
        yield Kernel(
            name=f"torch matrix product {size}",
            amount=2.0 * size**3,
            make=lambda size=size: _product(device, precision, size),  # type: ignore[misc]
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
    """STREAM's copy and triad over fp32 arrays of `elements` (McCalpin 1995: no write-allocate)."""
    yield Kernel(
        name=f"torch copy {elements * 4 >> 20} MiB",
        amount=2.0 * elements * 4,
        make=lambda: _stream(device, elements, triad=False),
    )
    yield Kernel(
        name=f"torch triad {elements * 4 >> 20} MiB",
        amount=3.0 * elements * 4,
        make=lambda: _stream(device, elements, triad=True),
    )


def _product(device: str, precision: str, size: int) -> Callable[[], object]:
    import torch

    if precision == "int8":
        a, b = (torch.randint(-8, 8, (size, size), dtype=torch.int8, device=device) for _ in "ab")
        return lambda: torch._int_mm(a, b)
    kind = getattr(torch, _TYPES[precision])
    left, right = (torch.randn(size, size, device=device).to(kind) for _ in "ab")
    out = torch.empty_like(left)
    return lambda: torch.mm(left, right, out=out)


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


def _stream(device: str, elements: int, *, triad: bool) -> Callable[[], object]:
    import torch

    def array() -> torch.Tensor:
        # a processor's memory does not care what it moves; a GPU's draws less power on constants
        made = torch.empty(elements, device=device)
        return made.fill_(1.25) if device == "cpu" else made.uniform_()

    a, b = array(), array()
    if not triad:
        return lambda: a.copy_(b)
    c = array()
    return lambda: torch.add(b, c, alpha=1.5, out=a)
