"""`time_series`: a person's own series, in a table: a column for each, or a column that says of which one a row is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.api import DataError, DataNote, Finding, LoadedData
from harness.api.reporting import counted, list_some
from harness_datasets.paths import find_file
from harness_datasets.series_windows import Series, Window, cut_series
from harness_datasets.tables.cells import Dates, Numbers, read_dates
from harness_datasets.tables.column_names import check_names
from harness_datasets.tables.columns import write_option
from harness_datasets.tables.files import read_table
from harness_datasets.tables.numerals import read_numerals
from harness_datasets.tables.options import NUMBER_OF_ROW, TimeSeriesOptions
from harness_datasets.tables.raw import RawTable
from harness_datasets.time_grid import TimeGrid, grid_of

Array = np.ndarray[Any, Any]

MOST_SERIES = 10_000
MANY = 0.2  # of the steps without a value, from which on it is a finding


@dataclass(frozen=True)
class _Times:
    """The times of all rows. name: their column; "" where rows are steps. dates: they are seconds since 1970. ways: the format
    that they were read by, and another that they fit.
    """

    name: str
    values: Array
    words: Sequence[str]
    dates: bool
    ways: tuple[str, ...] = ()


def load(options: TimeSeriesOptions) -> LoadedData:
    """Load series, and cut windows of them by time (`series_windows.cut_series`).

    Columns of a wide table are forecast together, the series of a long one one by one, all cut at the same times. Times must
    lie on steps of one length (`time_grid`). A step without a row, and a cell without a value, has the last value before it, or
    what `missing` says; test and validation never ask for such a value. Steps before the first value of a series, and after
    its last, are no part of it.

    Raises:
        DataError: The file is no table, a column that an option names does not exist, a cell is no number, a time is missing,
            there twice or between two steps, or a series is too short.
    """
    (path,) = find_file(options)
    table = read_table(path, options)
    times = _times(table, options)
    names = _value_columns(table, options, times.name)
    label = options.series or _series_column(table, names, times, options)
    if label:
        table.require(label, "series")
        names = [name for name in names if name != label]
    if not names:
        raise DataError(
            f"{path}: no column of numbers is left to forecast; name one with value=..."
        )
    labels, codes = _labels(table, label, options)
    rows = np.flatnonzero(codes >= 0)
    _refuse_single_times(table, label, codes[rows])
    grid = grid_of(
        times.values[rows],
        codes[rows],
        lambda row: table.place(int(rows[row])),
        [times.words[row] for row in rows.tolist()],
        dates=times.dates,
    )
    cells = np.stack([_numbers(table, name, options) for name in names], axis=1)[rows]
    order = np.argsort(codes[rows], kind="stable")
    ends = np.searchsorted(codes[rows][order], np.arange(len(labels) + 1))
    several, noted = [], []
    for code, one in enumerate(labels):
        own = order[ends[code] : ends[code + 1]]
        if label and not len(own):
            continue
        called = names if not label else [one if len(names) == 1 else f"{one} {n}" for n in names]
        series = _series(called, grid, grid.steps[own], cells[own], options)
        several.append(series)
        noted.append(_row(series, grid))
    season = grid.season if options.season is None else options.season
    horizon = options.horizon or season
    window = Window(options.window or 2 * max(season, horizon), horizon, options.stride, season)
    total = max(series.first + len(series.values) for series in several)
    found = cut_series(several, window, total, grid.when)
    note = DataNote(
        title=f"Series of {path.name}: {len(several) if label else len(names)}, in steps of {grid.words}",
        header=("series", "from", "to", "steps", "without a value"),
        rows=tuple(noted),
        told=None if len(noted) <= 10 else tuple(at for at, row in enumerate(noted) if row[-1] != "0"),
    )  # fmt: skip
    doubts = (*_find_either_way(times, grid), *_find_gaps(several, grid))
    return replace(found, notes=(note, *found.notes), findings=doubts)


def check(options: TimeSeriesOptions) -> None:
    """Check that the columns are there that options name; `drop` may name series, too.

    Raises:
        UsageError: One is not.
    """
    check_names(options, ("time", "series", "value"))


def _times(table: RawTable, options: TimeSeriesOptions) -> _Times:
    """Return the times of the rows: of the column that is named, else of the first one that holds dates.

    Raises:
        DataError: There is no such column, or a cell of it is no time.
    """
    if options.time == NUMBER_OF_ROW:
        numbers = np.arange(len(table), dtype=np.float64)
        return _Times("", numbers, [str(row) for row in range(len(table))], dates=False)
    if options.time:
        name = table.require(options.time, "time")
        cells = table.column(name)
        dates = read_dates(cells, options.na, options.date_format)
        found = dates or read_numerals(table, cells, options, sure=True)
        found = found or read_dates(cells, options.na, options.date_format, sure=True)
        if found is None:
            raise DataError(f"{table.path}: time={name} holds neither dates nor numbers, but {cells[0]!r}")  # fmt: skip
        return _checked(table, name, found)
    for name in table.names:
        dates = read_dates(table.column(name), options.na, options.date_format)
        if dates is not None:
            return _checked(table, name, dates)
    raise DataError(
        f'{table.path} has no column of dates; name the one of the times with time=..., or give time="#" to take the rows '
        f"for steps. It has {list_some(table.names, 20)}"
    )


def _checked(table: RawTable, name: str, found: Dates | Numbers) -> _Times:
    cells = table.column(name)
    wrong = np.flatnonzero(~np.isfinite(found.values))
    if len(wrong):
        first = int(wrong[0])
        raise DataError(
            f"{table.place(first)}: {cells[first]!r} in {name!r} is no time; mend or remove that row, or say how times are written, "
            "as date_format=%d/%m/%Y does"
        )
    if isinstance(found, Numbers):
        return _Times(name, found.values, cells, dates=False)
    ways = (found.words, found.other) if found.other else ()
    return _Times(name, found.values, cells, dates=True, ways=ways)


def _find_either_way(times: _Times, grid: TimeGrid) -> Iterator[Finding]:
    """Yield a finding where dates could be read otherwise, such as 01/02/2024."""
    if times.ways:
        read, other = times.ways
        yield Finding(
            code="dates-either-way",
            sentence=f"The times in {times.name!r} were read by {read}, as steps of {grid.words}, and all fit {other}, too: "
            f"{times.words[0]!r}.",
            advice=f"Give date_format={read} or date_format={other}.",
            flag="dates could be read otherwise",
        )


def _find_gaps(several: Sequence[Series], grid: TimeGrid) -> Iterator[Finding]:
    """Yield a finding where so many steps have no value that the steps may not be those that are meant."""
    filled = sum(int(one.filled.sum()) for one in several)
    steps = sum(len(one.filled) for one in several)
    if filled <= MANY * steps:
        return
    yield Finding(
        code="many-gaps",
        sentence=f"{filled:,} of {steps:,} steps of {grid.words} ({100 * filled / steps:.0f} %) have no value, and the rule `missing` "
        "has filled them in.",
        advice="See whether the times were read as they are meant (date_format) and come as often as that; of days without "
        'weekends time="#" takes the rows for steps.',
        numbers={"filled": filled},
        flag="many values are filled in",
    )


def _value_columns(table: RawTable, options: TimeSeriesOptions, time: str) -> list[str]:
    """Return the columns of values: those that are named, else all of numbers but for those to drop."""
    if options.value:
        return [table.require(name, "value") for name in options.value]
    beside = {time, options.series, *options.drop}
    return [
        name
        for name in table.names
        if name not in beside and read_numerals(table, table.column(name), options) is not None
    ]


def _series_column(
    table: RawTable, values: Sequence[str], times: _Times, options: TimeSeriesOptions
) -> str:
    """Return the first column that is no number and tells rows of the same time apart; "" where times come once each."""
    if len(np.unique(times.values)) == len(table):
        return ""
    for name in table.names:
        cells = table.column(name)
        if (
            name in (times.name, *values, *options.drop)
            or read_numerals(table, cells, options) is not None
        ):
            continue
        if len(set(zip(times.values.tolist(), cells, strict=True))) == len(table):
            return name
    return ""


def _refuse_single_times(table: RawTable, label: str, codes: Array) -> None:
    """Refuse series that have one time each: they have no steps, and the label is more likely an identifier."""
    if label and len(np.unique(codes)) == len(codes):
        raise DataError(
            f"{table.path}: each of the {counted(len(codes), 'series', 'series')} that {label!r} tells apart has one time alone, so "
            "there is no step from one to the next; name the column that says of which series a row is with series=..., or leave "
            f"this one out with {write_option('drop', label)}"
        )


def _labels(table: RawTable, label: str, options: TimeSeriesOptions) -> tuple[list[str], Array]:
    """Return the names of the series in their order, and which one each row is of; -1 of those to drop."""
    if not label:
        return [""], np.zeros(len(table), dtype=np.int64)
    cells = table.column(label)
    empty = next((row for row, text in enumerate(cells) if not text), None)
    if empty is not None:
        raise DataError(f"{table.place(empty)}: {label!r}, which says of which series a row is, is missing")  # fmt: skip
    names = [name for name in dict.fromkeys(cells) if name not in options.drop]
    if not 0 < len(names) <= MOST_SERIES:
        raise DataError(f"{table.path}: {label!r} names {counted(len(names), 'series', 'series')}; allowed: 1 to {MOST_SERIES:,}")  # fmt: skip
    codes = {name: code for code, name in enumerate(names)}
    return names, np.array([codes.get(text, -1) for text in cells], dtype=np.int64)


def _numbers(table: RawTable, name: str, options: TimeSeriesOptions) -> Array:
    """Return a column of values, NaN where a cell is missing.

    Raises:
        DataError: A cell is no number.
    """
    cells = table.column(name)
    found = read_numerals(table, cells, options, sure=True)
    odd = set(cells) if found is None else set(found.odd)
    if found is None or odd:
        row = next((row for row, text in enumerate(cells) if text in odd), 0)
        raise DataError(f"{table.place(row)}: {cells[row]!r} in {name!r} is no number; na=... names words that say that one is missing")  # fmt: skip
    return found.values + found.less


def _series(
    names: Sequence[str], grid: TimeGrid, steps: Array, cells: Array, options: TimeSeriesOptions
) -> Series:
    """Return series ``(steps, series)`` from the first step at which all have a value to the last, the gaps filled."""
    values = np.full((int(steps.max() - steps.min()) + 1, len(names)), np.nan)
    values[steps - steps.min()] = cells
    known = np.flatnonzero(np.isfinite(values).all(axis=1))
    if not len(known):
        raise DataError(f"{list_some(names)} have no step at which {'it has' if len(names) == 1 else 'all have'} a value")  # fmt: skip
    first = int(steps.min() + known[0])
    values = values[known[0] : known[-1] + 1]
    gaps = ~np.isfinite(values)
    if gaps.any() and options.missing == "refuse":
        at, which = np.argwhere(gaps)[0]
        raise DataError(
            f"{names[which]} has no value at {grid.when(first + int(at))}, and missing=refuse; {counted(int(gaps.sum()), 'value')} "
            f"of {gaps.size:,} are missing in {list_some(names)}"
        )
    for column in range(len(names)):
        values[:, column] = _filled(values[:, column], options.missing)
    looks_ahead = options.missing == "interpolate"
    return Series(tuple(names), first, values, gaps.any(axis=1), looks_ahead)


def _filled(values: Array, rule: str) -> Array:
    """Return values ``(steps,)``, the first and last known, with what is missing filled in."""
    known = np.flatnonzero(np.isfinite(values))
    places = np.arange(len(values))
    if rule == "interpolate":
        return np.interp(places, known, values[known])
    held: Array = values[known[np.searchsorted(known, places, side="right") - 1]]
    return held


def _row(series: Series, grid: TimeGrid) -> tuple[str, ...]:
    last = series.first + len(series.values) - 1
    return (
        list_some(series.names, 10),
        grid.when(series.first),
        grid.when(last),
        f"{len(series.values):,}",
        f"{int(series.filled.sum()):,}",
    )
