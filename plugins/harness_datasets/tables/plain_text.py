"""Large files of plain text with a separator, read by Arrow: a line a row, each of as many cells, in UTF-8.

What is not so, such as a row of fewer cells, a blank line or a quote inside of a cell, is left to `files`, which has a rule or
a sentence for each. Both give the same cells.
"""

from __future__ import annotations

import csv
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from os import SEEK_END
from pathlib import Path
from threading import Lock
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
    blocks = _look_through(path, separator.encode())
    if not blocks:
        return None
    bare = all(block.bare for block in blocks)
    with path.open("rb") as file:
        try:
            first = file.readline().decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError:
            return None
    (header,) = csv.reader([first], delimiter=separator, skipinitialspace=True)
    if len(header) < 2 or not any(map(str.strip, header)):
        return None  # `files` takes the next line for a header that is all blank
    try:
        columns = None
        if bare and not by_text:  # Arrow would strip blanks around numbers
            columns = _read_numbers(path, separator, blocks, len(header))
        if columns is None:
            texts = _read_texts(path, separator, blocks, len(header))
            columns = tuple(map(StoredCells, texts.columns))
    except pyarrow.ArrowException:
        return None  # `files` says what is wrong, and in which line
    return None if _has_blank_row(columns) else PlainText(header, columns, bare)


def _read_numbers(
    path: Path, separator: str, blocks: Sequence[_Block], width: int
) -> tuple[StoredCells, ...] | None:
    """Return the columns of a file of bare cells, those whose first cells are decimals read as numbers; None where there is
    no such column, or one holds something else later.

    Raises:
        pyarrow.ArrowException: A line has more cells, or fewer.
    """
    import pyarrow

    ends = np.cumsum([0, *(block.lines for block in blocks)]).tolist()
    rows = ends[-1]
    parse = _parser(path, separator, width)
    some = pyarrow.concat_tables(map(parse, blocks[: bisect_left(ends, _FIRST)]))
    first = some.slice(0, _FIRST).columns
    decimals = [place for place, column in enumerate(first) if _is_decimal(StoredCells(column))]
    if not decimals:
        return None
    others = [place for place in range(width) if place not in set(decimals)]
    values = {place: np.empty(rows) for place in decimals}
    parse_numbers = _parser(path, separator, width, decimals)

    def fill(number: int) -> tuple[pyarrow.Table, list[int]]:
        """Return the other columns of a block, and how many cells of each of decimals are a finite number or empty."""
        table = parse_numbers(blocks[number])
        begin, end = ends[number : number + 2]
        sound = []
        for place in decimals:
            column = table.column(place)
            own = values[place][begin:end] = column.to_numpy()
            sound.append(np.count_nonzero(np.isfinite(own)) + column.null_count)
        return table.select(others), sound

    counts = np.zeros(len(decimals), dtype=np.int64)

    def rest() -> Iterator[pyarrow.RecordBatch]:
        for table, sound in in_parallel(fill, range(len(blocks))):
            counts[:] += sound
            yield from table.to_batches()

    try:
        kept = store(pyarrow.schema([(str(place), pyarrow.string()) for place in others]), rest())
    except pyarrow.ArrowException:
        return None
    columns = dict(zip(others, map(StoredCells, kept.columns), strict=True))

    lock, known_texts = Lock(), list[pyarrow.Table]()

    def again() -> pyarrow.Table:
        with lock:  # columns are taken on several threads, and one reading does for all
            if not known_texts:
                try:
                    known_texts.append(_read_texts(path, separator, blocks, width))
                except pyarrow.ArrowException:
                    raise DataError(
                        f"{path} was changed while it was read; prepare it again"
                    ) from None
            return known_texts[0]

    for place, count in zip(decimals, counts.tolist(), strict=True):
        if count == rows:
            known = first[place].to_pylist()
            columns[place] = NumberCells(values[place], known, partial(_column, again, place))
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


def _read_texts(path: Path, separator: str, blocks: Sequence[_Block], width: int) -> pyarrow.Table:
    import pyarrow

    parse = _parser(path, separator, width)
    batches = (batch for table in in_parallel(parse, blocks) for batch in table.to_batches())
    return store(
        pyarrow.schema([(str(place), pyarrow.string()) for place in range(width)]), batches
    )


def _parser(
    path: Path, separator: str, width: int, numbers: Collection[int] = ()
) -> Callable[[_Block], pyarrow.Table]:
    """Return what reads the columns of a block, named by their places, some of them as float64.

    It raises `pyarrow.ArrowException` where they are not so many of so many rows.
    """
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

    def parse(block: _Block) -> pyarrow.Table:
        lines = _read(path, block.span)
        whole = arrow_csv.ReadOptions(
            block_size=len(lines) + 1, column_names=names, use_threads=False
        )
        table = arrow_csv.read_csv(pyarrow.BufferReader(lines), whole, form, meaning)
        if len(table) != block.lines:
            raise pyarrow.ArrowInvalid("a cell has an end of line in it, or the file was changed")
        return table

    return parse


@dataclass(frozen=True)
class _Block:
    """Whole lines of a file.

    span: its bytes. bare: whether all of them but the ends of lines are printable ASCII and none a blank.
    """

    span: slice
    lines: int
    bare: bool


def _look_through(path: Path, separator: bytes) -> list[_Block] | None:
    """Return the blocks below the first line; None where a quote does not stand around a whole cell, or lines do not end
    alike.
    """
    look = partial(_look, path, separator)
    with path.open("rb") as file:
        found = list(in_parallel(look, _spans(file)))
    blocks = [block for block in found if block is not None]
    return blocks[1:] if len(blocks) == len(found) else None


def _spans(file: BinaryIO) -> Iterator[slice]:
    """Yield the bytes of the first line of a file, and then of blocks of whole lines."""
    size = file.seek(0, SEEK_END)
    end = file.seek(0)
    while end < size:
        file.readline()
        start, end = end, min(file.tell(), size)
        yield slice(start, end)
        file.seek(end + _BLOCK)


def _read(path: Path, span: slice) -> bytes:
    with path.open("rb", buffering=0) as file:
        file.seek(span.start)
        return file.read(span.stop - span.start)


def _look(path: Path, separator: bytes, span: slice) -> _Block | None:
    text = _read(path, span)
    signed = np.frombuffer(text, np.int8)  # what is beyond ASCII is below 0
    ends = np.count_nonzero(signed == ord("\n"))
    returns = np.count_nonzero(signed == ord("\r"))
    if b"\0" in text or (returns and returns != text.count(b"\r\n")):
        return None
    if b'"' in text and not _around_cells(text, separator):
        return None
    bare = np.count_nonzero(signed <= ord(" ")) == ends + returns
    return _Block(span, int(ends) + (not text.endswith(b"\n")), bare)


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
