"""`table`: a person's own table, a row for each example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.api import DataError, DataNote, Encoded, Finding, LoadedData
from harness.api.declaring import Outline, mix_columns
from harness.api.reporting import counted
from harness_datasets.paths import find_file
from harness_datasets.tables.cells import read_dates, read_plain, spellings
from harness_datasets.tables.column_names import check_names, read_names
from harness_datasets.tables.columns import (
    FEW_WORDS,
    Taken,
    each_column,
    hash_taken,
    is_permutation,
    take_columns,
    write_answering,
    write_option,
)
from harness_datasets.tables.doubts import (
    find_doubts,
    find_late_keys,
    find_row_as_names,
    find_stand_ins,
)
from harness_datasets.tables.encoding import Features, SideBySide, encode_column
from harness_datasets.tables.files import read_table
from harness_datasets.tables.findings import (
    TableRows,
    find_encoding,
    find_in_columns,
    find_short_rows,
    find_target_questions,
)
from harness_datasets.tables.numerals import read_numerals
from harness_datasets.tables.options import NUMBER_OF_ROW, TableOptions
from harness_datasets.tables.parts import find_labels, split_by_part, take_parts
from harness_datasets.tables.raw import Array, RawTable
from harness_datasets.tables.row_keys import hash_rows
from harness_datasets.tables.row_order import find_in_order
from harness_datasets.tables.target import Target, read_target
from harness_datasets.tables.texts import encode_texts, find_text

NAMED = ("target", "text", "group", "order", "key", "part", "drop", "keep", "categories", "dates")
"""Options that name columns."""


def settle(options: TableOptions) -> dict[str, Any]:
    """Return the problem that the file's target asks for, and what an example is, where the options leave them open.

    Raises:
        DataError: The file cannot be read, or has no such target.
    """
    if options.problem != "auto" and options.modality != "auto":
        return {}
    (path,) = find_file(options)
    table, read = _read(path, options)
    target = read_target(table, read)
    text = find_text(table, read, _besides(target.name, read))
    settled = {"problem": target.problem} if options.problem == "auto" else {}
    return settled | {"modality": "tokens", "text": text} if text else settled


def load(options: TableOptions) -> LoadedData:
    """Load a table.

    Each column is taken for numbers, yes or no, dates or categories, or left out (see
    `tables.columns`); what that needs from the data is learnt from the training rows (see `tables.encoding`). All of
    it is told in a note.

    Raises:
        DataError: The file is no table, the target is not there or not what the problem asks for, or a
            column that an option names does not exist.
    """
    (path,) = find_file(options)
    whole, options = _read(path, options)
    target = read_target(whole, options)
    _refuse_target_elsewhere(whole, target.name, options)
    keys = _keys(whole, options)[target.rows]
    table = whole.take(np.flatnonzero(target.rows))
    besides = _besides(target.name, options)
    text = find_text(whole, options, besides)
    columns: list[Taken] = []
    if not text:
        columns = take_columns(whole, options, besides)
        rows = [_some(column, target.rows) for column in columns]
    return LoadedData(
        modality="tokens" if text else "table",
        problem=target.problem,
        targets=target.values,
        class_names=target.class_names,
        low=0.0 if text else None,
        encode=encode_texts(table, text, target, options)
        if text
        else _Encoder(table, target, rows, options),
        keys=keys,
        groups=np.array(table.column(table.require(options.group, "group")))
        if options.group
        else None,
        order=_order(table, options) if options.order else None,
        split=split_by_part(table, options) if options.part else None,
        columns=find_labels(table, target.name),
        name_example=table.place,
        findings=(
            *find_short_rows(whole),
            *find_encoding(whole),
            *find_row_as_names(whole),
            *find_target_questions(whole, target),
            *find_doubts(columns, target),
            *find_stand_ins(columns, target),
            *find_late_keys(whole, target, options),
        ),
    )


def check(options: TableOptions) -> None:
    """Check that the columns are there that options name.

    Raises:
        UsageError: One is not.
    """
    check_names(options, NAMED)


def outline(options: TableOptions) -> Outline:
    """Return the names of the columns, as far as the beginning of the file tells them."""
    (path,) = find_file(options)
    return Outline(columns=read_names(path, options))


def _read(path: Path, options: TableOptions) -> tuple[RawTable, TableOptions]:
    """Return a table, and its options with all that says in its cells what `na` does."""
    table = read_table(path, options)
    if options.part:
        table = take_parts(table, options)
    cells = (text for column in table.columns for text in column)
    return table, options.model_copy(update={"na": spellings(options.na, cells, options.decimal)})


def _refuse_target_elsewhere(table: RawTable, target: str, options: TableOptions) -> None:
    """Refuse an option that names the target, which would do nothing or cut by what is to be predicted."""
    for option in ("text", "drop", "keep", "categories", "dates", "group", "order", "key", "part"):
        named = getattr(options, option)
        if target == named or (not isinstance(named, str) and target in named):
            last = "" if options.target else ", the last column, as no target is given"
            raise DataError(
                f"{table.path}: {option} names {target!r}, which is to be predicted{last}; give target=... or leave "
                f"{target!r} out of {option}"
            )


def _besides(target: str, options: TableOptions) -> list[str]:
    """Return the columns that are no features: the target, the group ..."""
    others = (options.group, options.order, options.key, options.part)
    return [target, *(name for name in others if name not in options.keep)]


@dataclass(frozen=True)
class _Encoder:
    """What `LoadedData.encode` calls: from the mask of the training rows to features and what to say of them."""

    table: RawTable
    target: Target
    columns: list[Taken]
    options: TableOptions

    def __call__(self, train: Array) -> Encoded:
        taken = [column for column in self.columns if column.kind != "left out"]
        features = each_column(
            lambda one: encode_column(self.table, one, train, self.options), taken, len(train)
        )
        found = {column.name: one for column, one in zip(taken, features, strict=True)}
        if not sum(len(one.names) for one in found.values()):
            said = "; ".join(f"{column.name!r}: {column.why}" for column in self.columns[:5])
            raise DataError(
                f"{self.table.path}: no column is left to learn from ({said}){self._texts()}"
            )
        rows = TableRows(self.table, self.target, train, self.columns, self.options)
        return Encoded(
            inputs=SideBySide([one.values for one in found.values()]),
            feature_names=tuple(name for one in found.values() for name in one.names),
            content=hash_taken(taken),
            notes=(self._note(found),),
            findings=(*find_in_columns(rows), *find_in_order(rows), *self._find_clipped(found)),
        )

    def _texts(self) -> str:
        """Return what would learn from a column of many different words after all; "" where none is left out."""
        left_out = (one for one in self.columns if one.values is None and not one.example)
        names = [one.name for one in left_out if len(set(self.table.column(one.name))) > FEW_WORDS]
        if not names:
            return ""
        said = f"; {write_option('text', names[0])} learns from its text"
        if self.target.problem == "classification":
            said += f", {write_answering(names[0], self.target.name)} from texts that answer it"
        return said

    def _note(self, found: dict[str, Features]) -> DataNote:
        rows: list[tuple[str, str, str, str]] = []
        told: list[int] = []
        for column in self.columns:
            features = found.get(column.name)
            learnt = f"; {features.learnt}" if features is not None and features.learnt else ""
            changed = features is not None and (bool(features.clipped) or features.joined)
            told += [len(rows)] if column.noted or changed else []
            rows.append((column.name, column.kind, column.why + learnt, column.instead))
        others = {getattr(self.options, o): o for o in ("group", "order", "key", "part")}
        for name, option in others.items():
            if name in self.table.names and not any(column.name == name for column in self.columns):
                rows.append(
                    (name, option, f"{option} names it; no feature", write_option("keep", name))
                )
        rows.append((self.target.name, "target", self.target.why, self.target.instead))
        told += [len(rows) - 1] if self.target.guessed else []
        return DataNote(
            title=f"Columns of {self.table.path.name}: {len(told)} of {len(rows)} left out or changed",
            header=("column", "taken for", "why", "to do otherwise"),
            rows=tuple(rows),
            told=tuple(told),
        )

    def _find_clipped(self, found: dict[str, Features]) -> list[Finding]:
        clipped = {name: one.clipped for name, one in found.items() if one.clipped}
        if not clipped:
            return []
        cells = [f"{name!r} at {self.table.place(rows[0])}" for name, rows in clipped.items()]
        count = sum(map(len, clipped.values()))
        more = f" and in {counted(len(cells) - 5, 'more column')}" if len(cells) > 5 else ""
        return [
            Finding(
                code="clipped",
                sentence=f"{counted(count, 'cell lies', 'cells lie')} more than 20 deviations outside of what training has and "
                f"{'was' if count == 1 else 'were'} brought to that: {', '.join(cells[:5])}{more}.",
                advice="See whether they are errors; else give the column on a logarithmic scale.",
                numbers={"cells": count},
            )
        ]


def _some(column: Taken, rows: Array) -> Taken:
    """Return a column of the rows that have a target."""
    if rows.all():
        return column
    values = None if column.values is None else column.values[rows]
    words = tuple(text for text, kept in zip(column.words, rows.tolist(), strict=False) if kept)
    return replace(column, values=values, words=words)


def _keys(table: RawTable, options: TableOptions) -> Array:
    """Return what a row is known by in the cut: its cells as they are in the file, whatever becomes of the columns.

    Numbers of the rows do not count, so that a file that was saved with its index, or sorted, is cut alike.
    """
    if options.key == NUMBER_OF_ROW:
        return mix_columns([np.arange(len(table), dtype=np.float64)])
    if options.key:
        return hash_rows(table, [table.require(options.key, "key")])
    names = [name for name in table.names if name not in table.unnamed | table.index]
    return hash_rows(table, [name for name in names if not _numbers_rows(table.column(name))])


def _numbers_rows(cells: Sequence[str]) -> bool:
    if not cells[0].isdecimal():
        return False
    numbers = read_plain(cells)
    return numbers is not None and is_permutation(numbers)


def _order(table: RawTable, options: TableOptions) -> Array:
    """Return the times by which rows are cut.

    Raises:
        DataError: The column holds something else, or a cell is missing.
    """
    if options.order == NUMBER_OF_ROW:
        return np.arange(len(table), dtype=np.float64)
    name = table.require(options.order, "order")
    cells = table.column(name)
    numbers = read_numerals(table, cells, options)
    dates = None if numbers is not None else read_dates(cells, options.na, options.date_format)
    found = numbers or dates
    if found is None:
        raise DataError(
            f"{table.path}: order={name} holds neither numbers nor dates, but {cells[0]!r}"
        )
    absent = np.flatnonzero(np.isnan(found.values))
    if len(absent):
        raise DataError(
            f"{table.place(int(absent[0]))}: {name!r}, which gives the order, is missing"
        )
    return found.values
