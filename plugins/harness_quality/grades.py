"""The headline of a problem as the mean of what it grades examples by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.api import Metric, Task
from harness.api.measuring import wilson
from harness_quality.intervals import mean_interval

Array = np.ndarray[Any, Any]


def graded_metric(
    task: Task, grades: Array, kept: str, where: Mapping[str, Any] | None = None
) -> Metric:
    """Return the mean of grades ``(n,)`` with its interval at 95 %, within the problem's bounds.

    The interval is Wilson's where grades are 0 or 1, else the normal one; there is none of a single example, nor where a
    grade is NaN. kept: the name under which `MeasureContext.save_examples` keeps them.
    """
    item, n = task.problem_item, len(grades)
    value = float(grades.mean())
    low: float | None = None
    high: float | None = None
    if np.isin(grades, (0.0, 1.0)).all():
        low, high = wilson(value, n)
    elif n > 1 and np.isfinite(value):
        _, *ends = mean_interval(grades)
        low, high = (float(np.clip(end, *item.bounds)) for end in ends)
    return Metric(
        name=item.headline,
        value=value,
        unit=item.unit,
        low=low,
        high=high,
        n=n,
        where=where or {},
        examples=(("-" if item.better == "lower" else "+") + kept,),
    )
