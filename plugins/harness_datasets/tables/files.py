"""Files of tables: text with a separator, lines of JSON, parquet."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Collection
from itertools import islice
from pathlib import Path
from typing import Any

from harness.api import DataError
from harness.api.reporting import counted
from harness_datasets.tables.header import LOOKED_AT as ROWS_BESIDE
from harness_datasets.tables.header import looks_like_row
from harness_datasets.tables.numerals import find_decimal_signs
from harness_datasets.tables.options import CellOptions, ColumnOptions
from harness_datasets.tables.plain_text import LARGE, read_plain
from harness_datasets.tables.raw import RawTable, name_columns, strip_cells, strip_stored

SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl")
_SEPARATORS, _BLANKS = (",", ";", "\t", "|"), r"\s+"
_SAID = re.compile(r'"?sep=(.)"?(?:\r\n|\r|\n)', re.IGNORECASE)  # Excel's first line
_LINE = 2**20  # bytes, of which a separator is looked for
_TRIED = 50  # lines by which a separator is found
_HALF = re.compile("[\ud800-\udfff]")
_OF_SEVERAL = "which are several values in a cell; give each a column of its own, or leave it out with drop=[{}]"
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read_table(path: Path, options: ColumnOptions) -> RawTable:
    """Read a file by its suffix; what is neither parquet nor JSON lines is text with a separator.

    Raises:
        DataError: It cannot be read, has no rows, or a row does not fit the header.
    """
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            table = _read_parquet(path, options.drop)
        elif suffix in (".jsonl", ".ndjson"):
            table = _read_lines(path, options)
        else:
            table = _read_text(path, options, "\t" if suffix in (".tsv", ".tab") else "")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from None
    if not len(table):
        raise DataError(f"{path} has no rows")
    return table


def read_start(path: Path, options: ColumnOptions, most: int) -> RawTable:
    """Read the beginning of a file of text as a table: whole lines, of at most so many bytes.

    Raises:
        DataError, ValueError, OSError: As of `read_table`; also where a row goes on behind that.
    """
    with path.open("rb") as file:
        raw = file.read(most)
    if len(raw) == most:
        raw = raw[: raw.rfind(b"\n") + 1]
    separator = "\t" if path.suffix.lower() in (".tsv", ".tab") else ""
    return _read_cells(path, *_decode(path, raw, options.encoding), options, separator)


def _decode(path: Path, raw: bytes, encoding: str) -> tuple[str, str]:
    """Return the text and its encoding: what is no UTF-8 and has no mark is Windows' western one."""
    if encoding != "auto":
        try:
            return raw.decode(encoding), encoding
        except LookupError:
            raise DataError(f"{path}: no encoding is named {encoding!r}; utf-8 is one") from None
        except UnicodeError as error:
            raise DataError(
                f"{path} is not in {encoding}: {error}; leave encoding out to have it found"
            ) from None
    marked = next((name for mark, name in _MARKS if raw.startswith(mark)), "")
    for name in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            text = raw.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, name.removesuffix("-sig")
    raise ValueError("it is no text in UTF-8, UTF-16 or Windows-1252; give encoding=...")


def _read_large(path: Path, options: ColumnOptions, separator: str) -> RawTable | None:
    """Return a large file of plain text; None where it is small, or asks for a rule of `_read_text`."""
    if (
        path.stat().st_size < LARGE
        or options.encoding not in ("auto", "utf-8")
        or not options.header
    ):
        return None
    with path.open("rb") as file:
        start = b"".join(islice(iter(lambda: file.readline(_LINE), b""), _TRIED)).decode(
            "utf-8-sig", "replace"
        )
    if _SAID.match(start):
        return None
    separator = options.separator or separator or find_separator(start)
    # What `na` names, and a point that is none of decimals, is found in texts.
    by_text = isinstance(options, CellOptions) and (bool(options.na) or options.decimal == ",")
    found = read_plain(path, separator, by_text=by_text)
    if found is None:
        return None
    names, unnamed = name_columns(found.header)
    columns, padded = found.columns, frozenset[str]()
    if not found.bare:
        columns, padded = strip_stored(names, columns)
    first = zip(*(cells[:ROWS_BESIDE] for cells in columns), strict=True)
    looks_so = looks_like_row(found.header, list(first))
    return RawTable(
        path=path,
        names=names,
        columns=columns,
        lines=range(2, 2 + len(columns[0])),
        unnamed=unnamed,
        encoding="utf-8",
        separator=separator,
        padded=padded,
        signs=find_decimal_signs(columns),
        row_as_names=tuple(found.header) if looks_so else (),
    )


