"""Forecasts: errors in the scale of MASE, relative, and in the data's own unit; by step ahead and by series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness.api import MeasureContext, Metric
from harness.api.measuring import (
    GalleryExample,
    InTime,
    Sheet,
    Trace,
    resolve,
    share_metric,
    take_inputs,
)
from harness_quality.evaluate import outputs_of
from harness_quality.grades import headline_metric, headline_of
from harness_quality.intervals import bootstrap, mean_interval

Array = np.ndarray[Any, Any]

LINES = "The thick line is what came, the thin one the forecast; up to where they part both are what was given."
SHOWN = 4  # examples that are drawn
MOST_LINES = 3  # series of an example that are drawn
MOST_STEPS = 50  # steps ahead of which each has a figure; of more so many at equal distances


@dataclass(frozen=True)
class Forecasts:
    """Forecasts and what came ``(n, horizon, series)`` in the data's own unit, float64, ordered by id.

    unit: of MASE ``(n, 1, series)`` or ``(1, 1, series)``. finite: ``(n,)``, whether a forecast is all finite numbers. time: when
    the windows are; None where the data do not say.
    """

    ids: Array
    grade: Array
    forecast: Array
    truth: Array
    unit: Array
    finite: Array
    time: InTime | None = None

    @property
    def scaled(self) -> Array:
        """Absolute errors in the scale of MASE."""
        return np.asarray(np.abs(self.forecast - self.truth) / self.unit)


def forecast_metrics(context: MeasureContext, batch_size: int) -> Iterator[Metric]:
    """Yield MASE, sMAPE, RMSE and MAE over all test windows, steps and series, and MASE by step ahead and by series; keep
    what each window adds to them, and drawings of the first.

    Intervals are over blocks of windows that follow each other (`InTime`), where the data have a column "first step"; else of
    windows that are taken for independent: normal ones of MASE and sMAPE, bootstrap ones of RMSE and MAE, in the data's own unit. sMAPE is 200 |f - y| / (|y| + |f|) in %, from 0 to 200 and 0 where both are 0 (Makridakis &
    Hibon 2000, the M3 competition; M4 has the same).
    """
    found = forecasts_of(context, batch_size)
    error = found.forecast - found.truth
    smape = mean_of_example(relative_errors(found.forecast, found.truth))
    absolute, squared = mean_of_example(np.abs(error)), mean_of_example(error**2)
    context.save_examples(ids=found.ids, grade=found.grade, smape=smape, absolute_error=absolute)
    headline = headline_of(context.task, found.grade, found.time)
    yield headline_metric(context.task, headline, "grade")
    mean, low, high = _mean(smape, found.time)
    yield Metric(name="smape", value=mean, low=low, high=high, n=len(smape), examples=("-smape",))
    yield _in_unit("rmse", squared, found.time, root=True)
    yield _in_unit("mae", absolute, found.time, kept="-absolute_error")
    yield from _by_step(found)
    yield from _by_series(context, found)
    if not found.finite.all():
        yield share_metric("nonfinite_share", ~found.finite)
        return
    context.save_gallery([_sheet(context, found)])


def forecasts_of(context: MeasureContext, batch_size: int) -> Forecasts:
    """Return what the model forecasts of the test windows, and what came.

    Raises:
        DataError: There are none.
    """
    task = context.task
    outputs, targets, ids = outputs_of(context, context.split("test"), batch_size)
    assert task.problem_item.grade is not None
    grade_of = resolve(task.problem_item.grade)
    finite = outputs.isfinite().all(1)
    grade = torch.where(finite, grade_of(outputs, targets).double(), torch.nan)
    unit = units_of(context, targets.shape[2])
    offset = task.target_offset
    truth = (targets.double().numpy() + offset) * unit
    forecast = (outputs.view_as(targets).double().numpy() + offset) * unit
    return Forecasts(
        ids.numpy(), grade.numpy(), forecast, truth, unit, finite.numpy(), context.in_time()
    )


def units_of(context: MeasureContext, series: int) -> Array:
    """Return what the test examples were divided by, ordered by id: ``(n, 1, series)``, or ``(1, 1, series)``."""
    units = context.task.details["units"]
    if len(units) == series:
        return np.array([[list(units.values())]], dtype=np.float64)
    of = {
        label: [units[name] for name in names] for label, names in together(units, series).items()
    }
    labels = context.column("series", "test")
    return np.array([of[str(label)] for label in labels], dtype=np.float64)[:, None]


def together(names: Iterable[str], series: int) -> dict[str, tuple[str, ...]]:
    """Return which series are forecast together, by what the column "series" says of their examples; series: how many."""
    every = tuple(names)
    parts = [every[at : at + series] for at in range(0, len(every), series)]
    return {", ".join(part): part for part in parts}


def relative_errors(forecast: Array, truth: Array) -> Array:
    """Return 200 |f - y| / (|y| + |f|), 0 where both are 0; of arrays of one shape."""
    size = np.abs(truth) + np.abs(forecast)
    return np.asarray(200 * np.abs(forecast - truth) / np.where(size > 0, size, 1.0))


def mean_of_example(values: Array) -> Array:
    """Return the mean over all but the first axis."""
    return np.asarray(values.reshape(len(values), -1).mean(axis=1))


def _mean(values: Array, time: InTime | None) -> tuple[float, float | None, float | None]:
    if len(values) < 2 or not np.isfinite(values).all():
        return float(values.mean()), None, None
    if time is not None:
        ends = time.mean_interval(values)
        low, high = ends or (None, None)
        return float(values.mean()), None if low is None else max(0.0, low), high
    mean, low, high = mean_interval(values)
    return mean, max(0.0, low), high


def _in_unit(
    name: str, values: Array, time: InTime | None, *, root: bool = False, kept: str = ""
) -> Metric:
    """Return a mean of values ``(n,)``, or its root, in the data's own unit."""

    def statistic(values: Array) -> Array:
        mean = values.mean(axis=-1)
        return np.asarray(np.sqrt(mean) if root else mean)

    value = float(statistic(values))
    low: float | None = None
    high: float | None = None
    if time is not None:
        _, *of_mean = _mean(values, time)
        low, high = (math.sqrt(end) if root and end is not None else end for end in of_mean)
    elif np.isfinite(value):
        low, high = bootstrap(statistic, values) or (None, None)
    examples = (kept,) if kept else ()
    return Metric(name=name, value=value, unit="target", low=low, high=high, n=len(values), examples=examples)  # fmt: skip


