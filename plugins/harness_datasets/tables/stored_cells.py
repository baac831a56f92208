"""Cells of a large table, kept as Arrow has them in a file that is mapped: a list of texts would take ten times their size.

They are read as a list is. What goes through all of them and is asked of every column has a way of its own here.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    import pyarrow

Array = np.ndarray[Any, np.dtype[Any]]


class StoredCells(Sequence[str]):
    """The texts of a column ``(rows,)``, of which none is missing."""

    def __init__(self, column: pyarrow.ChunkedArray) -> None:
        """Take a column of strings."""
        self.column = column

    def __len__(self) -> int:
        return len(self.column)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            found: list[str] = self.column[index].to_pylist()
            return found
        return str(self.column[index].as_py())

    def __iter__(self) -> Iterator[str]:
        for chunk in self.column.chunks:
            yield from chunk.to_pylist()

    def take(self, rows: Array) -> StoredCells:
        """Return some rows."""
        return StoredCells(self.column.take(rows))

    def is_bare(self) -> bool:
        """Whether all bytes are printable ASCII and none a blank, so that nothing could be stripped."""
        bytes_of = (np.frombuffer(one.buffers()[2] or b"", np.int8) for one in self.column.chunks)
        return all(not len(one) or int(one.min()) > ord(" ") for one in bytes_of)

    def counts(self) -> dict[str, int]:
        """Return the different texts, as they come, and how many there are of each."""
        return dict(self._counts)

    @cached_property
    def _counts(self) -> dict[str, int]:
        found = self.column.value_counts()
        return dict(zip(found.field(0).to_pylist(), found.field(1).to_pylist(), strict=True))

    @cached_property
    def numbers(self) -> Array | None:
        """The cells as float64, NaN where one is empty; None where one is written otherwise, or is no finite number."""
        import pyarrow
        from pyarrow import compute

        column, empty = self.column, compute.equal(self.column, "")
        blank = compute.any(empty).as_py()
        if blank:
            column = compute.if_else(empty, None, column)
        try:
            values = compute.cast(column, pyarrow.float64())
        except pyarrow.ArrowInvalid:
            return None
        finite = compute.all(compute.is_finite(values)).as_py()
        if finite is False:
            return None
        return np.concatenate([chunk.to_numpy(zero_copy_only=False) for chunk in values.chunks])

    def blanks(self) -> Array:
        """Return which cells are empty or nothing but blanks, bool ``(rows,)``."""
        from pyarrow import compute

        return np.asarray(compute.equal(compute.utf8_trim_whitespace(self.column), ""))

    def places(self, words: Sequence[str]) -> Array:
        """Return which of some words each cell is, int64 ``(rows,)``; -1 where it is none."""
        import pyarrow
        from pyarrow import compute

        found = compute.index_in(self.column, value_set=pyarrow.array(words, pyarrow.string()))
        return np.asarray(compute.fill_null(found, -1).to_numpy(), dtype=np.int64)

    def first_code(self) -> str:
        """Return the first cell of digits that begins with a 0 and has more; "" where there is none."""
        from pyarrow import compute

        some = self.column.filter(compute.starts_with(self.column, "0"))
        some = some.filter(compute.utf8_is_digit(some))
        some = some.filter(compute.greater(compute.utf8_length(some), 1))
        return str(some[0].as_py()) if len(some) else ""


class NumberCells(StoredCells):
    """The texts of a column whose numbers are known: all but the first are read when they are asked for."""

    def __init__(
        self, numbers: Array, first: list[str], texts: Callable[[], pyarrow.ChunkedArray]
    ) -> None:
        """Take the numbers ``(rows,)``, NaN where a cell is empty, the first texts, and what returns all of them."""
        self.numbers = self._numbers = numbers
        self._first = first
        self._texts = texts

    @cached_property
    def column(self) -> pyarrow.ChunkedArray:
        """The texts."""
        return self._texts()

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: Any) -> Any:
        end = index.stop if isinstance(index, slice) else index + 1
        if len(self._first) == len(self) or (end is not None and 0 < end <= len(self._first)):
            return self._first[index]
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[str]:
        yield from self._first
        if len(self._first) < len(self):
            yield from islice(super().__iter__(), len(self._first), None)

    def blanks(self) -> Array:
        """Return which cells are empty, bool ``(rows,)``."""
        return np.isnan(self._numbers)

    def take(self, rows: Array) -> StoredCells:
        """Return some rows."""
        beyond = np.flatnonzero(rows >= len(self._first))
        known = rows[: beyond[0] if len(beyond) else len(rows)]
        first = [self._first[row] for row in known.tolist()]
        return NumberCells(self._numbers[rows], first, lambda: self.column.take(rows))


def count_words(cells: Sequence[str]) -> Mapping[str, int]:
    """Return the different texts, as they come, and how many there are of each."""
    return cells.counts() if isinstance(cells, StoredCells) else Counter(cells)


def has_more_words(cells: Sequence[str], most: int) -> bool:
    """Whether more than `most` different texts are there, the empty one aside; no more cells are looked at than show it."""
    seen = {""}
    for text in cells:
        seen.add(text)
        if len(seen) > most + 1:
            return True
    return False


def find_places(cells: Sequence[str], words: Sequence[str]) -> Array:
    """Return which of some words each cell is, int64 ``(rows,)``; -1 where it is none."""
    if isinstance(cells, StoredCells):
        return cells.places(words)
    places = {text: place for place, text in enumerate(words)}
    return np.array([places.get(text, -1) for text in cells], dtype=np.int64)


def store(schema: pyarrow.Schema, batches: Iterable[pyarrow.RecordBatch]) -> pyarrow.Table:
    """Return batches as a table that is mapped from a file without a name, in the folder of temporary files ($TMPDIR).

    They are written one by one as they come; the system may drop them from memory. The file goes with the table.
    """
    import pyarrow

    with tempfile.TemporaryFile() as file:
        path = f"/proc/self/fd/{file.fileno()}"
        # Not by way of Python's file, which copies each buffer.
        with pyarrow.OSFile(path, "wb") as sink, pyarrow.ipc.new_file(sink, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        with pyarrow.memory_map(path) as mapped:
            return pyarrow.ipc.open_file(mapped).read_all()
