"""DS-CNN, the keyword spotter of depthwise separable convolutions, in its small form."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from benchsuite import scoring
from benchsuite.types import (
    Array,
    Arrays,
    Examples,
    Outputs,
    Quality,
    Scale,
    Score,
    Signature,
    Split,
    TensorSpec,
    Training,
    Workload,
)

if TYPE_CHECKING:
    import torch

_RATE_HZ, _WINDOW, _HOP = 16_000, 640, 320  # 40 ms, 20 ms
_COLUMNS, _COEFFICIENTS = 49, 10
_BANDS, _LOWEST_HZ, _HIGHEST_HZ = 40, 20.0, 4000.0  # of the mel scale
_CHANNELS, _BLOCKS, _CLASSES = 64, 4, 12

_SECOND = (Signature(inputs=(TensorSpec(shape=(1, _COLUMNS, _COEFFICIENTS)),)),)

WORKLOAD = Workload(
    title="DS-CNN small",
    paper=(
        "Zhang, Suda, Lai, Chandra: Hello Edge: Keyword Spotting on Microcontrollers, "
        "arXiv:1711.07128, 2017; as in MLPerf Tiny (Banbury and others 2021)"
    ),
    frame="recording",
    rate=1.0,  # a second of sound a second
    latency_bound_s=0.1,  # what is felt as at once; MLPerf Tiny has no such scenario
    scales={
        "embedded": Scale(
            signatures=_SECOND,
            batch=64,
            qualities={
                "espeak-keywords": Quality(
                    measure="top-1",
                    target=0.92,
                    note=(
                        "Ten keywords, silence and unknown words in synthesised voices that "
                        "training does not hear; MLPerf Tiny asks for 0.90 on Speech Commands."
                    ),
                )
            },
            training=Training(epochs=30, batch=64, learning_rate=5e-3, weight_decay=1e-3),
        ),
        "reference": Scale(
            signatures=_SECOND,
            batch=64,
            qualities={
                "speech-commands": Quality(
                    measure="top-1", target=0.90, note="MLPerf Tiny's target; here without silence."
                )
            },
        ),
    },
    note=(
        "Both scales are the published network: 23,756 trained parameters; 24,908 with the running "
        "means and variances of its batch normalisations, as Keras counts; 22,604 once those are "
        "folded into the convolutions. The paper's 38.6 kB are these in 8 bits with the largest "
        "layer's input and output, 8,000 bytes each. Mel-frequency cepstra of a second of sound, "
        "normalised over the recording."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: cepstra (n, 1, 49, 10) to class scores (n, 12)."""
    from torch import nn

    def normed(name: str, convolution: nn.Module) -> list[tuple[str, nn.Module]]:
        return [
            (name, convolution),
            (f"{name}_norm", nn.BatchNorm2d(_CHANNELS)),
            (f"{name}_relu", nn.ReLU()),
        ]

    layers: list[tuple[str, nn.Module]] = [
        ("pad", nn.ZeroPad2d((1, 1, 4, 5))),  # 49 x 10 to 25 x 5: what Keras calls "same"
        *normed("conv", nn.Conv2d(1, _CHANNELS, (10, 4), stride=2)),
        ("dropout", nn.Dropout(0.2)),
    ]
    for i in range(1, _BLOCKS + 1):
        depthwise = nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1, groups=_CHANNELS)
        layers += normed(f"depthwise{i}", depthwise)
        layers += normed(f"pointwise{i}", nn.Conv2d(_CHANNELS, _CHANNELS, 1))
    layers += [
        ("last_dropout", nn.Dropout(0.4)),
        ("pool", nn.AdaptiveAvgPool2d(1)),
        ("flatten", nn.Flatten()),
        ("classes", nn.Linear(_CHANNELS, _CLASSES)),
    ]
    return nn.Sequential(OrderedDict(layers)).eval()


def preprocess(inputs: Arrays) -> Arrays:
    """Recordings (n, 16,000) of int16 to cepstra (n, 1, 49, 10), each coefficient normalised."""
    import numpy as np

    (recordings,) = inputs
    window = np.hanning(_WINDOW).astype(np.float32)
    filters, cosines = mel_filters(), _cosines()
    result = np.empty((len(recordings), 1, _COLUMNS, _COEFFICIENTS), dtype=np.float32)
    for cepstra, recording in zip(result[:, 0], recordings, strict=True):
        frames = np.lib.stride_tricks.sliding_window_view(recording, _WINDOW)[::_HOP] * window
        bands = np.log(np.abs(np.fft.rfft(frames)) @ filters + 1) @ cosines
        cepstra[:] = (bands - bands.mean(axis=0)) / (bands.std(axis=0) + 1e-3)
    return (result,)


def prepare(sample: Arrays, scale: str) -> Array:
    """A recording (samples,) of floats within -1 to 1, cut or filled up to a second, as cepstra."""
    import numpy as np

    second = np.zeros(_RATE_HZ, dtype=np.int16)
    heard = np.rint(np.asarray(sample[0])[:_RATE_HZ] * 32767).astype(np.int16)
    second[: len(heard)] = heard
    (cepstra,) = preprocess((second[None],))
    return np.asarray(cepstra[0])


def mel_filters() -> Array:
    """Triangles on the mel scale, (bins of the spectrum, bands): HTK's mel, peaks of 1."""
    import numpy as np

    def mel(hertz: Array | float) -> Array:
        return np.asarray(1127 * np.log1p(np.asarray(hertz) / 700))

    edges = np.linspace(mel(_LOWEST_HZ), mel(_HIGHEST_HZ), _BANDS + 2)
    bins = mel(np.fft.rfftfreq(_WINDOW, 1 / _RATE_HZ))[:, None]
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    sides = np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle))
    return np.asarray(np.maximum(sides, 0).astype(np.float32))


def _cosines() -> Array:
    """The cosine transform (II, orthonormal) that gives the first coefficients of the bands."""
    import numpy as np

    band, order = np.arange(_BANDS)[:, None] + 0.5, np.arange(_COEFFICIENTS)
    transform = np.cos(np.pi / _BANDS * band * order) * np.sqrt(2 / _BANDS)
    transform[:, 0] /= np.sqrt(2)
    return np.asarray(transform.astype(np.float32))


def examples(split: Split, *, batch: int, seed: int) -> Examples:
    """Minibatches whose recordings begin up to 100 ms earlier or later (rolled round)."""
    import numpy as np

    from benchsuite.harness.training import shuffled

    generator = np.random.default_rng([seed, 1])
    for (cepstra,), targets in shuffled(split, batch=batch, seed=seed):
        shifts = generator.integers(-5, 6, size=len(cepstra))
        moved = np.stack([np.roll(x, by, axis=1) for x, by in zip(cepstra, shifts, strict=True)])
        yield (moved,), targets


def score(outputs: Outputs, split: Split) -> Score:
    """Top-1, with top-5 beside it."""
    return scoring.top_k(outputs, split)
