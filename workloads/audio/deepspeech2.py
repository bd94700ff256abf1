"""Deep Speech 2, the end-to-end speech recogniser."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

_WINDOW, _HOP, _RATE_HZ = 320, 160, 16_000  # 20 ms, 10 ms
_BINS = _WINDOW // 2 + 1
_CHARACTERS = 29  # blank, a to z, space, apostrophe


@dataclass(frozen=True, slots=True, kw_only=True)
class _Size:
    """Of the network: channels, filters and strides (frequency, time) of the convolutions."""

    channels: tuple[int, ...]
    filters: tuple[tuple[int, int], ...]
    strides: tuple[tuple[int, int], ...]
    layers: int
    hidden: int


_SIZES = {
    "embedded": _Size(
        channels=(16, 32),
        filters=((21, 11), (11, 5)),
        strides=((4, 2), (2, 1)),
        layers=2,
        hidden=128,
    ),
    "reference": _Size(
        channels=(32, 32, 96),
        filters=((41, 11), (21, 11), (21, 11)),
        strides=((2, 2), (2, 1), (2, 1)),
        layers=7,
        hidden=1760,
    ),
}


def _recording(seconds: float) -> Signature:
    columns = (int(seconds * _RATE_HZ) - _WINDOW) // _HOP + 1
    return Signature(inputs=(TensorSpec(shape=(1, _BINS, columns)),), frames=seconds)


WORKLOAD = Workload(
    title="Deep Speech 2",
    paper=(
        "Amodei et al.: Deep Speech 2: End-to-End Speech Recognition in English and Mandarin, "
        "ICML 2016"
    ),
    frame="second",
    rate=1.0,  # as fast as it is spoken
    latency_bound_s=1.0,  # as MLPerf's RNN-T
    scales={
        "embedded": Scale(
            signatures=(_recording(1.0), _recording(1.5)),
            batch=8,
            qualities={"espeak-commands": Quality(measure="1 - WER", target=0.85)},
            training=Training(epochs=14, batch=32, learning_rate=3e-3, clip=5.0),
        ),
        "reference": Scale(
            signatures=(_recording(5.0),),
            batch=8,
            # a quarter of test-clean's utterances has up to 3.7 s, a quarter up to 5.8 and one up
            # to 9.6; the longest has 35 s
            buckets={"librispeech": tuple(map(_recording, (4.0, 6.0, 10.0, 35.0)))},
            qualities={
                "librispeech": Quality(
                    measure="1 - WER",
                    target=0.77,
                    note=(
                        "MLPerf Training v0.5's word error rate of 23 % for a Deep Speech 2 on "
                        "LibriSpeech. The paper has 5.33 % on test-clean, for a larger network on "
                        "12,000 hours of speech, with a language model."
                    ),
                )
            },
        ),
    },
    note=(
        "Vanilla recurrent layers of 1760 units whose two directions share the matrix of their "
        "input and are summed: 67 M parameters in the whole network. torch applies that matrix "
        "once a direction, so the work is about a third above a merged product's. Greedy "
        "decoding, no language model. LibriSpeech: an utterance is filled up with zeros to the "
        "next of 4, 6, 10 and 35 s, in as many queries each; seconds count filled up. The "
        "characters of your weights: blank, a to z, space, apostrophe. Embedded: two "
        "convolutions, two recurrent layers of 128 units, spoken command words."
    ),
)


def build(scale: str) -> torch.nn.Module:
    """The network: log-spectrograms (n, 1, 161, time) to scores (n, time / 2, 29)."""
    import torch
    from torch import nn

    size = _SIZES[scale]

    class Recurrent(nn.Module):
        """Both directions, one matrix for their input, their sum."""

        def __init__(self, inputs: int, hidden: int) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(inputs)
            self.input = nn.Parameter(torch.empty(hidden, inputs))
            self.forwards = nn.Parameter(torch.empty(hidden, hidden))
            self.backwards = nn.Parameter(torch.empty(hidden, hidden))
            for weight in self.parameters(recurse=False):
                nn.init.uniform_(weight, -(hidden**-0.5), hidden**-0.5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.norm(x.transpose(1, 2)).transpose(1, 2)
            both = _recur(x, self.input, self.forwards, self.backwards).clamp(max=20)
            return sum(both.chunk(2, dim=2))

    class DeepSpeech2(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            convolutions = OrderedDict[str, nn.Module]()
            inputs, bands = 1, _BINS
            shapes = zip(size.channels, size.filters, size.strides, strict=True)
            for i, (channels, filter_, stride) in enumerate(shapes, 1):
                padding = (filter_[0] // 2, filter_[1] // 2)
                convolutions[f"conv{i}"] = nn.Conv2d(
                    inputs, channels, filter_, stride, padding, bias=False
                )
                convolutions[f"norm{i}"] = nn.BatchNorm2d(channels)
                convolutions[f"relu{i}"] = nn.Hardtanh(0, 20)
                inputs, bands = channels, (bands - 1) // stride[0] + 1
            self.convolutions = nn.Sequential(convolutions)
            widths = [inputs * bands] + [size.hidden] * size.layers
            self.recurrent = nn.Sequential(*map(Recurrent, widths, widths[1:]))
            self.characters = nn.Linear(size.hidden, _CHARACTERS)

        def forward(self, spectrogram: torch.Tensor) -> torch.Tensor:
            features = self.convolutions(spectrogram).flatten(1, 2).transpose(1, 2)
            return self.characters(self.recurrent(features))

    return DeepSpeech2().eval()


def _recur(
    x: torch.Tensor, w: torch.Tensor, forwards: torch.Tensor, backwards: torch.Tensor
) -> torch.Tensor:
    """Rectified recurrences over time in both directions, (n, time, 2 * hidden)."""
    import torch

    n, time, _ = x.shape
    hidden = len(forwards)
    if torch.onnx.is_in_onnx_export():  # the exporter would unroll every step of time
        y = torch.onnx.ops.symbolic(
            "RNN",
            (x.transpose(0, 1), torch.stack([w, w]), torch.stack([forwards, backwards])),
            {"hidden_size": hidden, "direction": "bidirectional", "activations": ["Relu", "Relu"]},
            dtype=x.dtype,
            shape=(time, 2, n, hidden),
        )
        return y.permute(2, 0, 1, 3).flatten(2)
    start = x.new_zeros(2, n, hidden)
    weights = (w, forwards, w, backwards)
    return torch.rnn_relu(x, start, weights, False, 1, 0.0, False, True, True)[0]


def preprocess(inputs: Arrays) -> Arrays:
    """Recordings (n, samples) to log-spectrograms (n, 1, 161, time) of zero mean, unit variance."""
    import numpy as np

    (recordings,) = inputs
    window = np.hanning(_WINDOW).astype(np.float32)
    columns = (recordings.shape[1] - _WINDOW) // _HOP + 1
    result = np.empty((len(recordings), 1, _BINS, columns), dtype=np.float32)
    for spectrogram, recording in zip(result, recordings, strict=True):
        frames = np.lib.stride_tricks.sliding_window_view(recording, _WINDOW)[::_HOP] * window
        power = np.log(np.abs(np.fft.rfft(frames)) ** 2 + 1)
        spectrogram[0] = ((power - power.mean()) / power.std()).T
    return (result,)


def objective(network: torch.nn.Module) -> torch.nn.Module:
    """Connectionist temporal classification against `labels` (n, L) of `lengths` (n,)."""
    import torch

    class Ctc(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(
            self, x: torch.Tensor, *, labels: torch.Tensor, lengths: torch.Tensor, **_: Any
        ) -> torch.Tensor:
            scores = self.network(x).log_softmax(2).transpose(0, 1)
            steps = torch.full_like(lengths, len(scores))
            return torch.nn.functional.ctc_loss(scores, labels, steps, lengths, zero_infinity=True)

    return Ctc()


def examples(split: Split, *, batch: int, seed: int) -> Examples:
    """Minibatches whose spectrograms sound like other speakers in other rooms.

    The frequency axis is stretched by up to 15 % (vocal tract length perturbation, Jaitly and
    Hinton 2013), the spectrum is tilted smoothly, and one band is masked (SpecAugment, Park 2019).
    """
    import numpy as np

    from benchsuite.harness.training import shuffled

    generator = np.random.default_rng([seed, 1])
    bins = np.arange(_BINS)
    knots = np.linspace(0, _BINS - 1, 7)
    for (spectrograms,), targets in shuffled(split, batch=batch, seed=seed):
        made = np.empty_like(spectrograms)
        for image, out in zip(spectrograms[:, 0], made[:, 0], strict=True):
            source = np.minimum(bins * np.exp(generator.uniform(-0.15, 0.15)), _BINS - 1)
            low = source.astype(int)
            share = (source - low)[:, None].astype(np.float32)
            tilt = np.interp(bins, knots, generator.normal(0, 0.3, size=7)).astype(np.float32)
            out[:] = image[low] * (1 - share) + image[np.minimum(low + 1, _BINS - 1)] * share
            out += tilt[:, None]
            width = generator.integers(0, 24)
            start = generator.integers(0, _BINS - width)
            out[start : start + width] = 0
        yield (made,), targets


def decode(scores: Array, alphabet: str) -> list[str]:
    """The texts of scores (n, time, characters): the best of each step, merged, without blanks."""
    import numpy as np

    best = scores.argmax(axis=2)
    new = np.diff(best, axis=1, prepend=0) != 0
    return [
        "".join(alphabet[i] for i in row[keep & (row != 0)])
        for row, keep in zip(best, new, strict=True)
    ]


def postprocess(outputs: Arrays) -> list[str]:
    """The texts of one query's outputs, with the characters that the data set uses."""
    from benchsuite.datasets.espeak_commands import ALPHABET

    return decode(outputs[0], ALPHABET)


def score(outputs: Outputs, split: Split) -> Score:
    """1 - word error rate of the greedy transcription, the character error rate beside it."""
    hypotheses: list[str] = []
    references: list[str] = []
    from benchsuite.datasets.espeak_commands import ALPHABET

    for (scores, *_), part in zip(outputs, split.parts, strict=True):
        seconds = part.targets.get("frames")
        if seconds is None:
            hypotheses += decode(scores, ALPHABET)
        else:  # what was filled up is not listened to
            for one, length in zip(scores, seconds, strict=True):
                columns = (round(float(length) * _RATE_HZ) - _WINDOW) // _HOP + 1
                hypotheses += decode(one[None, : (columns + 1) // 2], ALPHABET)
        references += part.targets["text"].tolist()
    return scoring.transcription(hypotheses, references)
