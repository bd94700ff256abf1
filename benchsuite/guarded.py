"""A plug-in of the user's own, held to what its kind must give; what goes wrong names its file."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from benchsuite.errors import BadInput, BenchsuiteError, one_line

Complaint = Callable[[Any], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A plug-in of the user's own, as a message names it.

    Attributes:
        where: Kind, name and file.
        remedy: What a wrong answer's message ends with.
        found: What the file defines.
    """

    where: str
    remedy: str
    found: Any

    @contextmanager
    def telling(self, what: str) -> Iterator[None]:
        """Adds to what is raised inside that `what` of this file raised it."""
        try:
            yield
        except Exception as error:
            add_origin(error, f"{self.where}: {what}")
            raise

    def sound(self, what: str, answer: Any, complaint: Complaint) -> Any:
        """The answer of `what`.

        Raises:
            BadInput: Something is wrong with it.
        """
        wrong = complaint(answer)
        if wrong is not None:
            raise BadInput(f"{self.where}: {what} gave {answer!r:.80}, {wrong}; {self.remedy}")
        return answer

    def calling(
        self, what: str, call: Callable[..., Any], complaint: Complaint = lambda answer: None
    ) -> Callable[..., Any]:
        """A function that was handed out, whose failures and answers are told as this file's."""

        @functools.wraps(call)
        def called(*arguments: Any, **named: Any) -> Any:
            with self.telling(what):
                answer = call(*arguments, **named)
            return self.sound(what, answer, complaint)

        return called


# what a plug-in hands out, made to name its file where it fails later
Named = Callable[[Any, Source], Any]


def add_origin(error: Exception, origin: str) -> None:
    """Notes in whose file an error was raised; its type and its text stay as they are.

    A worker's failure is told by the last line of its traceback, which is the note: it says all.
    """
    if not isinstance(error, BenchsuiteError) and not getattr(error, "__notes__", None):
        error.add_note(f"{origin} failed: {type(error).__name__}: {one_line(error)}")


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
            wrong with an answer; what they raise is left as it is, with a note of the file.
        yielded: Of functions that give an iterator: what is wrong with one of its items.
        named: Of functions whose answers are called later: the answer so that it names the file
            too. What is called in a timed loop is left alone (`plugins.blaming`).
    """

    attribute: str
    what: str
    facts: Mapping[str, Complaint] = field(default_factory=dict)
    functions: tuple[str, ...] = ()
    answers: Mapping[str, Complaint] = field(default_factory=dict)
    made: Mapping[str, Complaint] = field(default_factory=dict)
    yielded: Mapping[str, Complaint] = field(default_factory=dict)
    named: Mapping[str, Named] = field(default_factory=dict)


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
    return _Guarded(kind, Source(where=where, remedy=remedy, found=found))


def guarded_too(found: Any, kind: Kind, source: Source) -> Any:
    """What a plug-in gave in its own place, guarded as it is itself."""
    return found if isinstance(found, _Guarded) else _Guarded(kind, replace(source, found=found))


def unlike(value: Any, kind: type) -> str | None:
    """What keeps a value from being one of a frozen dataclass, its fields of their types."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        return f"where {article} {kind.__name__} belongs: {value!r:.80}"
    try:
        msgspec.convert(msgspec.to_builtins(value), kind)
    except (msgspec.ValidationError, TypeError, ValueError, OverflowError) as error:
        return f"which is no sound {kind.__name__}: {error}"
    return None


class _Guarded:
    def __init__(self, kind: Kind, source: Source) -> None:
        self._kind = kind
        self._source = source

    def __getattr__(self, name: str) -> Any:
        value, kind = getattr(self._source.found, name), self._kind
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
                    f"{self._source.where}: {name}() failed: {type(error).__name__}: "
                    f'{one_line(error)}; mend it, or raise NotMeasurable("why") where it cannot be '
                    "used"
                ) from error
            return self._named(
                name, self._source.sound(f"{name}()", answer, self._kind.answers[name])
            )

        return answering

    def _making(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        making = self._source.calling(f"{name}()", call, self._kind.made[name])

        @functools.wraps(call)
        def naming(*arguments: Any, **named: Any) -> Any:
            return self._named(name, making(*arguments, **named))

        return naming

    def _yielding(self, name: str, call: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        @functools.wraps(call)
        def yielding(*arguments: Any, **named: Any) -> Iterator[Any]:
            source, what = self._source, f"{name}()"
            answer = source.calling(what, call, _no_iterable)(*arguments, **named)
            with source.telling(what):
                for item in answer:
                    yield self._named(name, source.sound(what, item, self._kind.yielded[name]))

        return yielding

    def _named(self, name: str, answer: Any) -> Any:
        names = self._kind.named.get(name)
        return answer if names is None or answer is None else names(answer, self._source)


def amiss(rate: Any) -> bool:
    """Whether one of a `Rate`'s ends is there and no finite number."""
    return any(end is not None and not math.isfinite(end) for end in (rate.low, rate.high))


def _no_iterable(found: Any) -> str | None:
    return None if isinstance(found, Iterable) else "nothing to go through"


def _attribute(found: Any, name: str, where: str) -> Any:
    try:
        return getattr(found, name, None)
    except Exception as error:
        raise BadInput(
            f"{where}: its {name} cannot be read: {type(error).__name__}: {error}; mend it"
        ) from error