def _read_text(path: Path, options: ColumnOptions, separator: str) -> RawTable:
    large = _read_large(path, options, separator)
    if large is not None:
        return large
    return _read_cells(
        path, *_decode(path, path.read_bytes(), options.encoding), options, separator
    )


def _read_cells(
    path: Path, text: str, encoding: str, options: ColumnOptions, separator: str
) -> RawTable:
    said = _SAID.match(text)
    if said is not None:  # a blank line in its place keeps the numbers of the others
        text, separator = "\n" + text[said.end() :], said[1]
    separator = options.separator or separator or find_separator(text)
    rows = _records(text, separator)
    if not rows:
        raise ValueError("it is empty")
    _, header = rows.pop(0)
    if not options.header:
        rows.insert(0, (1, header))
        header = [str(place) for place in range(len(header))]
    elif rows and all(len(cells) == len(header) + 1 for _, cells in rows):
        if not any(cells[-1].strip() for _, cells in rows):
            for _, cells in rows:
                cells.pop()  # a separator ends each row, and not the names
        elif len(header) > 1 and len({cells[0] for _, cells in rows}) == len(rows):
            header = ["", *header]  # R writes no name above the names of its rows
    if len(header) < 2:
        line, cells = max(rows, key=lambda row: len(row[1]), default=(1, header))
        raise DataError(
            f"{path} has one column; is {separator!r} the right separator? Give separator=..."
            if len(cells) < 2
            else f"{path}: the first line, {header[0]!r}, is one cell, and line {line} has {len(cells)}; take out what stands above "
            "the names of the columns"
        )
    short = []
    for place, (line, cells) in enumerate(rows):
        if len(cells) > len(header):
            raise DataError(
                f"{path} cannot be read as a table: line {line} has {counted(len(cells), 'cell')}, and there are "
                f"{counted(len(header), 'column')}; a cell with the separator {separator!r} in it{_or_decimals(separator)} is put in quotes, and "
                "header=false says that the first line names no columns"
            )
        if len(cells) < len(header):
            short.append(place)
            cells.extend([""] * (len(header) - len(cells)))
    names, unnamed = name_columns(header)
    looks_so = options.header and looks_like_row(header, [cells for _, cells in rows])
    # Blanks in front of a cell count in no file of text, in quotes or not: they are mostly those behind a separator.
    cells_of = zip(*([cell.lstrip(" ") for cell in cells] for _, cells in rows), strict=True)
    written = cells_of if rows else ([] for _ in names)
    columns, padded = strip_cells(names, written)
    return RawTable(
        path=path,
        names=names,
        columns=columns,
        lines=[line for line, _ in rows],
        unnamed=unnamed,
        short=tuple(short),
        encoding=encoding,
        separator=separator,
        padded=padded,
        signs=find_decimal_signs(columns),
        row_as_names=tuple(header) if looks_so else (),
    )


def _or_decimals(separator: str) -> str:
    return ", such as a number with a decimal comma," if separator == "," else ""


def find_separator(text: str) -> str:
    """Return the separator that gives the first records the same number of cells, and the most.

    One that gives the header as many goes before others: a decimal comma parts the rows alone.
    Where none does, it is blanks, if they give every record the same number of several cells; else ",".
    """
    best, most = ",", (False, 1)
    start = "".join(islice(io.StringIO(text, newline=""), _TRIED))
    for separator in _SEPARATORS:
        counts = [len(cells) for _, cells in _records(start, separator, strict=False)]
        usual = max(set(counts), key=counts.count, default=1)
        found = (counts[:1] == [usual], usual)
        if usual > 1 and found > most and counts.count(usual) >= 0.9 * len(counts):
            best, most = separator, found
    by_blanks = {len(cells) for _, cells in _records(start, _BLANKS)}
    return _BLANKS if most[1] == 1 and len(by_blanks) == 1 and by_blanks != {1} else best


def _records(text: str, separator: str, *, strict: bool = True) -> list[tuple[int, list[str]]]:
    """Return (the line that it begins at, its cells) of each record that is not blank.

    strict: refuse quotes that do not fit; one that is not closed would take the rest of the file for a cell.
    """
    if len(separator) > 1:
        pattern = re.compile(separator)
        lines = enumerate(text.splitlines(), start=1)
        return [(number, pattern.split(line.strip())) for number, line in lines if line.strip()]
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=strict
    )
    records = []
    begins = 1
    try:
        for cells in reader:
            if any(cells):
                records.append((begins, cells))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"the quotes of the record at line {begins} do not fit: {error}") from None
    return records


