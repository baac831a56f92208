"""Pickle files of numbers and texts, read without running what is in them.

A pickle names functions to be called while it is read. Here four names of numpy are allowed (`_reconstruct`,
`_frombuffer`, `ndarray` and `dtype`), and none of them reaches numpy: each makes a plain object that remembers what it was
given. An array is made of that afterwards, of types whose memory holds numbers alone, once its size has been checked. One
more name, `_codecs.encode`, makes bytes of a text in latin1. All other names are refused, and so is a change of what these
stand for. A key of a dictionary is a number or a text: a tuple's hash is taken anew of all in it each time, so a few bytes that name
tuples of tuples again and again could keep a reader busy for years.
"""

from __future__ import annotations

import math
import os
import pickle
import reprlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, NoReturn

import numpy as np

from harness.api import DataError

MOST_VALUES = 5_000_000  # texts, numbers ... of a file, one that is named again counted again
_KEYS = (bool, int, float, str, bytes)
NUMBERS = ("b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8")

Array = np.ndarray[Any, np.dtype[Any]]


def read_pickle(path: Path) -> Any:
    """Return what a file holds: dictionaries, lists, numbers, texts, bytes and arrays of numbers.

    Texts of Python 2 become bytes.

    Raises:
        DataError: The file is missing, cut off, no pickle, or holds something else.
    """
    try:
        with path.open("rb") as file:
            return _Finish().finish(_Reader(_Whole(file), encoding="bytes").load())
    except FileNotFoundError:
        raise DataError(f"{path} is missing") from None
    except _RefusedError as error:
        raise DataError(
            f"{path} holds {error}, and only numbers, texts, lists, dictionaries and arrays of numbers are read, as "
            "all else could run code"
        ) from None
    except (EOFError, pickle.UnpicklingError) as error:
        raise DataError(f"{path} is cut off or no pickle file: {error}") from None
    except Exception as error:  # whatever bytes make of the machine that reads them
        raise DataError(
            f"{path} cannot be read as a pickle file: {type(error).__name__}: {error}"
        ) from None


class _RefusedError(Exception):
    """What a file holds beside plain data, in words."""


class _Name:
    """What a name stands for: it can be called, and a file can set nothing of it, as it could of a function."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make

    def __call__(self, *given: Any) -> Any:
        return self.make(*given)

    def __setstate__(self, state: Any) -> NoReturn:
        raise _RefusedError("a change of a function")


class _Whole:
    """A file that says where it ends too early: the reader in Python takes what there is."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.size = file, os.fstat(file.fileno()).st_size

    def read(self, count: int) -> bytes:
        if count > self.size - self.file.tell():
            raise EOFError("it ends too early")
        return self.file.read(count)

    def readline(self) -> bytes:
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise EOFError("it ends too early")
        return line


class _Reader(pickle._Unpickler):
    """Python's own reader in Python: that in C offers no place to look at a key before its hash is taken."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _Name(_ArrayParts.begin)
        if module in ("numpy.core.numeric", "numpy._core.numeric") and name == "_frombuffer":
            return _Name(_ArrayParts.from_buffer)
        if module == "numpy" and name == "ndarray":
            return "ndarray"  # it is handed on, and never called
        if module == "numpy" and name == "dtype":
            return _Name(_Type.begin)
        if module == "_codecs" and name == "encode":  # so Python 3 writes bytes for Python 2
            return _Name(_encode)
        raise _RefusedError(f"the name {module}.{name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise _RefusedError("a reference to something outside")


def _look_at_keys(opcode: bytes, keys: slice) -> None:
    """Let a reader look at those of its stack that become keys by an instruction, before it follows that."""
    follow = _Reader.dispatch[opcode[0]]

    def look(reader: _Reader) -> None:
        for key in reader.stack[keys]:
            if key is not None and type(key) not in _KEYS:
                raise _RefusedError(f"a {type(key).__name__} as a key or in a set")
        follow(reader)

    _Reader.dispatch[opcode[0]] = look


_look_at_keys(pickle.SETITEM, slice(-2, -1))
for _opcode in (pickle.SETITEMS, pickle.DICT):
    _look_at_keys(_opcode, slice(None, None, 2))
for _opcode in (pickle.ADDITEMS, pickle.FROZENSET):
    _look_at_keys(_opcode, slice(None))


def _encode(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise _RefusedError("a text in another encoding than latin1")
    return text.encode("latin1")


def _word(text: Any) -> str:
    if not isinstance(text, str | bytes):
        raise _RefusedError("a type of an array that is no text")
    return text.decode("latin1") if isinstance(text, bytes) else text


@dataclass
class _Type:
    """The type of an array's numbers, as a file writes it: "u1", and the order of bytes."""

    text: str
    order: str = "|"

    @classmethod
    def begin(cls, text: Any, *_: Any) -> _Type:
        return cls(_word(text).lstrip("|<>="))

    def __setstate__(self, state: Any) -> None:
        self.order = _word(state[1])

    def finish(self) -> np.dtype[Any]:
        if self.text not in NUMBERS:
            raise _RefusedError(f"an array of the type {self.text!r}")
        if self.order not in ("|", "<", ">", "="):
            raise _RefusedError(f"an array whose order of bytes is {self.order!r}")
        return np.dtype(f"{self.order}{self.text}")


@dataclass
class _ArrayParts:
    """An array as a file writes it: its shape, its type, the order of its dimensions and its bytes."""

    state: Any = field(default=None)

    @classmethod
    def begin(cls, *_: Any) -> _ArrayParts:
        return cls()

    @classmethod
    def from_buffer(
        cls, raw: Any, kind: Any, shape: Any, order: Any
    ) -> _ArrayParts:  # of protocol 5
        return cls((1, shape, kind, order == "F", bytes(raw) if type(raw) is bytearray else raw))

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def finish(self) -> Array:
        try:
            _, shape, kind, fortran, raw = self.state
        except (TypeError, ValueError):
            raise _RefusedError("an array without its parts") from None
        if not isinstance(kind, _Type) or not isinstance(raw, bytes):
            raise _RefusedError("an array of something else than numbers")
        if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
            raise _RefusedError(f"an array of the shape {reprlib.repr(shape)}")
        dtype = kind.finish()
        if len(raw) != math.prod(shape) * dtype.itemsize:
            raise _RefusedError(f"{len(raw):,} bytes for an array {dtype} of the shape {shape}")
        return np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")


@dataclass
class _Finish:
    """What a file holds, made a tree: a list that is named twice becomes two, so a few bytes could become any number."""

    left: int = field(default_factory=lambda: MOST_VALUES)

    def finish(self, value: Any) -> Any:
        """Return a value with arrays in place of their parts, and no other object in it."""
        self.left -= 1
        if self.left < 0:
            raise _RefusedError(f"more than {MOST_VALUES:,} values")
        if isinstance(value, _ArrayParts):
            return value.finish()
        if value is None or type(value) in (bool, int, float, str, bytes):
            return value
        if type(value) is dict:
            return {self.finish(key): self.finish(one) for key, one in value.items()}
        if type(value) in (list, tuple):
            return type(value)(map(self.finish, value))
        raise _RefusedError(f"a {type(value).__name__}")
