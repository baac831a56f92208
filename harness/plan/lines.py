"""Where each key and each element of an array stands in a TOML text: no parser of ours says.

The text has been read by tomllib before, so the scanner need not find faults in it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

Path = tuple[str | int, ...]

_WORD = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
KEY = re.compile(rf"{_WORD}(?:[ \t]*\.[ \t]*{_WORD})*")  # a key, dotted or not
STARRED_PART = re.compile(rf"{_WORD}|\*")
STARRED_KEY = re.compile(
    rf"(?:{_WORD}|\*)(?:[ \t]*\.[ \t]*(?:{_WORD}|\*))*"
)  # with * for parts of it
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]*")


def key_lines(text: str) -> dict[Path, int]:
    """Return {path: line, from 1} of every table, key and element of an array.

    A path has the names of tables and keys, and positions in arrays.
    """
    return _Scanner(text.replace("\r\n", "\n")).scan()


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """Return the line of a key, or of the nearest table around it."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text, self.position = text, 0
        self.line, self.counted = 1, 0
        self.found: dict[Path, int] = {}
        self.latest: dict[Path, int] = {}  # of an array of tables, the position of its last one

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self.skip(_SPACE)
        while self.position < len(self.text):
            if self.peek() == "[":
                table = self.header()
            else:
                self.statement(table)
            self.skip(_SPACE)
        return self.found

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.position)
        if match is None or (not match[0] and pattern is not _SPACE):
            raise ValueError(f"line {self.line}: no TOML here")
        self.position = match.end()
        return match[0]

    def mark(self, path: Path) -> None:
        self.line += self.text.count("\n", self.counted, self.position)
        self.counted = self.position
        for length in range(1, len(path) + 1):
            self.found.setdefault(path[:length], self.line)

    def key(self) -> list[str]:
        """Read a key, dotted or not."""
        written = self.skip(KEY)
        names: list[str] = []
        inside: Any = tomllib.loads(f"{written} = {{}}")
        while inside:
            name, inside = next(iter(inside.items()))
            names.append(name)
        return names

    def header(self) -> Path:
        """Read [table] or [[table]] and return the path that it opens."""
        several = self.text.startswith("[[", self.position)
        self.position += 2 if several else 1
        self.skip(_SPACE)
        path: Path = ()
        names = self.key()
        for depth, name in enumerate(names):
            path = (*path, name)
            if several and depth == len(names) - 1:
                self.latest[path] = self.latest.get(path, -1) + 1
            if path in self.latest:  # [measure.x] belongs to the last [[measure]]
                path = (*path, self.latest[path])
        self.mark(path)
        self.skip(_SPACE)
        self.position += 2 if several else 1
        return path

    def statement(self, table: Path) -> None:
        """Read key = value."""
        start = self.position
        path = (*table, *self.key())
        end, self.position = self.position, start
        self.mark(path)
        self.position = end
        self.skip(_SPACE)
        self.position += 1  # the equals sign
        self.skip(_SPACE)
        self.value(path)

    def value(self, path: Path) -> None:
        opening = self.peek()
        if opening in ('"', "'"):
            self.skip(_STRING)
        elif opening in ("[", "{"):
            self.inside(path, "]" if opening == "[" else "}")
        else:
            self.skip(_PLAIN)

    def inside(self, path: Path, closing: str) -> None:
        """Read an array or an inline table."""
        self.position += 1
        index = 0
        self.skip(_SPACE)
        while self.peek() != closing:
            if closing == "]":
                self.mark((*path, index))
                self.value((*path, index))
                index += 1
            else:
                self.statement(path)
            self.skip(_SPACE)
            if self.peek() == ",":
                self.position += 1
                self.skip(_SPACE)
        self.position += 1
