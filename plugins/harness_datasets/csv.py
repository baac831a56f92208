"""`csv`: a person's own table, a row for each example."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.api import DataError, LoadedData
from harness_datasets.options import CsvOptions
from harness_datasets.paths import find_file

if TYPE_CHECKING:
    import pandas as pd

FEW_WORDS = 10  # as many different words are categories in a table of any length

Array = np.ndarray[Any, np.dtype[Any]]


def load(options: CsvOptions) -> LoadedData:
    """Load a table.

    Numbers are features as they are, yes-or-no columns 0 and 1; a text column of few different
    words becomes a feature for each word (one-hot, in alphabetical order). A missing value is NaN.

    Raises:
        DataError: The file is no table, the target is missing, or a column is neither.
    """
    (path,) = find_file(options)
    table = read_table(path, options)
    names = [str(name) for name in table.columns]
    target = options.target or names[-1]
    if names.count(target) != 1:
        raise DataError(f"{path} has no column {target!r}; it has {', '.join(names[:20])}")
    if len(names) < 2:
        raise DataError(f"{path} has one column; is {options.separator!r} the right separator?")
    table.columns = names
    targets, class_names = read_targets(path, table[target], options.problem)
    columns = [read_feature(path, table[name], options) for name in names if name != target]
    return LoadedData(
        modality="table",
        problem=options.problem,
        inputs=np.concatenate(columns, axis=1),
        targets=targets,
        class_names=class_names,
    )


def read_table(path: Path, options: CsvOptions) -> pd.DataFrame:
    """Read the file, each column as what pandas takes it for."""
    import pandas as pd

    try:
        table = pd.read_csv(
            path,
            sep=options.separator,
            header=0 if options.header else None,
            skipinitialspace=True,
            engine="c" if len(options.separator) == 1 else "python",
        )
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from None
    if table.empty:
        raise DataError(f"{path} has no rows")
    return table


def read_feature(path: Path, column: pd.Series[Any], options: CsvOptions) -> Array:
    """Return a column as float32 ``(rows, features)``.

    Raises:
        DataError: It holds text of too many different words to be categories.
    """
    import pandas as pd

    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype="float32", na_value=np.nan)[:, None]
    text = column.astype("string")
    words = sorted(text.dropna().unique())
    if len(words) > options.max_categories or len(words) > max(FEW_WORDS, len(text) / 2):
        example = words[0] if words else ""
        raise DataError(
            f"{path}: column {column.name!r} is neither numbers nor categories: it has "
            f"{len(words)} different words in {len(text)} rows, such as {example!r}; leave it out"
        )
    hot = [(text == word).to_numpy(dtype="float32", na_value=np.nan) for word in words]
    return np.stack(hot, axis=1)


def read_targets(path: Path, column: pd.Series[Any], problem: str) -> tuple[Array, tuple[str, ...]]:
    """Return targets ``(rows,)`` and the names of the classes, in sorted order.

    Raises:
        DataError: A target is missing, or is not what the problem asks for.
    """
    import pandas as pd

    if column.isna().any():
        row = int(np.flatnonzero(column.isna())[0]) + 1
        raise DataError(f"{path}: row {row} has no value in the target column {column.name!r}")
    numeric = pd.api.types.is_numeric_dtype(column)
    if problem == "regression":
        if not numeric:
            raise DataError(
                f"{path}: the target column {column.name!r} holds text; regression needs numbers"
            )
        return column.to_numpy(dtype="float64"), ()
    if pd.api.types.is_float_dtype(column) and (column % 1 != 0).any():
        raise DataError(
            f"{path}: the target column {column.name!r} holds real numbers; for these say "
            f"problem=regression"
        )
    if pd.api.types.is_float_dtype(column):
        column = column.astype("int64")
    classes = sorted(column.unique()) if numeric else sorted(column.astype(str).unique())
    values = column if numeric else column.astype(str)
    codes = {value: index for index, value in enumerate(classes)}
    return values.map(codes).to_numpy(dtype="int64"), tuple(str(name) for name in classes)
