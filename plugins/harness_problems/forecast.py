"""How series go on: targets are the next steps of one series or several ``(horizon, series)``, outputs all of them in a row.

The first features of the inputs are the past of the same series. `details` has the season and the horizon in steps and
``{name: unit}`` of all series, where a column "series" says of which one an example is if they are forecast one by one, or of
which ones, with ", " between, if several are forecast together for each of many. A column "first step" says at which step of time a
window begins: windows are taken for independent where there is none. All are divided by their unit, the mean absolute error of repeating the last season in training: so the mean absolute error of an
example is the scaled one of Hyndman & Koehler 2006, "Another look at measures of forecast accuracy", International Journal of
Forecasting 22:679, and series of any unit count alike in the loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import DataError, Finding, LoadedData, NotApplicable, Task
from harness.api.reporting import counted

Array = np.ndarray[Any, Any]

FEW = 10  # windows of the test
FIRST_STEP = "first step"
_TEST = 2


def check(targets: Array, loaded: LoadedData) -> Array:
    """Return the targets ``(examples, horizon, series)`` as float64.

    Raises:
        DataError: One is missing, infinite or too large for what models compute in, there is no step or no series, the
            details are others, or a first step is no whole number.
    """
    missing = [name for name in ("season", "horizon", "units") if name not in loaded.details]
    if missing or loaded.details["horizon"] != targets.shape[1]:
        raise DataError(
            f"details of a forecast are its season, its horizon, {targets.shape[1]}, and the units of its series; got "
            f"{dict(loaded.details)}"
        )
    if not all(targets.shape[1:]):
        raise DataError(f"targets have the shape {targets.shape}; wanted is a step ahead at least")
    with np.errstate(over="ignore"):
        finite = np.isfinite(targets.astype(np.float32)).all(axis=(1, 2))
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        raise DataError(
            f"a value to come of {loaded.name_example(first)} is NaN, infinite or beyond the range of float32"
        )
    starts = loaded.columns.get(FIRST_STEP, ())
    odd = next((place for place, word in enumerate(starts) if not word.isdecimal()), None)
    if odd is not None:
        raise DataError(
            f"the column {FIRST_STEP!r} of {loaded.name_example(odd)} is {starts[odd]!r}; wanted is the step of time at which it "
            "begins, a whole number from 0"
        )
    return targets.astype(np.float64)


def width(targets: Array) -> int:
    """Return the steps times the series."""
    return int(targets.shape[1] * targets.shape[2])


def look(loaded: LoadedData, split: Array) -> Iterator[Finding]:
    """Yield a finding where so few windows are for testing that intervals, which are over windows, say little.

    Windows of several series at the same times have much in common, so those of one series count: all over the series.
    """
    series = len(set(loaded.columns.get("series", ("",))))
    tested = math.ceil(int((split == _TEST).sum()) / series)
    if not 0 < tested < FEW:
        return
    yield Finding(
        code="few-windows",
        sentence=f"{counted(tested, 'window', 'windows')}{' of a series' if series > 1 else ''} {'is' if tested == 1 else 'are'} for "
        "testing: how errors differ between windows, which intervals and tests go by, is hardly known.",
        advice="Give a smaller window or horizon, or a longer series.",
        numbers={"windows": tested},
        flag="few test windows",
    )


def origin(inputs: Tensor, task: Task) -> Tensor:
    """Return the mean of each series over the window, for each step ahead ``(batch, horizon * series)``.

    Networks answer how far from it a series will be, so a level that training has not seen is little else: half of Kim et al.
    2022, "Reversible instance normalization for accurate time-series forecasting against distribution shift" (ICLR). Inputs stay
    as they are, as the level may say what comes next.
    """
    horizon = int(task.details["horizon"])
    series = task.outputs // horizon
    stored = [offset - task.target_offset for offset in task.offset[:series] or (0.0,)]
    # A number needs no copy to a GPU, which waits, and which may not be while its work is recorded to be played again.
    less = stored[0] if len(set(stored)) == 1 else inputs.new_tensor(stored)
    return (inputs[..., :series].mean(1) + less).repeat(1, horizon)


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error of each example, summed over a batch."""
    return _errors(outputs, targets).double().square().mean(1).sum()


def grade(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean absolute scaled error of each example ``(batch,)``."""
    return _errors(outputs, targets).abs().mean(1)


def _errors(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return ``(batch, horizon * series)``."""
    return outputs.float() - targets.flatten(1)


def baseline(targets: Array) -> Array:
    """Return the mean of each step ahead ``(horizon * series,)``, which has the least squared error of all constants."""
    return np.asarray(targets.reshape(len(targets), -1).mean(axis=0))


def in_time(task: Task, column: Callable[[str, str], Array]) -> tuple[Array, int] | None:
    """Return the step at which each test window begins, and how many steps it has; None where the data do not say."""
    try:
        starts = column(FIRST_STEP, "test").astype(np.int64)
    except NotApplicable:
        return None
    return starts, task.input_shape[0] + int(task.details["horizon"])


def invent(unit: Tensor, task: Task) -> Tensor:
    """Return steps that go on from the mean of each invented example's inputs: ``(n, horizon, series)``."""
    level = task.target_mean + 10 * task.target_std * (unit.flatten(1).mean(1) - 0.5)
    steps = torch.linspace(-1, 1, task.outputs) * task.target_std
    return (level[:, None] + steps).reshape(len(unit), int(task.details["horizon"]), -1)


def describe(outputs: int) -> str:
    """Return what is asked in words."""
    return f"{outputs} values to come" if outputs > 1 else "the next value"
