"""Eager fp32's accuracy and outputs, which are the same for every system of a network."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from benchsuite.harness import accuracy, training
from benchsuite.harness.kept import keep
from benchsuite.harness.subject import System
from benchsuite.types import Arrays, Score

_OUTPUTS_B = 256 << 20


def score(system: System, whole: Sequence[Arrays] | None) -> tuple[Score | None, str | None]:
    """Eager fp32's accuracy: the shipped record's if hashes agree, else cached, else measured now.

    Args:
        system: Whose network and data.
        whole: Eager fp32's outputs on the whole test split, where they are known.
    """
    reason, test = system.no_accuracy, system.test
    if reason or test is None:
        return None, reason
    found, record = system.fingerprint, system.record
    if (record.get("weights_hash"), record.get("data_hash")) == (found.weights, found.data):
        try:
            recorded = msgspec.convert(record.get("score"), Score)
            return replace(recorded, how=f"{recorded.how}; from the record of the weights"), None
        except msgspec.ValidationError:
            pass
    path = system.cache / "reference" / f"{found.network}-{found.weights}-{found.data}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Score), None
    except (OSError, msgspec.DecodeError):
        pass
    answered = training.answers(system.net, system.inputs) if whole is None else whole
    measured = accuracy.judge(system.entry, answered, test, inputs=system.inputs)
    if not math.isfinite(measured.value):
        return None, f"eager fp32's accuracy is {measured.value}: its outputs give none"
    keep(path, msgspec.json.encode(measured))
    return measured, None


def outputs(system: System) -> list[Arrays] | None:
    """Eager fp32's outputs on the whole test split, from the cache where they are known.

    None where there is no accuracy, where the samples are streamed from a user's folder, or where
    the outputs are too large to keep: parity is then judged on the pool's samples.
    """
    import numpy as np

    test, inputs = system.test, system.inputs
    if test is None or system.no_accuracy or any(part.samples is not None for part in test.parts):
        return None
    found = system.fingerprint
    path = system.cache / "reference" / f"{found.network}-{found.weights}-{found.data}.npz"
    try:
        with np.load(path, allow_pickle=False) as kept:
            return [
                tuple(kept[key] for key in sorted(kept.files) if key.startswith(f"{number:03d}-"))
                for number in range(len(inputs))
            ]
    except (OSError, ValueError, zipfile.BadZipFile):
        pass
    first = accuracy.reference_outputs(system.net, [tuple(array[:1] for array in inputs[0])])[0]
    if sum(array.nbytes for array in first) * len(test) > _OUTPUTS_B:
        return None
    answered = training.answers(system.net, inputs)
    arrays: dict[str, Any] = {
        f"{number:03d}-{index:03d}": array
        for number, part in enumerate(answered)
        for index, array in enumerate(part)
    }
    content = io.BytesIO()
    np.savez(content, **arrays)
    keep(path, content.getvalue())
    return answered
