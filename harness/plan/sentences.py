"""From what pydantic says to sentences for the person who wrote the value."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import did_you_mean, nearest

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

Path = tuple[str | int, ...]

_ALLOWED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of a usual size",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "literal_error": "{expected}",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "finite_number": "a finite number",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
}

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80
_short.maxlist = _short.maxdict = 8


def show(value: Any) -> str:
    """Return a value as a person wrote it, cut where it is long."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else _short.repr(value)


def explain(
    error: ValidationError, model: type[BaseModel], values: Any
) -> list[tuple[Path, str, str]]:
    """Return (path of the key, what pydantic calls the problem, sentence) for each problem.

    A value that no branch of a union takes is one problem, and so is a list for the entry in it
    that is wrong.
    """
    found: dict[Path, list[Mapping[str, Any]]] = {}
    for detail in error.errors(include_url=False):
        found.setdefault(_path(detail["loc"], values), []).append(detail)
    inner = {path[:length] for path in found for length in range(len(path))}
    return [
        (path, details[0]["type"], _sentence(path, details, model))
        for path, details in found.items()
        if path not in inner
    ]


def _path(loc: Sequence[str | int], values: Any) -> Path:
    """Leave the branches of unions out of pydantic's location."""
    path: Path = ()
    for position, part in enumerate(loc):
        if position == 0 and isinstance(part, str):  # also a key that is missing
            path = (part,)
            values = values.get(part) if isinstance(values, Mapping) else None
        elif _holds(values, part):
            path, values = (*path, part), values[part]
    return path


def _holds(values: Any, part: str | int) -> bool:
    if isinstance(values, Mapping):
        return part in values
    return isinstance(part, int) and isinstance(values, list | tuple) and part < len(values)


def _sentence(path: Path, details: Sequence[Mapping[str, Any]], model: type[BaseModel]) -> str:
    first = details[0]
    key = str(path[0]) if path else ""
    fields = model.model_fields
    if first["type"] == "extra_forbidden":
        if len(path) > 1:  # of a table in this one
            return f"unknown key {path[-1]!r}"
        return f"unknown key {key!r}{nearest(key, fields)}"
    if first["type"] == "missing":
        meaning = fields[key].description or "" if key in fields else ""
        return "a value is needed" + (f": {meaning}" if meaning else "")
    if first["type"] == "too_short" and not first["input"]:
        return "the list is empty; at least one entry is needed"
    got = f"; got {show(first['input'])}"
    for detail in details:
        if detail["type"] in ("value_error", "assertion_error"):
            return _own(detail["msg"]) + (
                got if path else ""
            )  # else that would be all that is given
    if first["type"] == "string_pattern_mismatch" and key in fields and fields[key].description:
        return f"{fields[key].description}{got}"
    known = [detail for detail in details if detail["type"] in _ALLOWED]
    if not known:
        return _own(first["msg"]) + got
    near = "".join(map(_near, known))
    return f"{' or '.join(_unique(_allowed(detail) for detail in known))} is allowed{got}{near}"


def _near(detail: Mapping[str, Any]) -> str:
    """Return the end of a sentence, "; did you mean ...?", where a word is like one of those that are allowed."""
    if detail["type"] != "literal_error" or not isinstance(detail["input"], str):
        return ""
    return did_you_mean(detail["input"], re.findall("'([^']+)'", detail["ctx"]["expected"]))


def _allowed(detail: Mapping[str, Any]) -> str:
    limits = detail.get("ctx", {}).items()
    shown = {key: f"{limit:g}" if isinstance(limit, float) else limit for key, limit in limits}
    return _ALLOWED[detail["type"]].format(**shown)


def _own(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
