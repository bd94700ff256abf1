"""A side of `benchsuite ab` in words, `WORKLOAD[@KEY=VALUE,...]`: a request for one system."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchsuite import catalog, meters, targets
from benchsuite.errors import BadInput
from benchsuite.plan import Request

KEYS = ("backend", "precision", "scale", "batch", "scenario", "rate", "device", "threads",
        "time-limit", "meter", "data", "weights", "python")  # fmt: skip
_DEFAULT_BACKEND = "eager"
_SEVERAL = ("best", "all")
_MOST = 1e9  # of a rate, of seconds
_AT = re.compile(r"@(?=[^/@]*(?:=|$))")
_NUMBER = re.compile(r"0{0,9}[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a SPEC asks for.

    Attributes:
        target: The workload as it was named.
        request: For `plan.make_plan`.
        python: Another environment's interpreter; None for this one.
        note: A choice made for the user; None where he made it.
    """

    target: str
    request: Request
    python: str | None
    note: str | None


def read(
    text: str,
    *,
    seconds: float,
    warmup_s: float,
    content: Sequence[Path] = (),
    inputs: Sequence[str] = (),
) -> Asked:
    """Reads a SPEC; its keys are the flags of `run`.

    Args:
        text: The SPEC.
        seconds, warmup_s: Of a window.
        content: Folders of the user's own.
        inputs: Shapes as of `run --input`.

    Raises:
        BadInput: An unknown key, a wrong value, or several systems.
    """
    target, rest = _apart(text)
    values = _values(text, rest)
    backend = values.get("backend", _DEFAULT_BACKEND)
    if backend in _SEVERAL:
        raise BadInput(f"{text}: backend={backend} is several systems; name one backend a side")
    request = Request(
        targets=(target,),
        scale=values.get("scale"),
        backends=(backend,),
        precisions=(values.get("precision", "fp32"),),
        batch=_number(text, "batch", values.get("batch")),
        scenarios=(
            tuple(dict.fromkeys(values["scenario"].split("+"))) if "scenario" in values else None
        ),
        rate=_amount(text, "rate", values.get("rate")),
        time_limit_s=_amount(text, "time-limit", values.get("time-limit")),
        meter=values.get("meter", meters.AUTOMATIC),
        device=values.get("device"),
        threads=_number(text, "threads", values.get("threads")),
        seconds=seconds,
        warmup_s=warmup_s,
        data=_place(text, values.get("data")),
        weights=_weights(text, target, values.get("weights"), content=content, inputs=inputs),
        content=tuple(content),
        inputs=tuple(inputs),
    )
    # not a Path's: "./python" is none of $PATH's
    python = os.path.expanduser(values["python"]) if "python" in values else None
    note = None if "backend" in values else f"{target}: backend {backend}"
    return Asked(target=target, request=request, python=python, note=note)


def _apart(text: str) -> tuple[str, str]:
    """The target and what follows the `@` of the first key; folders may have one in their names."""
    found = _AT.search(text)
    return (text, "") if found is None else (text[: found.start()], text[found.end() :])


def _values(text: str, rest: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in filter(None, rest.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or not value or key not in KEYS:
            raise BadInput(f"{text}: write WORKLOAD@KEY=VALUE with a KEY of {', '.join(KEYS)}")
        if key in values:
            raise BadInput(f"{text}: {key} is given twice")
        values[key] = value
    return values


def _number(text: str, key: str, value: str | None) -> int | None:
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        raise BadInput(
            f"{text[:80]}: {key}={value[:40]} must be a whole number of at least 1, of nine digits "
            "at most"
        )
    return int(value)


def _amount(text: str, key: str, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        amount = float(value)
    except ValueError:
        amount = 0.0
    if not 0 < amount < _MOST:
        raise BadInput(f"{text}: {key}={value[:40]} must be a number above 0 and below {_MOST:g}")
    return amount


def _place(text: str, value: str | None) -> dict[str, Path]:
    if value is None:
        return {}
    name, equals, folder = value.partition("=")
    if not (name and equals and folder):
        raise BadInput(f"{text}: write data=NAME=DIR")
    return {name: _path(text, "data", folder)}


def _weights(
    text: str, target: str, value: str | None, *, content: Sequence[Path], inputs: Sequence[str]
) -> dict[str, Path]:
    """A file of weights by the name that the target's network has in the catalogue."""
    if value is None:
        return {}
    found = catalog.load_catalog(catalog.content_roots(content))
    names = [entry.name for entry in targets.select(found, target, inputs=inputs)]
    return dict.fromkeys(names, _path(text, "weights", value))


def _path(text: str, key: str, value: str) -> Path:
    """A path as a user writes it: no shell has replaced its `~` behind a `=`."""
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise BadInput(f"{text}: {key}={value}: there is no such user; write it in full") from None
