"""The names of a table's columns, from the beginning of its file: whether those are there that options name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.api import DataError, UsageError
from harness_datasets.paths import find_file
from harness_datasets.tables.files import order_columns, read_start, read_table
from harness_datasets.tables.options import NUMBER_OF_ROW, CellOptions, ColumnOptions
from harness_datasets.tables.raw import name_columns, require_name

_START = 1_000_000  # bytes


def read_names(path: Path, options: ColumnOptions) -> tuple[str, ...] | None:
    """Return the names of the columns; None where the beginning of the file does not tell them, or it cannot be read, as reading all
    of it says why.

    Of lines of JSON any may have a key that others have not.
    """
    suffix = path.suffix.lower()
    whole = CellOptions(path=options.path, drop=options.drop, encoding=options.encoding)
    try:
        if suffix == ".parquet":
            return _names_of_parquet(path)
        if suffix in (".jsonl", ".ndjson"):
            return read_table(path, whole).names if path.stat().st_size <= _START else None
        return read_start(path, options, _START).names
    except (OSError, ValueError, DataError):
        return None


def _names_of_parquet(path: Path) -> tuple[str, ...] | None:
    import pyarrow.parquet

    try:
        schema = pyarrow.parquet.read_schema(path)
    except pyarrow.ArrowException:  # "not implemented", of a broken schema, is no ValueError
        return None
    return name_columns(order_columns(schema)[1])[0]


def check_names(options: ColumnOptions, named: Iterable[str]) -> tuple[str, ...] | None:
    """Return the names of the columns where they can be told from the beginning of the file, and check what options name.

    named: options, the values of which are columns.

    Raises:
        UsageError: There is no such file, or no such column.
    """
    (path,) = find_file(options)
    names = read_names(path, options)
    for option in () if names is None else named:
        given = getattr(options, option)
        for name in [given] if isinstance(given, str) else given:
            if name in ("", NUMBER_OF_ROW):
                continue
            try:
                require_name(path, names or (), name, option)
            except DataError as error:
                raise UsageError(str(error)) from None
    return names
