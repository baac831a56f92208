"""Large files of plain text with a separator, read by Arrow: a line a row, each of as many cells, in UTF-8.

What is not so, such as a row of fewer cells, a blank line or a quote inside of a cell, is left to `files`, which has a rule or
a sentence for each. Both give the same cells.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness_datasets.tables.stored_cells import StoredCells, store

LARGE = 2**24  # bytes of a file, from which on it is read so
_BLOCK = 2**20  # bytes that are looked at, or parsed, at once: the cache of a core holds them


@dataclass(frozen=True)
class PlainText:
    """header: the cells of the first line, columns: those below. bare: all are printable ASCII and none has a blank."""

    header: list[str]
    columns: tuple[StoredCells, ...]
    bare: bool


def read_plain(path: Path, separator: str) -> PlainText | None:
    """Return the cells of a file; None where it is not so plain.

    separator: of one character.
    """
    import pyarrow
    from pyarrow import csv as arrow_csv

    if len(separator) != 1 or not separator.isascii():
        return None
    lines, bare = _count_lines(path, separator.encode())
    rows = lines - 1
    with path.open("rb") as file:
        try:
            first = file.readline().decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            return None
    if first.count('"') % 2:  # a name of two lines
        return None
    (header,) = csv.reader([first], delimiter=separator, skipinitialspace=True)
    if rows < 1 or len(header) < 2 or not any(map(str.strip, header)):
        return None  # `files` takes the next line for a header that is all blank
    names = list(map(str, range(len(header))))
    text = pyarrow.string()
    try:
        reader = arrow_csv.open_csv(
            path,
            arrow_csv.ReadOptions(block_size=_BLOCK, column_names=names, skip_rows=1),
            arrow_csv.ParseOptions(
                delimiter=separator,
                quote_char='"',
                double_quote=False,
                ignore_empty_lines=False,  # such as have too few cells
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, text),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
        table = store(reader.schema, reader)
    except pyarrow.ArrowException:
        return None  # `files` says what is wrong, and in which line
    if table.num_rows != rows or _has_blank_row(table):
        return None
    return PlainText(header, tuple(map(StoredCells, table.columns)), bare)


def _count_lines(path: Path, separator: bytes) -> tuple[int, bool]:
    """Return how many lines a file has, 0 where quotes do not stand around whole cells, and whether all of its bytes but
    the ends of lines are printable ASCII and none a blank.
    """
    lines, bare = 0, True
    with path.open("rb") as file:
        while block := file.read(_BLOCK) + file.readline():
            ends = block.count(b"\n")
            lines += ends + (not block.endswith(b"\n"))
            signed = np.frombuffer(block, np.int8)  # what is beyond ASCII is below 0
            returns = block.count(b"\r") if b"\r" in block else 0
            bare = bare and np.count_nonzero(signed <= ord(" ")) == ends + returns
            if b"\0" in block:
                return 0, False
            if returns and returns != block.count(b"\r\n"):
                return 0, False
            if b'"' in block and not _around_cells(block, separator):
                return 0, False
    return lines, bare


def _around_cells(block: bytes, separator: bytes) -> bool:
    block = block.replace(b"\r\n", b"\n")
    quotes = block.count(b'"')
    before = block.startswith(b'"') + block.count(separator + b'"') + block.count(b'\n"')
    behind = block.endswith(b'"') + block.count(b'"' + separator) + block.count(b'"\n')
    return quotes == 2 * before == 2 * behind


def _has_blank_row(table: Any) -> bool:
    """Whether all cells of a row are empty."""
    from pyarrow import compute

    blank = None
    for column in table.columns:
        empty = compute.equal(compute.utf8_trim_whitespace(column), "")
        blank = empty if blank is None else compute.and_(blank, empty)
        if not compute.any(blank).as_py():
            return False
    return True