def _by_step(found: Forecasts) -> Iterator[Metric]:
    errors = found.scaled.mean(axis=2)
    horizon = errors.shape[1]
    for step in np.unique(np.linspace(0, horizon - 1, min(horizon, MOST_STEPS)).round().astype(int)):  # fmt: skip
        mean, low, high = _mean(errors[:, step], found.time)
        yield Metric(name="mase_at_step", value=mean, low=low, high=high, n=len(errors), where={"step": int(step) + 1})  # fmt: skip


def _by_series(context: MeasureContext, found: Forecasts) -> Iterator[Metric]:
    names = list(context.task.details["units"])
    if len(names) < 2:
        return
    errors = found.scaled.mean(axis=1)  # (n, series)
    parts, labels = {"": tuple(names)}, np.full(len(errors), "")
    if errors.shape[1] < len(names):
        parts, labels = together(names, errors.shape[1]), context.column("series", "test")
    for label, some in parts.items():
        own = labels == label
        time = None if found.time is None else found.time.some(own)
        for place, name in enumerate(some):
            values = errors[own, place]
            mean, low, high = _mean(values, time)
            yield Metric(name="mase_of_series", value=mean, low=low, high=high, n=len(values), where={"forecast_series": name})  # fmt: skip


def _sheet(context: MeasureContext, found: Forecasts) -> Sheet:
    """Return the first windows by id: what was given, and after it what came and what was forecast."""
    task = context.task
    count = min(SHOWN, len(found.ids))
    series = found.truth.shape[2]
    given = take_inputs(context.split("test"), found.ids[:count].tolist())[:, :, :series].double()
    past = (given.cpu().numpy() + np.array(task.offset[:series] or (0.0,))) * found.unit[:count]
    names = list(task.details["units"])
    column = context.column("series", "test") if len(names) > series else None
    named = together(names, series)
    examples = tuple(
        GalleryExample(
            caption=f"window {at + 1}, MASE {found.grade[at]:.3g}",
            traces=tuple(
                Trace(
                    title=names[line] if column is None else named[str(column[at])][line],
                    steps=past.shape[1] + found.truth.shape[1],
                    lines={
                        said: tuple(np.concatenate([past[at, :, line], to_come[at, :, line]]).tolist())
                        for said, to_come in (("what came", found.truth), ("forecast", found.forecast))
                    },
                )
                for line in range(min(MOST_LINES, series))
            ),
        )
        for at in range(count)
    )  # fmt: skip
    return Sheet(
        title="Forecasts",
        count=f"the first {count} of {len(found.ids):,} test windows by id",
        notes=(LINES,),
        examples=examples,
    )
