"""A plug-in of the user's own, held to what its kind must give; what is wrong names its file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from benchsuite.errors import BadInput, BenchsuiteError

Complaint = Callable[[Any], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a kind of plug-in must be.

    Attributes:
        attribute: What its file defines (`DEVICE`).
        what: Its name for people (`device`).
        facts: Attributes it must have, each with what is wrong with a value, or None.
        functions: Functions it must have.
        answers: Of functions that are called before a system is measured: what is wrong with an
            answer, or None. Whatever one of them raises is told as the file's.
        made: Of functions that may fail for the system's sake (memory, a lost device): what is
            wrong with an answer; what they raise is left as it is.
        yielded: Of functions that give an iterator: what is wrong with one of its items.
    """

    attribute: str
    what: str
    facts: Mapping[str, Complaint] = field(default_factory=dict)
    functions: tuple[str, ...] = ()
    answers: Mapping[str, Complaint] = field(default_factory=dict)
    made: Mapping[str, Complaint] = field(default_factory=dict)
    yielded: Mapping[str, Complaint] = field(default_factory=dict)


def guarded(found: Any, kind: Kind, *, file: Path, documented: str) -> Any:
    """The plug-in itself to its users, with what its functions give checked.

    Args:
        found: What the file defines.
        kind: What it must be.
        file: Where it was defined.
        documented: The file that documents the kind.

    Raises:
        BadInput: A function or an attribute is missing, or is something else.
    """
    where = f"{kind.what} {file.stem}: {file}"
    remedy = f"{documented} documents what it must give"
    if isinstance(found, type):
        raise BadInput(
            f"{where}: {kind.attribute} is the class {found.__name__}, not one of its objects; "
            f"write {kind.attribute} = {found.__name__}()"
        )
    for name in kind.functions:
        if not callable(_attribute(found, name, where)):
            raise BadInput(f"{where}: {kind.attribute} has no function {name}; {remedy}")
    for name, complaint in kind.facts.items():
        value = _attribute(found, name, where)
        wrong = complaint(value)
        if wrong is not None:
            raise BadInput(f"{where}: {kind.attribute}.{name} is {value!r:.80}, {wrong}; {remedy}")
    return _Guarded(found, kind, where=where, remedy=remedy)


def unlike(value: Any, kind: type) -> str | None:
    """What keeps a value from being one of a frozen dataclass, its fields of their types."""
    if not isinstance(value, kind):
        return f"where a {kind.__name__} belongs: {value!r:.80}"
    try:
        msgspec.convert(msgspec.to_builtins(value), kind)
    except (msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
        return f"which is no sound {kind.__name__}: {error}"
    return None


class _Guarded:
    def __init__(self, found: Any, kind: Kind, *, where: str, remedy: str) -> None:
        self._found = found
        self._kind = kind
        self._where = where
        self._remedy = remedy

    def __getattr__(self, name: str) -> Any:
        value, kind = getattr(self._found, name), self._kind
        if name in kind.answers:
            return self._answering(name, value)
        if name in kind.made:
            return self._making(name, value)
        if name in kind.yielded:
            return self._yielding(name, value)
        return value

    def _answering(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def answering(*arguments: Any, **named: Any) -> Any:
            try:
                answer = call(*arguments, **named)
            except BenchsuiteError:
                raise
            except Exception as error:
                raise BadInput(
                    f"{self._where}: {name}() failed: {type(error).__name__}: {error}; mend it, "
                    'or raise NotMeasurable("why") where it cannot be used'
                ) from error
            return self._sound(name, answer, self._kind.answers[name])

        return answering

    def _making(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def making(*arguments: Any, **named: Any) -> Any:
            return self._sound(name, call(*arguments, **named), self._kind.made[name])

        return making

    def _yielding(self, name: str, call: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        @functools.wraps(call)
        def yielding(*arguments: Any, **named: Any) -> Iterator[Any]:
            answer = call(*arguments, **named)
            if not isinstance(answer, Iterable):
                raise self._wrong(name, answer, "nothing to go through")
            for item in answer:
                yield self._sound(name, item, self._kind.yielded[name])

        return yielding

    def _sound(self, name: str, answer: Any, complaint: Complaint) -> Any:
        wrong = complaint(answer)
        if wrong is not None:
            raise self._wrong(name, answer, wrong)
        return answer

    def _wrong(self, name: str, answer: Any, wrong: str) -> BadInput:
        return BadInput(f"{self._where}: {name}() gave {answer!r:.80}, {wrong}; {self._remedy}")


def _attribute(found: Any, name: str, where: str) -> Any:
    try:
        return getattr(found, name, None)
    except Exception as error:
        raise BadInput(
            f"{where}: its {name} cannot be read: {type(error).__name__}: {error}; mend it"
        ) from error
