"""A real number that belongs to an example: one output, in the unit of the targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

from harness.api import DataError, Finding, LoadedData, Task

Array = np.ndarray[Any, Any]

STRATA = 5  # quantiles of the target, so that a cut is stratified too
_TEST = 2


def check(targets: Array, loaded: LoadedData) -> Array:
    """Return the targets ``(examples,)`` as float64.

    Raises:
        DataError: One is missing, infinite or too large for what models compute in.
    """
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and refused below
        finite = np.isfinite(targets.astype(np.float32))
    if not finite.all():
        first = int(np.flatnonzero(~finite)[0])
        what = "NaN or infinite"
        if np.isfinite(targets[first]):
            what = (
                f"{targets[first]:.4g}, beyond the range of float32 ({np.finfo(np.float32).max:.2g}); "
                "give targets on a smaller scale"
            )
        raise DataError(f"the target of {loaded.name_example(first)} is {what}")
    return targets.astype(np.float64)


def width() -> int:
    """Return the one output."""
    return 1


def strata(targets: Array) -> Array:
    """Return in which fifth of the targets each one lies."""
    edges = np.quantile(targets, np.linspace(0, 1, STRATA + 1)[1:-1])
    return np.searchsorted(edges, targets)


def look(targets: Array, split: Array) -> Iterator[Finding]:
    """Yield a finding where the targets do not vary in test, so that R2 has no value."""
    tested = targets[split == _TEST]
    if not len(tested) or np.ptp(tested) > 0:
        return
    same = (
        "The only test target is" if len(tested) == 1 else f"All {len(tested):,} test targets are"
    )
    yield Finding(
        code="constant-targets",
        sentence=f"{same} {tested[0]:g}: r² is undefined (nan), as there is no variance to explain, and no model "
        "is ranked by it.",
        advice="See whether the target is the column that was meant; rmse and mae are defined.",
    )


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the squared error, summed over a batch.

    In float64: the square of an error of 1e-20 or 1e30 is 0 or infinite in float32.
    """
    return (outputs.float().squeeze(1) - targets).double().square().sum()


def baseline(targets: Array) -> Array:
    """Return the mean ``(1,)``, which has the least squared error of all constants."""
    return np.array([targets.mean()])


def invent(unit: Tensor, task: Task) -> Tensor:
    """Return the mean of each invented example's inputs, scaled."""
    return task.target_mean + 10 * task.target_std * (unit.flatten(1).mean(1) - 0.5)


def describe() -> str:
    """Return what is asked in words."""
    return "one number to predict"
