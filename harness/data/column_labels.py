"""Columns of words beside a prepared data set, by which figures may be told apart: a hospital, a camera."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.data.json_file import write_json
from harness.data.splits import Array
from harness.errors import NotApplicable, nearest

_FILE = "columns"


def write_columns(folder: Path, columns: Mapping[str, Sequence[str]]) -> None:
    """Write columns {name: words ``(examples,)``} as numbers, and the words apart; nothing where there are none."""
    if not columns:
        return
    words, codes = [], []
    for cells in columns.values():
        found, numbers = np.unique(np.asarray(cells, dtype=str), return_inverse=True)
        words.append(found.tolist())
        codes.append(numbers.astype(np.uint32))
    np.save(folder / f"{_FILE}.npy", np.stack(codes))
    write_json(folder / f"{_FILE}.json", {"names": list(columns), "words": words})


def read_column(folder: Path, name: str, rows: Array) -> Array:
    """Return the words of some examples ``(rows,)`` in a column.

    Raises:
        NotApplicable: There is no such column.
    """
    path = folder / f"{_FILE}.json"
    said = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"names": []}
    names = said["names"]
    if name not in names:
        none = ": the data have none by which figures may be told apart"
        raise NotApplicable(f"no column is named {name!r}{nearest(name, names) if names else none}")
    at = names.index(name)
    codes = np.load(folder / f"{_FILE}.npy", mmap_mode="r", allow_pickle=False)
    return np.asarray(np.array(said["words"][at])[codes[at][rows]])
