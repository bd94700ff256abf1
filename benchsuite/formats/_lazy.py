"""Sequences and mappings whose items are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar, overload

Item = TypeVar("Item")
Value = TypeVar("Value")


class Made(Sequence[Item], Generic[Item]):
    """A sequence of `count` items that `make` builds from their index.

    A million samples cost their names, not a million objects.
    """

    def __init__(self, count: int, make: Callable[[int], Item]) -> None:
        self._indices = range(count)
        self._make = make

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            chosen = self._indices[index]
            return Made(len(chosen), lambda i: self._make(chosen[i]))
        return self._make(self._indices[index])


class Later(Mapping[str, Value], Generic[Value]):
    """A mapping that is read once, when first asked for."""

    def __init__(self, read: Callable[[], Mapping[str, Value]]) -> None:
        self._read = read
        self._content: Mapping[str, Value] | None = None

    def content(self) -> Mapping[str, Value]:
        """The mapping itself, read if it was not."""
        if self._content is None:
            self._content = self._read()
        return self._content

    def __getitem__(self, key: str) -> Value:
        return self.content()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.content())

    def __len__(self) -> int:
        return len(self.content())