def _read_lines(path: Path, options: ColumnOptions) -> RawTable:
    text, encoding = _decode(path, path.read_bytes(), options.encoding)
    found: list[tuple[int, dict[str, Any]]] = []
    # Texts may hold U+2028 and others at which `splitlines` would tear them apart.
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number} is no JSON: {error}") from None
        half = _HALF.search(json.dumps(values, ensure_ascii=False)) if "\\u" in line else None
        if half:
            raise DataError(
                f"{path}: line {number} holds \\u{ord(half[0]):04x}, which is half of a character: a text was cut in the middle of "
                "it, or written wrongly; remove it there"
            )
        if not isinstance(values, dict):
            raise DataError(f'{path}: line {number} is no JSON object such as {{"height": 1.5}}')
        for key, value in values.items():
            if isinstance(value, dict | list) and key.strip() not in options.drop:
                what = "an object" if isinstance(value, dict) else "a list"
                raise DataError(
                    f"{path}: line {number} holds {what} under {key!r}, {_OF_SEVERAL.format(key)}"
                )
        found.append((number, values))
    keys, late = _order_keys([values for _, values in found])
    names, unnamed = name_columns(keys)
    columns, padded = strip_cells(
        names, ([_as_text(values.get(key)) for _, values in found] for key in keys)
    )
    return RawTable(
        path=path,
        names=names,
        columns=columns,
        lines=[number for number, _ in found],
        unnamed=unnamed,
        encoding=encoding,
        padded=padded,
        late={names[keys.index(key)]: rows for key, rows in late.items()},
    )


def _order_keys(rows: list[dict[str, Any]]) -> tuple[list[str], dict[str, int]]:
    """Return the keys of all rows, last the one that most rows which have it end with; and the others that such
    rows end with, with their number.

    A key that a few rows have beyond the others', such as a remark, is not what is to be predicted.
    """
    keys = list(dict.fromkeys(key for values in rows for key in values))
    ends = Counter(next(reversed(values)) for values in rows if values)
    if not ends:
        return keys, {}
    last = max(ends, key=ends.__getitem__)  # of several the first
    keys.remove(last)
    others = Counter(next(reversed(values)) for values in rows if last in values)
    return [*keys, last], {key: count for key, count in others.items() if key != last}


def _read_parquet(path: Path, dropped: Collection[str]) -> RawTable:
    import pyarrow
    import pyarrow.parquet

    try:
        frame = pyarrow.parquet.read_table(path)
    except pyarrow.ArrowException as error:
        raise ValueError(str(error).splitlines()[0]) from None
    index, written = order_columns(frame.schema)
    frame = frame.select([*index, *(name for name in frame.column_names if name not in index)])
    names, unnamed = name_columns(written)
    for name, one in zip(names, frame.schema, strict=True):
        if name not in dropped and pyarrow.types.is_nested(one.type):
            raise DataError(
                f"{path}: the column {name!r} holds {one.type}, {_OF_SEVERAL.format(name)}"
            )
    columns, padded = strip_cells(
        names,
        (
            _parquet_cells(path, name, column, dropped)
            for name, column in zip(names, frame.columns, strict=True)
        ),
    )
    lines = range(1, frame.num_rows + 1)
    return RawTable(
        path,
        names,
        columns,
        lines,
        "row",
        unnamed,
        padded=padded,
        index=frozenset(names[: len(index)]),
    )


def order_columns(schema: Any) -> tuple[list[str], list[str]]:
    """Return the columns of pandas' index, and what all are called in the file, "" for one without a name.

    The index stands first, as it does in other files: last it would be taken for the target.
    """
    metadata = schema.pandas_metadata or {}
    index = [name for name in metadata.get("index_columns", ()) if name in schema.names]
    ordered = [*index, *(name for name in schema.names if name not in index)]
    return index, ["" if _is_index(name) else name for name in ordered]


def _parquet_cells(path: Path, name: str, column: Any, dropped: Collection[str]) -> list[str]:
    """Return the cells of a column; of one that is left out bytes need be no text, as rows are known by them alone."""
    errors = "backslashreplace" if name in dropped else "strict"
    try:
        return [_as_text(value, errors) for value in column.to_pylist()]
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: the column {name!r} holds bytes that are no text in UTF-8 ({error.reason}); leave it out with "
            f"drop=[{name}], or save it as text"
        ) from None


def _is_index(name: str) -> bool:
    """Whether a column is the index that pandas writes along."""
    return re.fullmatch(r"__index_level_\d+__", name) is not None


def _as_text(value: Any, errors: str = "strict") -> str:
    """Return a typed value as a cell."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):  # text of writers that do not say that it is
        return value.decode("utf-8", errors)
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, default=str)
    return str(value)
