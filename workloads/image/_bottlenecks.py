"""Inverted bottlenecks: what describes a stage of them, as MobileNetV2 and EfficientNet have it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Blocks of 1x1 expansion, depthwise convolution and 1x1 projection in a row.

    Attributes:
        expansion: Hidden channels per input channel; 1 leaves the expansion out.
        channels: Of every block's output.
        blocks: How many.
        stride: Of the first block's depthwise convolution; the others have 1.
        kernel: Side of the depthwise filters.
    """

    expansion: int
    channels: int
    blocks: int
    stride: int
    kernel: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One inverted bottleneck; the input is added where `residual`."""

    inputs: int
    hidden: int
    outputs: int
    stride: int
    kernel: int

    @property
    def residual(self) -> bool:
        """Whether input and output have the same shape."""
        return self.stride == 1 and self.inputs == self.outputs


def blocks(stages: Iterable[Stage], *, inputs: int) -> Iterator[Block]:
    """The blocks of all stages; `inputs` are the first one's channels."""
    for stage in stages:
        for number in range(stage.blocks):
            yield Block(
                inputs=inputs,
                hidden=inputs * stage.expansion,
                outputs=stage.channels,
                stride=stage.stride if number == 0 else 1,
                kernel=stage.kernel,
            )
            inputs = stage.channels
