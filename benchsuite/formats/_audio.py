"""One recording's file to one waveform, with distrust."""

from __future__ import annotations

import wave
from pathlib import Path

from benchsuite.errors import BadInput, MissingPackage
from benchsuite.formats._trees import broken, shown
from benchsuite.types import Array, Arrays

# whatever the name: a playlist in its place would lead FFmpeg to other files
_OPTIONS = {"format_whitelist": "flac", "protocol_whitelist": "file"}
_FLAC_HEAD_B = 26
LONGEST_S = 600  # of the sets read here the longest utterance has 35 s


def load(path: Path, *, rate_hz: int) -> Arrays:
    """A recording (samples,) of float32 within -1 to 1, as a sample's `load` gives it.

    Several channels become their mean. WAV is read by the standard library, 16 bits a sample;
    what is not called .wav is read as FLAC by PyAV.

    Raises:
        MissingPackage: PyAV is needed and is not installed.
        BadInput: The file is no recording, is damaged, ends early, or has another rate.
    """
    import numpy as np

    if path.suffix.lower() == ".wav":
        samples, rate = _wav(path)
    else:
        samples, rate = _flac(path)
    if rate != rate_hz:
        raise BadInput(f"{shown(path)}: {rate:,} samples a second, not {rate_hz:,}")
    if not samples.size:
        raise BadInput(f"{shown(path)}: no samples in it")
    return (np.ascontiguousarray(samples.mean(axis=0, dtype=np.float32)),)


def seconds(path: Path) -> float | None:
    """How long a FLAC file says it is, from its header alone; None where it has none."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_FLAC_HEAD_B)
    except OSError:
        return None
    if len(head) < _FLAC_HEAD_B or head[:4] != b"fLaC" or head[4] & 0x7F:
        return None
    # behind the marks: two block and two frame sizes, then 20 bits of rate, 3 of channels, 5 of
    # bits a sample, 36 of samples (RFC 9639, section 8.2)
    packed = int.from_bytes(head[18:26])
    rate, samples = packed >> 44, packed & (2**36 - 1)
    return samples / rate if rate else None


def _wav(path: Path) -> tuple[Array, int]:
    """Samples (channels, samples) of float32 and how many there are in a second."""
    import numpy as np

    try:
        with wave.open(str(path), "rb") as stream:
            channels, width, rate, frames = stream.getparams()[:4]
            if width != 2:
                raise BadInput(f"{shown(path)}: {8 * width} bits a sample; WAV of 16 bits is read")
            if frames > rate * LONGEST_S:
                raise BadInput(f"{shown(path)}: longer than {LONGEST_S} s")
            raw = stream.readframes(frames)
    except (OSError, EOFError, wave.Error) as error:
        raise broken(path, f"not a WAV recording: {error or 'it ends early'}") from None
    if len(raw) != frames * channels * width:
        raise BadInput(
            f"{shown(path)}: truncated: its header says {frames:,} samples, "
            f"{len(raw) // (channels * width):,} follow"
        )
    return np.frombuffer(raw, "<i2").reshape(-1, channels).T.astype(np.float32) / 32768, rate


def _flac(path: Path) -> tuple[Array, int]:
    """Samples (channels, samples) of float32 and how many there are in a second."""
    try:
        import av
    except ImportError:
        raise MissingPackage("av", needed_for="reading FLAC") from None
    import numpy as np

    pieces: list[Array] = []
    count = 0
    try:
        with av.open(f"file:{path}", options=_OPTIONS) as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="fltp")  # the same samples, as floats
            for frame in container.decode(stream):
                for piece in resampler.resample(frame):
                    pieces.append(piece.to_ndarray())
                    count += piece.samples
                if count > stream.rate * LONGEST_S:
                    raise BadInput(f"{shown(path)}: longer than {LONGEST_S} s")
            seconds = (stream.duration or 0) * (stream.time_base or 0)
            promised = round(seconds * stream.rate)
            rate = stream.rate
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise broken(path, f"not FLAC, or damaged: {reason}") from None
    if count < promised:
        raise BadInput(
            f"{shown(path)}: truncated: its header says {promised:,} samples, {count:,} follow"
        )
    if not pieces:
        raise broken(path, "not FLAC, or damaged: no samples in it")
    return np.concatenate(pieces, axis=1), rate
