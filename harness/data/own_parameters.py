"""The parameters of a class or function of the user's, and values in the form that they ask for."""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

EMPTY = inspect.Parameter.empty
"""What stands for an annotation or a default that is not there."""


@dataclass(frozen=True)
class OwnParameter:
    """A parameter that can be given by name.

    needed: nothing is known to take its place. annotation, default: `inspect.Parameter.empty` where there is
    none; an annotation that cannot be evaluated stays a text.
    """

    name: str
    needed: bool
    annotation: Any
    default: Any

    @property
    def is_sequence(self) -> bool:
        """Whether its values are lists or tuples and nothing else."""
        branches = [one for one in _branches(self._form()) if one is not type(None)]
        return bool(branches) and all(_sequence_type(one) is not None for one in branches)

    def formed(self, value: Any) -> Any:
        """Return a value with tuples for lists where the annotation, or else the default, has tuples."""
        return _formed(value, self._form())

    def _form(self) -> Any:
        unknown = self.annotation is EMPTY or isinstance(self.annotation, str)
        return _form_of(self.default) if unknown else self.annotation


def parameters_of(found: Any) -> tuple[dict[str, OwnParameter], bool]:
    """Return {name: parameter} of what can be given by name, and whether anything else can.

    A class that hands ``**kwargs`` on has the parameters of those that it is derived from, too.
    """
    named: dict[str, OwnParameter] = {}
    takes_any, is_own = False, True  # the constructor that is called, be it inherited
    layers = found.__mro__ if isinstance(found, type) else (found,)
    for layer in layers:
        if layer in (nn.Module, object):
            break
        if isinstance(layer, type) and "__init__" not in vars(layer):
            continue
        function = vars(layer)["__init__"] if isinstance(layer, type) else layer
        try:
            parameters = inspect.signature(layer).parameters.values()
        except (TypeError, ValueError):  # written in C
            break
        for one in parameters:
            if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY):
                needed = one.default is one.empty and is_own
                annotation = _evaluated(one.annotation, function)
                named.setdefault(one.name, OwnParameter(one.name, needed, annotation, one.default))
        hands_on = any(one.kind is one.VAR_KEYWORD for one in parameters)
        takes_any, is_own = takes_any or hands_on, False
        if not hands_on:
            break
    return named, takes_any


def spell_sequences(named: Mapping[str, OwnParameter], given: Mapping[str, Any]) -> str:
    """Say how a list is written for those of the given values that are none where one is wanted."""
    found = [
        key
        for key, value in given.items()
        if key in named and named[key].is_sequence and not isinstance(value, list | tuple | None)
    ]
    return "".join(
        f"; {key} is a list or tuple there, and one value that is a list has two pairs of brackets: "
        f"{key}=[[{given[key]}]]"
        for key in found
    )


def _evaluated(annotation: Any, function: Callable[..., Any]) -> Any:
    """Return an annotation that is kept as text as what it means, where that can be known."""
    if not isinstance(annotation, str):
        return annotation
    try:
        # Of the user's own module, which was executed to get here.
        return eval(annotation, getattr(inspect.unwrap(function), "__globals__", {}))
    except Exception:  # such as a name that is imported for type checkers alone
        return annotation


def _branches(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _branches(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from _branches(part)
    elif annotation is not EMPTY:
        yield annotation


def _sequence_type(annotation: Any) -> type | None:
    """Return tuple, or list for other sequences; None for what is no sequence."""
    kind = typing.get_origin(annotation) or annotation
    if kind is tuple:
        return tuple
    is_list = isinstance(kind, type) and issubclass(list, kind) and kind is not object
    return list if is_list and issubclass(kind, collections.abc.Iterable) else None


def _formed(value: Any, annotation: Any) -> Any:
    if not isinstance(value, list):
        return value
    for branch in _branches(annotation):
        kind = _sequence_type(branch)
        if kind is None:
            continue
        inner = [one for one in typing.get_args(branch) if one is not Ellipsis] or [EMPTY]
        inner += inner[-1:] * (len(value) - len(inner))
        return kind(_formed(one, form) for one, form in zip(value, inner, strict=False))
    return value


def _form_of(default: Any) -> Any:
    """Return the annotation that a default value stands for, where it is a list or tuple."""
    if type(default) not in (list, tuple):
        return EMPTY
    inner = _form_of(default[0]) if default else EMPTY
    inside = Any if inner is EMPTY else inner
    return list[inside] if type(default) is list else tuple[inside, ...]  # type: ignore[valid-type]
