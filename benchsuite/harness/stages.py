"""What stands before and after the network: the time of preprocessing and of postprocessing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

from benchsuite.catalog import Entry
from benchsuite.harness.stream import Stream
from benchsuite.stats import median
from benchsuite.types import Arrays, Executable, Rate, Split

STAGE_S = 0.15
_LEAST = 3

Found = tuple[Rate | None, str | None]


def preprocessing(
    entry: Entry, split: Split | None, inputs: Sequence[Arrays], *, frames: Sequence[float]
) -> Found:
    """Seconds a frame from what lies on disk to what the network takes, one sample at a time.

    Args:
        entry: The workload.
        split: The test split; None where inputs are random.
        inputs: Its parts as the network takes them.
        frames: In a sample of each part.

    Returns:
        The time, or None with the reason why the stage does not exist here.
    """
    if split is None:
        return None, "inputs are random: there is nothing to preprocess"
    first = next(number for number, part in enumerate(split.parts) if len(part))
    part, (prepared, *_) = split.parts[first], inputs[first]
    if isinstance(prepared, Stream):
        stream = prepared
        found = _timed([lambda i=i: stream.one(i) for i in range(len(stream))])  # type: ignore[misc]
        what = "read (the accuracy has read them before), decoded and prepared"
    else:
        hook = getattr(entry.module, "preprocess", None)
        if hook is None:
            return None, "the data lie as the network takes them: there is nothing to preprocess"
        found = _timed(
            [lambda i=i: hook(tuple(a[i : i + 1] for a in part.inputs)) for i in range(len(part))]  # type: ignore[misc]
        )
        what = "prepared from memory"
    how = f"median of {len(found)} samples {what} one at a time, on one thread"
    return Rate(value=median(found) / frames[first], how=how), None


def postprocessing(entry: Entry, executable: Executable, sample: Arrays, *, frames: float) -> Found:
    """Seconds a frame from the network's outputs to the answer, for one query's outputs.

    Args:
        entry: The workload; its `postprocess` is what is timed.
        executable: As timed.
        sample: One query's inputs.
        frames: In that query.

    Returns:
        The time, or None with the reason why the stage does not exist here.
    """
    hook = getattr(entry.module, "postprocess", None)
    if hook is None:
        return None, "the network's output is the answer: there is nothing to postprocess"
    outputs = executable.run(sample)
    found = _timed([lambda: hook(outputs)] * 10_000)
    how = f"median of {len(found)} queries' outputs, one query at a time"
    return Rate(value=median(found) / frames, how=how), None


def _timed(calls: Sequence[Callable[[], object]]) -> list[float]:
    """Seconds of each call, as many as fit into `STAGE_S`."""
    seconds: list[float] = []
    end = perf_counter() + STAGE_S
    for call in calls:
        started = perf_counter()
        call()
        now = perf_counter()
        seconds.append(now - started)
        if now > end and len(seconds) >= _LEAST:
            break
    return seconds
