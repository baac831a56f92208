"""The text of a suite: what it holds, what a switch has changed in it, where each key stands."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harness.errors import Fault, UsageError, did_you_mean, nearest
from harness.plan.grammar import parse_value
from harness.plan.lines import STARRED_KEY, STARRED_PART, key_lines, line_of
from harness.plan.lines import Path as KeyPath

_SWITCHES = {"architectures": "-a", "datasets": "-d", "seeds": "--seed"}


class Source:
    """The tables of a suite, and the place of each key for messages.

    where: the file. tables: what it holds, after what switches have changed. switches: by key, that which has set it.
    """

    def __init__(self, where: str, tables: dict[str, Any], lines: Mapping[KeyPath, int]) -> None:
        """Take the tables of a file, and the lines of its keys."""
        self.where, self.tables = where, tables
        self._lines = lines
        self.switches: dict[KeyPath, str] = {}

    @classmethod
    def read(cls, path: Path) -> Source:
        """Read a file.

        Raises:
            UsageError: It cannot be read, or is no TOML.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError as error:
            raise UsageError(f"{path}: cannot be read: it is no UTF-8 text ({error})") from None
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            message, line = _split_position(str(error), text)
            raise UsageError(f"{path}:{line}: this is no TOML: {message}") from None
        return cls(str(path), tables, key_lines(text))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Source:
        """Take the dictionary that a file would hold; its tuples become lists, its paths texts."""
        try:
            tables = json.loads(json.dumps(table, default=_plain))
        except (TypeError, ValueError) as error:
            raise UsageError(f"the suite is no plain dictionary: {error}") from None
        return cls("suite", tables, {})

    def problem(self, path: KeyPath, message: str) -> Fault:
        """Return a problem with its place: the switch that has set the key, or the file and line."""
        key = self.key(path)
        for length in range(len(path), 0, -1):
            if path[:length] in self.switches:
                return Fault(message, self.switches[path[:length]], key=key)
        return Fault(message, self.where, line_of(self._lines, path), key)

    def at(self, path: KeyPath) -> Any:
        """Return the value of a key; None where there is none."""
        inside: Any = self.tables
        for part in path:
            try:
                inside = inside[part]
            except (KeyError, IndexError, TypeError):
                return None
        return inside

    def key(self, path: KeyPath) -> str:
        """Write a path as a dotted key: a [[measure]] by its name, no positions in lists of values."""
        words: list[str] = []
        for depth, part in enumerate(path, start=1):
            if isinstance(part, str):
                words.append(_quote(part))
            elif isinstance(element := self.at(path[:depth]), dict):
                name = element.get("name")
                words.append(_quote(name) if isinstance(name, str) else str(part))
        return ".".join(words)

    def is_switched(self, path: KeyPath) -> bool:
        """Whether a switch has set a key, or one inside it."""
        return any(key[: len(path)] == path for key in self.switches)

    def override(self, setting: str) -> None:
        """Apply a text such as ``recipes.plain.epochs=3``, or ``recipes.*.epochs=3``, which is of every table there.

        Raises:
            UsageError: It is no such text, or names a [[measure]] that is not there, or a part of a recipe that is not.
        """
        origin = f"--set {setting}"
        match = STARRED_KEY.match(setting.strip())
        key = match[0] if match else ""
        rest = setting.strip()[len(key) :].lstrip()
        if not key or not rest.startswith("="):
            raise UsageError(
                f"{origin}: write key=value, such as recipes.plain.epochs=3; a part of the key that "
                'has other signs than letters, digits, "_" and "-" stands in quotes'
            )
        try:
            keys = list(self._spread(STARRED_PART.findall(key), origin))
            settings = [(one, _parse(one, rest[1:].strip())) for one in keys]
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{origin}: {key} is no dotted key: {error}") from None
        if not settings:
            raise UsageError(
                f"{origin}: the suite has no table at the *; name it, such as recipes.plain.epochs=3"
            )
        for one, new in settings:
            self._refuse_part_of_new(one, new, origin)
            self._merge(self.tables, new, (), origin)

    def _spread(self, parts: list[str], origin: str) -> Iterator[str]:
        """Yield the keys that one with a * for parts of it means: a * is each table that the suite has there."""
        if "*" not in parts:
            yield ".".join(parts)
            return
        place = parts.index("*")
        inside: Any = self.tables
        for depth, part in enumerate(parts[:place]):
            name = next(iter(tomllib.loads(f"{part} = 0")))
            if isinstance(inside, list):
                inside = inside[_position(inside, name, parts[:depth], origin)]
            else:
                inside = inside.get(name) if isinstance(inside, dict) else None
        if isinstance(inside, list):
            names = [str(place) for place, one in enumerate(inside) if isinstance(one, dict)]
        else:
            tables = inside if isinstance(inside, dict) else {}
            names = [_quote(name) for name, value in tables.items() if isinstance(value, dict)]
        for name in names:
            yield from self._spread([*parts[:place], name, *parts[place + 1 :]], origin)

    def _refuse_part_of_new(self, key: str, new: dict[str, Any], origin: str) -> None:
        """Raise where a dotted key is inside a recipe that is not there, by a name like that of one: a slip would train one more.

        Raises:
            UsageError: It is.
        """
        known, named = self.tables.get("recipes"), new.get("recipes")
        if not isinstance(known, dict) or not known or not isinstance(named, dict):
            return
        if (
            self.at(("matrix", "recipes")) is not None
        ):  # a recipe that it does not name is refused later
            return
        (name,) = named
        parts = tomllib.loads(f"{key} = 0")["recipes"]
        like = did_you_mean(name, list(known))
        if name not in known and like and isinstance(parts[name], dict):
            raise UsageError(
                f"{origin}: no recipe is named {name!r}, and a new one is written whole, such as "
                f"--set 'recipes.{_quote(name)}={{epochs=3}}'{like}"
            )

    def replace_axis(self, key: str, values: Sequence[Any]) -> None:
        """Let a switch such as -a take the place of a list of [matrix]."""
        matrix = self.tables.setdefault("matrix", {})
        if isinstance(matrix, dict):
            matrix[key] = [_plain(value) if isinstance(value, Path) else value for value in values]
            self.switches["matrix", key] = _SWITCHES.get(key, key)
        suite = self.tables.get("suite")
        if key == "datasets" and isinstance(suite, dict):
            suite.pop("description", None)  # it is of others

    def replace_measures(self, names: Sequence[str]) -> None:
        """Let --measure take the place of the [[measure]] tables.

        A name or glob without options keeps the tables that it matches, with their options; what matches
        none is taken as it is written.
        """
        tables = self.tables.get("measure", [])
        known = [one for one in tables if isinstance(one, dict)] if isinstance(tables, list) else []
        chosen: list[dict[str, Any]] = []
        for name in names:
            kept = [one for one in known if fnmatchcase(str(one.get("name", "")), name)]
            chosen += [one for one in kept or [{"name": name}] if one not in chosen]
        self.tables["measure"] = chosen
        self.switches["measure",] = "--measure"

    def _merge(self, target: Any, new: dict[str, Any], path: KeyPath, origin: str) -> None:
        for name, value in new.items():
            if isinstance(target, list):
                position = _position(target, name, path, origin)
                inner, here = target[position], (*path, position)
                if not isinstance(inner, dict) or not isinstance(value, dict):
                    named = ".".join(map(str, (*path, name)))
                    raise UsageError(f"{origin}: name a key of it, such as {named}.key=value")
            else:
                inner, here = target.get(name), (*path, name)
            if isinstance(value, dict) and isinstance(inner, dict | list):
                self._merge(inner, value, here, origin)
            else:
                target[name] = value
                self.switches[here] = origin


