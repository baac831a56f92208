"""Times of a file as steps of one length: days, hours, months ...; what fits no such steps is refused by its row."""

from __future__ import annotations

import math
from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from harness.api import DataError
from harness.api.reporting import counted

Array = np.ndarray[Any, Any]

OFF = 1e-4  # of a step, by which times may be off it
DIGITS = 15  # of a number in float64 that can be relied on
MOST_STEPS = 1_000_000  # of which
MOST_A_ROW = 100  # for each row are more than a series with gaps has
DAY = 86400.0
SEASONS = {60.0: 60, 900.0: 96, 1800.0: 48, 3600.0: 24, DAY: 7, 7 * DAY: 52}  # by seconds of a step
NAMES = {1.0: "second", 60.0: "minute", 3600.0: "hour", DAY: "day", 7 * DAY: "week"}


@dataclass(frozen=True)
class TimeGrid:
    """Steps of one length, counted from the first.

    start: the first time: seconds since 1970, months since the year 0, or a number. length: of a step, in that unit. kind:
    "seconds", "months" or "numbers". steps: ``(rows,)`` int64, the step of each row.
    """

    start: float
    length: float
    kind: str
    steps: Array

    @property
    def season(self) -> int:
        """How many steps repeat themselves as a rule: 7 of days, 24 of hours, 12 of months; 1 where there is no rule."""
        if self.kind == "months":
            return 12 // int(self.length) if 12 % self.length == 0 else 1
        return SEASONS.get(self.length, 1) if self.kind == "seconds" else 1

    @property
    def words(self) -> str:
        """The length of a step: "1 day"."""
        if self.kind == "months":
            return counted(int(self.length), "month")
        if self.kind == "numbers":
            return f"{self.length:g}"
        unit = max((unit for unit in NAMES if self.length % unit == 0), default=1.0)
        count = self.length / unit
        return f"{count:g} {NAMES[unit]}{'' if count == 1 else 's'}"

    def when(self, step: int) -> str:
        """Return the time of a step, as ISO 8601 has it or as a number."""
        time = self.start + step * self.length
        if self.kind == "numbers":
            return f"{time:g}"
        if self.kind == "months":
            return f"{int(time) // 12:04d}-{int(time) % 12 + 1:02d}"
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time)
        has_hours = self.start % DAY or self.length % DAY
        return moment.strftime("%Y-%m-%d %H:%M:%S" if has_hours else "%Y-%m-%d")


def grid_of(
    times: Array,
    series: Array,
    name_row: Callable[[int], str],
    words: Sequence[str],
    *,
    dates: bool,
) -> TimeGrid:
    """Return the steps that times ``(rows,)`` lie on, the commonest distance between two of a series.

    Where times lie on no such steps, as they were rounded (30 times a second), it is the mean of those that are nearly so.

    Dates that are all of one day of the month, or all the last, are counted in months. series: labels ``(rows,)``, as
    numbers from 0. name_row: where a row is; words: its time as it is written. dates: times are seconds since 1970.

    Raises:
        DataError: A time is there twice in a series, lies between two steps, or so far off that next to all steps are gaps; or
            no series has two times.
    """
    values, kind = (_months(times) if dates else None), "months"
    if values is None:
        values, kind = times, "seconds" if dates else "numbers"
    order = np.lexsort((values, series))
    largest = float(np.abs(values).max())
    digits = 6 if kind == "seconds" else DIGITS - math.ceil(math.log10(max(largest, 1.0)))
    gaps, same = np.diff(values[order]).round(digits), np.diff(series[order]) == 0

    def refuse_twice(again: Array) -> None:
        if not again.any():
            return
        at = int(np.flatnonzero(again)[0])
        one, other = sorted(order[at : at + 2].tolist())
        raise DataError(
            f"{name_row(other)}: {words[other]!r} is there a second time, after {name_row(one)}; where a column says of which "
            "series a row is, name it with series=..."
        )

    refuse_twice(same & (gaps == 0))
    if not same.any():
        raise DataError("no series has two times, so there is no step from one to the next")
    start = float(values.min())

    def fit(length: float) -> tuple[Array, Array]:
        exact = (values - start) / length
        steps = np.rint(exact)
        # what float64 says of a time is off, too
        allowed = OFF + min(np.spacing(largest) / length, 0.1)
        return steps, np.flatnonzero(np.abs(exact - steps)[order] > allowed)

    length = _commonest(gaps[same])
    steps, off = fit(length)
    if len(off):  # are gaps rounded, as those of 30 times a second are?
        mean = _mean_step(gaps[same], length)
        found, left = fit(mean)
        if not len(left):
            length, steps, off = mean, found, left
    if len(off):
        row = int(order[off[0]])
        grid = TimeGrid(start, length, kind, steps.astype(np.int64))
        before = order[off[0] - 1] if off[0] and series[order[off[0] - 1]] == series[row] else None
        since = "" if before is None else f" after {words[before]!r} in {name_row(int(before))}"
        raise DataError(
            f"{name_row(row)}: {words[row]!r} lies between two steps{since}; most are {grid.words} apart, counted from "
            f"{grid.when(0)}, and {counted(len(off), 'time does', 'times do')} not fit. Bring the times to equal steps, or "
            'give time="#" to take the rows for steps'
        )
    refuse_twice(same & (np.diff(steps[order]) == 0))
    grid = TimeGrid(start, length, kind, steps.astype(np.int64))
    count = int(steps.max()) + 1
    if count > max(MOST_STEPS, MOST_A_ROW * len(steps)):
        ordered = np.argsort(values, kind="stable")
        at = int(np.diff(values[ordered]).argmax())
        one, other = ordered[at : at + 2].tolist()
        raise DataError(
            f"{name_row(other)}: {words[other]!r} is far from the time before it, {words[one]!r} in {name_row(one)}: in steps of "
            f"{grid.words} there are {count:,}, and {counted(len(steps), 'row')}. Mend or remove what is no time of the "
            'series, or give time="#" to take the rows for steps'
        )
    return grid


def _commonest(gaps: Array) -> float:
    """Return the value that comes most often; of several the smallest."""
    counts = Counter(gaps.tolist())
    return float(min(counts, key=lambda gap: (-counts[gap], gap)))


def _mean_step(gaps: Array, length: float) -> float:
    """Return the mean step of gaps that are one or some of a length but for rounding: not so many that their number is unsure."""
    counts = np.rint(gaps / length)
    near = (counts < 0.1 / OFF) & (np.abs(gaps - counts * length) <= 2 * OFF * counts * length)
    return float(gaps[near].sum() / counts[near].sum())


def _months(times: Array) -> Array | None:
    """Return the months of dates that are all of one day of the month, or all its last; None where they are not."""
    moments = [datetime.fromtimestamp(time, UTC) for time in times.tolist()]
    days = {(m.day, m.hour, m.minute, m.second) for m in moments}
    lengths = [monthrange(m.year, m.month)[1] for m in moments]
    last = {
        (m.day == length, m.hour, m.minute, m.second)
        for m, length in zip(moments, lengths, strict=True)
    }
    months = np.array([12 * m.year + m.month - 1 for m in moments], dtype=np.float64)
    if (len(days) > 1 and (len(last) > 1 or not next(iter(last))[0])) or len(set(months)) < 3:
        return None
    return months
