"""Where each key of a TOML text stands: no parser says, so statements are fed to tomllib one by one."""

from __future__ import annotations

import tomllib
from typing import Any

Path = tuple[str | int, ...]


def key_lines(text: str) -> dict[Path, int]:
    """Return {path of a key: line, from 1} of a TOML text that parses as a whole.

    A path has the names of tables and keys, and the index in an array of tables.
    """
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    statement, start = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not statement and (not line.strip() or line.lstrip().startswith("#")):
            continue
        start = start if statement else number
        statement += line + "\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # a value that goes on in the next line
        if statement.lstrip().startswith("["):
            table = _table(parsed, counts)
            found.setdefault(table, start)
        else:
            for path in _paths(parsed):
                found.setdefault(table + path, start)
        statement = ""
    return found


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """Return the line of a key, or of the nearest table around it."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _table(parsed: dict[str, Any], counts: dict[Path, int]) -> Path:
    """Return the path that a header such as [recipes.plain] or [[measure]] opens."""
    path: Path = ()
    inside: Any = parsed
    while isinstance(inside, dict) and inside or isinstance(inside, list):
        if isinstance(inside, list):
            counts[path] = counts.get(path, -1) + 1
            path = (*path, counts[path])
            inside = inside[0]
            continue
        name, inside = next(iter(inside.items()))
        path = (*path, name)
        if isinstance(inside, dict) and path in counts:
            path = (*path, counts[path])  # [measure.x] belongs to the latest [[measure]]
    return path


def _paths(parsed: Any, path: Path = ()) -> list[Path]:
    """Return the paths of all keys of a statement, inner ones too."""
    found: list[Path] = []
    if isinstance(parsed, dict):
        for name, value in parsed.items():
            found += [(*path, name), *_paths(value, (*path, name))]
    return found
