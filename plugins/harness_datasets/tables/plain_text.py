"""Large files of plain text with a separator, read by Arrow: a line a row, each of as many cells, in UTF-8.

What is not so, such as a row of fewer cells, a blank line or a quote inside of a cell, is left to `files`, which has a rule or
a sentence for each. Both give the same cells.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from harness.api import DataError
from harness.api.declaring import in_parallel
from harness_datasets.tables.numerals import LOOKED_AT as _FIRST
from harness_datasets.tables.numerals import shows_decimals
from harness_datasets.tables.stored_cells import Array, NumberCells, StoredCells, store

if TYPE_CHECKING:
    import pyarrow

LARGE = 2**24  # bytes of a file, from which on it is read so
_BLOCK = 2**20  # bytes that are looked at, or parsed, at once: the cache of a core holds them


@dataclass(frozen=True)
class PlainText:
    """header: the cells of the first line, columns: those below. bare: all are printable ASCII and none has a blank."""

    header: list[str]
    columns: tuple[StoredCells, ...]
    bare: bool


def read_plain(path: Path, separator: str, *, by_text: bool = False) -> PlainText | None:
    """Return the cells of a file; None where it is not so plain.

    separator: of one character. by_text: keep the text of all cells; else columns of decimals are read as numbers at once,
    and their texts only when they are asked for.
    """
    import pyarrow

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
    columns = None
    if bare and not by_text:  # Arrow would strip blanks around numbers
        columns = _read_numbers(path, separator, rows, len(header))
    if columns is None:
        try:
            with path.open("rb") as file:
                table = _read_texts(file, separator, len(header))
        except pyarrow.ArrowException:
            return None  # `files` says what is wrong, and in which line
        if table.num_rows != rows:
            return None
        columns = tuple(map(StoredCells, table.columns))
    return None if _has_blank_row(columns) else PlainText(header, columns, bare)


def _read_numbers(
    path: Path, separator: str, rows: int, width: int
) -> tuple[StoredCells, ...] | None:
    """Return the columns of a file of bare cells, those whose first cells are decimals read as numbers; None where there is
    no such column, or one holds something else later.
    """
    import pyarrow

    with path.open("rb") as file:
        start = b"".join(islice(file, 1 + _FIRST))
    try:
        first = _read_texts(BytesIO(start), separator, width).columns
        decimals = [place for place, column in enumerate(first) if _is_decimal(StoredCells(column))]
        if not decimals:
            return None
        others = [place for place in range(width) if place not in set(decimals)]
        values = {place: np.empty(rows) for place in decimals}
        absent = dict.fromkeys(decimals, 0)
        ends = [0]

        def rest(file: BinaryIO) -> Iterator[pyarrow.RecordBatch]:
            for batch in _batches(file, separator, width, decimals):
                some = slice(ends[-1], ends[-1] + len(batch))
                if some.stop > rows:
                    return
                for place in decimals:
                    column = batch.column(place)
                    values[place][some] = column.to_numpy(zero_copy_only=False)
                    absent[place] += column.null_count
                ends.append(some.stop)
                yield batch.select(others)

        kept = pyarrow.schema([(str(place), pyarrow.string()) for place in others])
        with path.open("rb") as file:
            texts = store(kept, rest(file))
    except pyarrow.ArrowException:
        return None
    if ends[-1] != rows:
        return None
    columns = dict(zip(others, map(StoredCells, texts.columns), strict=True))

    @cache
    def again() -> pyarrow.Table:
        with path.open("rb") as file:
            table = _read_texts(file, separator, width)
        if table.num_rows != rows:
            raise DataError(f"{path} was changed while it was read; prepare it again")
        return table

    for place, numbers in values.items():
        if np.count_nonzero(np.isfinite(numbers)) + absent[place] == rows:
            known = first[place].to_pylist()
            columns[place] = NumberCells(numbers, known, partial(_column, again, place))
        else:  # a word such as nan, or a number beyond float64
            columns[place] = StoredCells(again().column(place))
    return tuple(columns[place] for place in range(width))


def _column(read: Callable[[], pyarrow.Table], place: int) -> pyarrow.ChunkedArray:
    return read().column(place)


def _is_decimal(cells: StoredCells) -> bool:
    """Whether cells are numbers, one of which has decimals: no codes, and no thousands."""
    numbers = cells.numbers
    if numbers is None or not (numbers % 1 > 0).any():
        return False
    return any(shows_decimals(text, ".") for text in cells)


def _read_texts(file: BinaryIO, separator: str, width: int) -> pyarrow.Table:
    import pyarrow

    names = list(map(str, range(width)))
    return store(
        pyarrow.schema([(name, pyarrow.string()) for name in names]),
        _batches(file, separator, width),
    )


def _batches(
    file: BinaryIO, separator: str, width: int, numbers: Collection[int] = ()
) -> Iterator[pyarrow.RecordBatch]:
    """Yield the columns below the first line, named by their places, some of them as float64; parsed on all cores."""
    import pyarrow
    from pyarrow import csv as arrow_csv

    names = list(map(str, range(width)))
    types = dict.fromkeys(names, pyarrow.string())
    types |= {names[place]: pyarrow.float64() for place in numbers}
    form = arrow_csv.ParseOptions(
        delimiter=separator,
        quote_char='"',
        double_quote=False,
        ignore_empty_lines=False,  # such as have too few cells
    )
    meaning = arrow_csv.ConvertOptions(
        column_types=types,
        null_values=[""],
        strings_can_be_null=False,
        quoted_strings_can_be_null=False,
    )

    def parse(lines: bytes) -> pyarrow.Table:
        whole = arrow_csv.ReadOptions(
            block_size=len(lines) + 1, column_names=names, use_threads=False
        )
        return arrow_csv.read_csv(pyarrow.BufferReader(lines), whole, form, meaning)

    file.readline()
    for table in in_parallel(parse, _blocks(file)):
        yield from table.to_batches()


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of a file in blocks of whole lines."""
    while block := file.read(_BLOCK) + file.readline():
        yield block


def _count_lines(path: Path, separator: bytes) -> tuple[int, bool]:
    """Return how many lines a file has, 0 where quotes do not stand around whole cells, and whether all of its bytes but
    the ends of lines are printable ASCII and none a blank.
    """
    lines, bare = 0, True
    with path.open("rb") as file:
        for block in _blocks(file):
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


def _has_blank_row(columns: Sequence[StoredCells]) -> bool:
    """Whether all cells of a row are empty."""
    blank: Array | None = None
    for cells in columns:
        empty = cells.blanks()
        blank = empty if blank is None else blank & empty
        if not blank.any():
            return False
    return True