def _parse(key: str, value: str) -> dict[str, Any]:
    """Return nested tables with a value at a dotted key; what is no TOML value is a bare text, or a list of them.

    Raises:
        UsageError: In a list a bracket or a quote is not closed.
    """
    try:
        parsed: Any = tomllib.loads(f"value = {value}")
        value = parsed["value"] if len(parsed) == 1 else value
    except tomllib.TOMLDecodeError:
        if value.startswith("[") and value.endswith("]"):
            value = parse_value(f"{key}={value}", value)
    tables: dict[str, Any] = tomllib.loads(f"{key} = {{}}")
    inside = tables
    while inside[name := next(iter(inside))]:
        inside = inside[name]
    inside[name] = value
    return tables


def _position(tables: list[Any], name: str, path: Sequence[str | int], origin: str) -> int:
    """Return the index of a table in an array: by number, or by its `name`."""
    if name.isdigit() and int(name) < len(tables):
        return int(name)
    names = [str(table.get("name", "")) for table in tables if isinstance(table, dict)]
    found = [i for i, t in enumerate(tables) if isinstance(t, dict) and t.get("name") == name]
    what = ".".join(map(str, path))
    if not found:
        raise UsageError(f"{origin}: no {what} is named {name!r}{nearest(name, names)}")
    if len(found) > 1:
        numbers = " or ".join(f"{what}.{index}" for index in found)
        raise UsageError(f"{origin}: {len(found)} of {what} are named {name!r}; write {numbers}")
    return found[0]


def _split_position(message: str, text: str) -> tuple[str, int]:
    """Take the line out of tomllib's message: "... (at line 2, column 8)" or "(at end of document)"."""
    match = re.search(r" \(at line (\d+), column (\d+)\)$", message)
    if match is None:
        ending = " (at end of document)"
        return message.removesuffix(ending) + " at the end of the file", text.count("\n") + 1
    return f"{message[: match.start()]} at column {match[2]}", int(match[1])


def _plain(value: Any) -> Any:
    """Turn a path into a text that is read as a path, and a numpy number into a number."""
    if isinstance(value, Path):
        text = str(value.expanduser())
        return text if value.is_absolute() or text.startswith("/") else f"./{text}"
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def _quote(part: str) -> str:
    bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)  # as TOML has it: no other alphabet's letters
    return part if bare else json.dumps(part, ensure_ascii=False)
