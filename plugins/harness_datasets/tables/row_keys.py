"""What a row is known by: 64 bits of its cells as they are in the file, whatever its columns are taken for.

A cell that is a number counts by its value, so 1.50 is 1.5, and every other one by its text. That a column holds both makes
no difference to its cells: a row that is added to a file changes no other one's key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from harness.api.declaring import hash_texts, mix_columns
from harness_datasets.tables.cells import read_plain
from harness_datasets.tables.numerals import EXACT
from harness_datasets.tables.raw import Array, RawTable
from harness_datasets.tables.stored_cells import StoredCells, count_words, find_places

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def hash_rows(table: RawTable, names: Sequence[str]) -> Array:
    """Return 64 bits of a hash of some cells of each row, uint64 ``(rows,)``."""
    return mix_columns([_cell_bits(table.column(name)) for name in names])


def _cell_bits(cells: Sequence[str]) -> Array:
    """Return 64 bits for each cell: of its number, or of a hash of its text. Both ways agree on each."""
    numbers = read_plain(cells)
    if numbers is not None and _are_alone(cells, numbers):
        return numbers
    words = list(count_words(cells))
    bits = hash_texts(words)
    for place, text in enumerate(words):
        number = float(text) if _NUMBER.fullmatch(text) else float("nan")
        if not text or abs(number) < EXACT:
            bits[place] = np.float64(number + 0.0).view(np.uint64)
    return np.asarray(bits[find_places(cells, words)])


def _are_alone(cells: Sequence[str], numbers: Array) -> bool:
    """Whether cells are numbers or empty, and no whole ones so long that float64 could take two for one."""
    if np.fmax.reduce(numbers) >= EXACT or np.fmin.reduce(numbers) <= -EXACT:
        return False
    if isinstance(cells, StoredCells):
        return True
    return int(np.isnan(numbers).sum()) == sum(not text for text in cells)
