"""Pickles of plain data and byte arrays, interpreted here: nothing in the file is ever called.

Python's own reader imports and calls what a pickle names. This one knows text, integers, lists,
tuples, dictionaries, and one array type: numpy's of unsigned bytes, recognised by its three names
and built from its bytes. Any other instruction or name ends the reading.
"""

from __future__ import annotations

import io
import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchsuite.errors import BadInput
from benchsuite.formats._trees import shown

LARGEST_B = 2**28  # CIFAR-100's training batch has 155 MB

_LITERALS = frozenset(
    "SHORT_BINSTRING BINSTRING STRING BINUNICODE UNICODE "
    "BININT BININT1 BININT2 INT LONG LONG1".split()
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_NAMES = {
    "numpy.core.multiarray _reconstruct": "array",
    "numpy._core.multiarray _reconstruct": "array",
    "numpy ndarray": "array type",
    "numpy dtype": "number type",
}
_MARK = object()


class _Refused(Exception):
    """Why a pickle is not read."""


@dataclass(frozen=True, slots=True)
class _Known:
    """One of the names above, or what stands for an array before its content is known."""

    what: str


_NEW_ARRAY, _BYTE = _Known("new array"), _Known("unsigned byte")


def read(path: Path) -> Any:
    """The object in a pickle file.

    Strings that Python 2 wrote are text, each byte one character.

    Raises:
        BadInput: The file is too large, is no pickle, or holds anything else than plain data.
    """
    try:
        if path.stat().st_size > LARGEST_B:
            raise BadInput(f"{shown(path)}: more than {LARGEST_B:,} bytes are not read")
        # not from the file: memory would be taken for what a length in it claims
        return _interpret(io.BytesIO(path.read_bytes()))
    except _Refused as error:
        raise BadInput(f"{shown(path)}: {error}; plain data are read, nothing else") from None
    except OSError as error:
        raise BadInput(f"{shown(path)}: cannot be read: {error.strerror}") from None
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise BadInput(f"{shown(path)}: not a pickle, or a damaged one: {error}") from None


def _interpret(stream: io.BytesIO) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    argument: Any
    for opcode, argument, _ in pickletools.genops(stream):
        code = opcode.name
        if code in _LITERALS:
            stack.append(argument)
        elif code in _CONSTANTS:
            stack.append(_CONSTANTS[code])
        elif code == "PROTO":
            if argument > 2:
                raise _Refused(f"a pickle of protocol {argument}, published batches have 2")
        elif code in ("BINPUT", "LONG_BINPUT", "PUT"):
            memo[argument] = stack[-1]
        elif code in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[argument])
        elif code == "GLOBAL":
            if argument not in _NAMES:
                raise _Refused(f"a pickle that names {shown(argument)!r}")
            stack.append(_Known(_NAMES[argument]))
        elif code == "MARK":
            stack.append(_MARK)
        elif code in ("EMPTY_LIST", "EMPTY_DICT", "EMPTY_TUPLE"):
            stack.append({"LIST": list, "DICT": dict, "TUPLE": tuple}[code[6:]]())
        elif code in ("LIST", "TUPLE"):
            items = _to_mark(stack)
            stack.append(items if code == "LIST" else tuple(items))
        elif code in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(code[5:])
            stack.append(tuple([stack.pop() for _ in range(count)][::-1]))
        elif code == "DICT":
            stack.append(_paired(_to_mark(stack)))
        elif code in ("APPEND", "APPENDS"):
            items = _to_mark(stack) if code == "APPENDS" else [stack.pop()]
            _own(stack[-1], list).extend(items)
        elif code in ("SETITEM", "SETITEMS"):
            items = _to_mark(stack) if code == "SETITEMS" else [stack.pop(-2), stack.pop()]
            _own(stack[-1], dict).update(_paired(items))
        elif code == "REDUCE":
            arguments = stack.pop()
            stack[-1] = _made(stack[-1], arguments)
        elif code == "BUILD":
            state = stack.pop()
            stack[-1] = _filled(stack[-1], state)
        elif code == "STOP":
            return stack.pop()
        else:
            raise _Refused(f"a pickle with the instruction {code}")
    raise ValueError("it has no end")


def _to_mark(stack: list[Any]) -> list[Any]:
    items: list[Any] = []
    while (item := stack.pop()) is not _MARK:
        items.append(item)
    return items[::-1]


def _paired(items: list[Any]) -> dict[str, Any]:
    keys, values = items[::2], items[1::2]
    if len(keys) != len(values) or not all(isinstance(key, str) for key in keys):
        raise _Refused("a pickle of a dictionary whose keys are not text")
    return dict(zip(keys, values, strict=True))


def _own(item: Any, kind: type) -> Any:
    if type(item) is not kind:
        raise _Refused("a pickle that adds to what is no list or dictionary")
    return item


def _made(what: Any, arguments: Any) -> _Known:
    """What stands for numpy's `_reconstruct(ndarray, (0,), "b")` or `dtype("u1", 0, 1)`."""
    if what == _Known("array") and arguments == (_Known("array type"), (0,), "b"):
        return _NEW_ARRAY
    if what == _Known("number type") and arguments == ("u1", 0, 1):
        return _BYTE
    raise _Refused("a pickle that calls something else than an array of bytes needs")


def _filled(what: Any, state: Any) -> Any:
    import numpy as np

    if what is _BYTE:
        return _BYTE  # the state of a byte's type says nothing
    if what is not _NEW_ARRAY or type(state) is not tuple or len(state) != 5:
        raise _Refused("a pickle of an object with a state")
    _, shape, kind, by_columns, raw = state
    if kind is not _BYTE or by_columns is not False or type(raw) is not str:
        raise _Refused("a pickle of an array that is not of bytes in rows")
    content = np.frombuffer(raw.encode("latin-1"), dtype=np.uint8)
    if type(shape) is not tuple or not all(type(side) is int and side >= 0 for side in shape):
        raise _Refused("a pickle of an array without a shape")
    return content.reshape(shape)
