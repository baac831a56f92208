"""Time series as windows: some steps of the past, and the steps that come after them.

Time is cut into training, validation and test, in this order, with as many steps left out between two parts as are forecast.
A window lies in one part as a whole, so no step of a test window is in a window of another part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.api import DataError, DataNote, LoadedData
from harness.api.reporting import counted

Array = np.ndarray[Any, Any]

SPLITS = ("train", "validation", "test")
NO_CHANGE = 1e-13  # of the largest value: a change that is no more than rounding makes
SHARE = 0.2  # of the time, for validation and for testing each


@dataclass(frozen=True)
class Series:
    """Series that are forecast together, at the same times.

    names: of each. first: the step of time of their first values, from 0. values: ``(steps, series)``, all finite. filled:
    ``(steps,)`` bool, where a value stands for one that is missing. looks_ahead: such a value is made of later ones, too.
    """

    names: tuple[str, ...]
    first: int
    values: Array
    filled: Array
    looks_ahead: bool = False

    @property
    def label(self) -> str:
        """Their names in a word."""
        return ", ".join(self.names)


@dataclass(frozen=True)
class Window:
    """What a window is: `length` steps of the past, `horizon` after them; training has one every `stride` steps."""

    length: int
    horizon: int
    stride: int = 1
    season: int = 1

    @property
    def steps(self) -> int:
        """All of its steps."""
        return self.length + self.horizon


def cut_series(
    several: Sequence[Series],
    window: Window,
    total: int,
    when: Callable[[int], str] = "step {}".format,
) -> LoadedData:
    """Return windows of series, cut by time: ``(examples, length, series)``, targets ``(examples, horizon, series)``.

    Each series is divided by its unit, the mean absolute error in training of repeating the last season: mean of
    ``|y[t] - y[t - season]|`` over the steps of training (Hyndman & Koehler 2006, the scale of MASE). Of validation and test a
    window begins every `horizon` steps (every `stride`, where that is more), so that a step is forecast once; those in which
    a value to come is filled in are left out, and those whose last step given is made of what is to come. The column "first step" says when
    a window begins, and where several are forecast one by one "series" of which one it is.

    total: steps of time in all. when: a step of time in words.

    Raises:
        DataError: A series is too short for a window of each part, its unit is 0 or infinite, or two have one name.
    """
    names = Counter(name for series in several for name in series.names)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise DataError(f"two series have the name {twice[0]!r}; rename one")
    spans = _spans(window, total)
    units = {series.label: _units(series, window, spans["train"]) for series in several}
    inputs, targets, split, places = [], [], [], []
    counts = dict.fromkeys(SPLITS, 0)
    for series in several:
        scaled = series.values / units[series.label]
        for part, span in spans.items():
            starts = _starts(series, window, part, span)
            if not len(starts) and part != "validation":
                raise DataError(_too_short(series, window, part, span, when))
            found = scaled[starts[:, None] + np.arange(window.steps)]  # (windows, steps, series)
            inputs.append(found[:, : window.length])
            targets.append(found[:, window.length :])
            split += [part] * len(starts)
            places += [(series, series.first + start) for start in starts.tolist()]
            counts[part] += len(starts)

    def name_example(at: int) -> str:
        series, start = places[at]
        return f"the window of {series.label} from {when(start)}"

    named = {name: float(unit) for s in several for name, unit in zip(s.names, units[s.label], strict=True)}  # fmt: skip
    return LoadedData(
        modality="sequence",
        problem="forecast",
        inputs=np.concatenate(inputs),
        targets=np.concatenate(targets),
        split=split,
        columns={
            "first step": [str(start) for _, start in places],
            **({"series": [series.label for series, _ in places]} if len(several) > 1 else {}),
        },
        name_example=name_example,
        notes=(_note(window, spans, counts, when),),
        details={"season": window.season, "horizon": window.horizon, "units": named},
    )


def _spans(window: Window, total: int) -> dict[str, tuple[int, int]]:
    """Return the first step of each part and the one after its last.

    Raises:
        DataError: There is not the time for a window in each.
    """
    least, gap = window.steps, window.horizon
    training = max(least, window.season + 1)
    needed = training + 2 * least + 2 * gap
    if total < needed:
        raise DataError(
            f"{counted(total, 'step')} of time are too few: a window of {window.length} and {window.horizon} to come "
            f"take {needed}, {training} for training, {least} each for validation and test, and {gap} between them; give a "
            "smaller window or horizon"
        )
    share = min(max(round(SHARE * total), least), (total - training - 2 * gap) // 2)
    validation, test = total - 2 * share - gap, total - share
    return {
        "train": (0, validation - gap),
        "validation": (validation, validation + share),
        "test": (test, total),
    }


def _starts(series: Series, window: Window, part: str, span: tuple[int, int]) -> Array:
    """Return where windows of a part begin in a series, counted from its own first step."""
    first = max(span[0] - series.first, 0)
    last = min(span[1] - series.first, len(series.values)) - window.steps
    if part == "train":
        return np.arange(first, last + 1, window.stride)
    starts = np.arange(last, first - 1, -max(window.stride, window.horizon))[::-1]  # to the end
    to_come = starts[:, None] + window.length + np.arange(window.horizon)
    unfit = series.filled[to_come].any(axis=1)
    if series.looks_ahead:
        unfit |= series.filled[starts + window.length - 1]
    kept: Array = starts[~unfit]
    return kept


def _units(series: Series, window: Window, span: tuple[int, int]) -> Array:
    """Return the unit of each series ``(series,)``.

    Raises:
        DataError: There is none, as a series repeats itself, has not a season in training, or changes by more than float64 holds.
    """
    known = series.values[: max(span[1] - series.first, 0)]
    if len(known) <= window.season:
        raise DataError(
            f"{series.label} has {counted(len(known), 'step')} in training; a season of {window.season} takes "
            f"{window.season + 1} at least"
        )
    with np.errstate(over="ignore"):
        units: Array = np.abs(known[window.season :] - known[: -window.season]).mean(axis=0)
    sizes = np.abs(known).max(axis=0)
    for name, unit, size in zip(series.names, units, sizes, strict=True):
        if not np.isfinite(unit):
            raise DataError(
                f"{name} has values as large as {size:g}, whose changes are beyond the range of float64; mend that value, or divide "
                "the series by a larger unit"
            )
        if not unit > NO_CHANGE * size:
            raise DataError(
                f"{name} repeats itself exactly every {counted(window.season, 'step')} in training, so errors have "
                "no scale; leave it out, or give another season"
            )
    return units


def _too_short(
    series: Series, window: Window, part: str, span: tuple[int, int], when: Callable[[int], str]
) -> str:
    inside = min(span[1], series.first + len(series.values)) - max(span[0], series.first)
    advice = "leave it out (drop) or give a smaller window or horizon"
    if inside >= window.steps:  # there are windows, and none is fit
        advice = (
            'where such steps never come, as weekends, give time="#" to take the rows for steps, else a smaller horizon, or leave it '
            "out (drop)"
        )
    return (
        f"{series.label} has {counted(max(inside, 0), 'step')} from {when(span[0])} to {when(span[1] - 1)}, the part for "
        f"{'training' if part == 'train' else 'testing'}; a window of {window.length} and {window.horizon} to come take "
        f"{window.steps} in which no value to come is missing; {advice}"
    )


def _note(
    window: Window,
    spans: dict[str, tuple[int, int]],
    counts: dict[str, int],
    when: Callable[[int], str],
) -> DataNote:
    rows = tuple(
        (part, when(first), when(last - 1), f"{counts[part]:,}")
        for part, (first, last) in spans.items()
    )
    return DataNote(
        title=f"Windows of {window.length} steps and {window.horizon} to come, season {window.season}",
        header=("part", "from", "to", "windows"),
        rows=rows,
    )
