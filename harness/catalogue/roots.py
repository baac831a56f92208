"""Where the code of an item begins, and the values that it holds beside its code."""

from __future__ import annotations

import functools
import os
import types
from collections.abc import Mapping
from typing import Any

from harness.catalogue.item import Item
from harness.catalogue.reach import Root

_DEEPEST = 5  # of values within values


class Roots:
    """The definitions that an item's callables begin with, and the values bound to them."""

    def __init__(self, item: Item) -> None:
        """Collect them."""
        self._found: set[Root] = set()
        self.values = self._value([item.callables(), item.options, item.facts()], 0)

    @property
    def definitions(self) -> frozenset[Root]:
        """(module, name of a definition in it), "" for all of the module."""
        return frozenset(self._found)

    def _value(self, value: Any, depth: int) -> Any:
        """Return a value as JSON, and keep the definitions behind it."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            module, colon, name = value.partition(":")
            if colon and all(part.isidentifier() for part in (*module.split("."), name[:1])):
                self._found.add((module, name.partition(".")[0]))
            return value
        if depth > _DEEPEST:
            return type(value).__qualname__
        if isinstance(value, bytes | os.PathLike):
            return str(value)
        if isinstance(value, types.ModuleType):
            self._found.add((value.__name__, ""))
            return value.__name__
        if isinstance(value, Mapping):
            return [
                [self._value(k, depth + 1), self._value(v, depth + 1)] for k, v in value.items()
            ]
        if isinstance(value, list | tuple):
            return [self._value(one, depth + 1) for one in value]
        if isinstance(value, functools.partial):
            return self._value((value.func, value.args, value.keywords), depth)
        if isinstance(value, types.MethodType):
            return self._value((value.__func__, value.__self__), depth)
        if isinstance(value, types.FunctionType):
            return self._function(value, depth)
        if isinstance(value, type):
            return self._definition(value.__module__, value.__qualname__)
        if isinstance(value, set | frozenset):
            return sorted(str(self._value(one, depth + 1)) for one in value)
        held = value.tolist() if hasattr(value, "tolist") else getattr(value, "__dict__", {})
        return [self._value(type(value), depth), self._value(held, depth + 1)]

    def _function(self, function: types.FunctionType, depth: int) -> Any:
        """Return a function: one that was made by another holds values of its own."""
        held = [cell.cell_contents for cell in function.__closure__ or () if _is_set(cell)]
        inner = getattr(function, "__wrapped__", None)
        if held or "<" in function.__qualname__:
            held += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
            self._found.add((function.__module__, ""))
        name = self._definition(function.__module__, function.__qualname__)
        return [name, [self._value(one, depth + 1) for one in (*held, inner)]]

    def _definition(self, module: str, qualified: str) -> str:
        top = qualified.partition(".")[0]
        self._found.add((module, "" if "<" in top else top))
        return f"{module}:{qualified}"


def _is_set(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - it is asked whether it has any
    except ValueError:
        return False
    return True
