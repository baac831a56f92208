"""The sizes of the data under the names that a class of the user's has for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.catalogue.references import call
from harness.catalogue.size_names import AMBIGUOUS, SIZE_NAMES, USUAL_DEFAULTS
from harness.data.own_parameters import EMPTY, OwnParameter
from harness.data.task import Task

_ABOUT_SIZES = re.compile(
    r"channel|size|shape|dimension|mat1|expected|divisible|features|must match|inconsistent",
    re.IGNORECASE,
)
_LIKE_A_SIZE = re.compile(
    r"chan|plane|size|dim|feat|class|label|input|output|shape|width|height|length|^in_|^out_|_in$|_out$|^outs?$"
)


def sizes_of(
    named: Mapping[str, OwnParameter], seen: Task, written: Sequence[str]
) -> dict[str, Any]:
    """Return {parameter: value} of those that mean a size of the data.

    seen: the task with the input that the network is given. written: what the user gives a value to; a
    meaning that is among these is settled.
    """
    found: dict[str, Any] = {}
    for meaning, names in SIZE_NAMES.items():
        value = _value(meaning, seen)
        there = [
            name
            for name in names
            if name in named and name not in found and _can_be(named[name], value)
        ]
        if value is None or not there or any(name in written for name in there):
            continue
        clear = [name for name in there if name not in AMBIGUOUS]
        has_shape = meaning != "outputs" and not {"input_shape", "task"}.isdisjoint(named)
        usual = [name for name in there if _means_data(named[name], "" if has_shape else meaning)]
        for name in clear or usual[:1]:
            found[name] = _formed(named[name], value)
    return found


def describe_sizes(
    named: Mapping[str, OwnParameter], seen: Task, given: Mapping[str, Any], message: str
) -> str:
    """Say, where a message is about sizes, what the data have and which parameters look like them.

    given: what the class was given.
    """
    if not _ABOUT_SIZES.search(message):
        return ""
    alike = [
        f"{name}={given.get(name, one.default)!r}"
        for name, one in named.items()
        if _LIKE_A_SIZE.search(name) and _has_numbers(given.get(name, one.default))
    ]
    words = f". The data have {_sizes(seen)}"
    return f"{words}; its parameters that look like sizes: {', '.join(alike)}" if alike else words


def _has_numbers(value: Any) -> bool:
    parts = value if isinstance(value, list | tuple) else (value,)
    return bool(parts) and all(type(part) is int for part in parts)


def _value(meaning: str, seen: Task) -> Any:
    if meaning == "outputs":
        return seen.outputs
    sizes = seen.modality_item.sizes
    return None if sizes is None else call(sizes, shape=seen.input_shape, task=seen).get(meaning)


def _can_be(one: OwnParameter, value: Any) -> bool:
    """Whether a parameter may hold a size: a list of widths by the same name is none, nor is a text."""
    if isinstance(value, tuple):
        return True
    is_number = one.default is None or one.default is EMPTY or isinstance(one.default, int)
    return is_number and not one.is_sequence


def _means_data(one: OwnParameter, meaning: str) -> bool:
    return one.needed or one.default in USUAL_DEFAULTS.get(meaning, ())


def _formed(one: OwnParameter, value: Any) -> Any:
    """Return a number as it is, and the shape of an image as a side, a pair or a triple, as is asked for."""
    if not isinstance(value, tuple):
        return value
    _, height, width = value
    length = len(one.default) if isinstance(one.default, list | tuple) else 2
    if one.is_sequence:
        return one.formed(list(value if length == 3 else (height, width)))
    return height if height == width else (height, width)


def _sizes(seen: Task) -> str:
    shape = call(seen.modality_item.describe, shape=seen.input_shape)
    return f"{shape} and {call(seen.problem_item.describe, outputs=seen.outputs)}"
