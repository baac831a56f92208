"""The raw timings that a measure keeps beside its metrics, in ``samples.npz``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    Array = np.ndarray[Any, Any]

_FLAG = "flag"  # words about a figure, no condition that it holds for


@dataclass(frozen=True, kw_only=True)
class TimedFigure:
    """A metric of an outcome that kept timings.

    where, samples: as in `harness.measure.metric.Metric`; samples is "" where it was made of none.
    """

    name: str
    value: float
    where: Mapping[str, Any]
    samples: str = ""


def read_samples(folder: Path | None) -> dict[str, Array]:
    """Return {series: seconds a call, ``(samples,)``} of an outcome's folder, in the order of the file.

    Empty where no samples were kept. No code is executed.
    """
    import numpy as np  # inside, so that plugins' door stays light

    path = None if folder is None else folder / "samples.npz"
    if path is None or not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as file:
        series = {name: file[name].astype(np.float64) for name in file.files}
    return {name: array for name, array in series.items() if array.ndim == 1 and array.size}


def condition_of(series: str, figures: Iterable[TimedFigure]) -> dict[str, Any]:
    """Return what all figures that were made of a series hold for, such as {"batch_size": 64}."""
    mine = [figure.where for figure in figures if figure.samples == series]
    return {
        key: value
        for key, value in (mine[0] if mine else {}).items()
        if key != _FLAG and all(where.get(key) == value for where in mine)
    }


def figures_under(condition: Mapping[str, Any], figures: Iterable[TimedFigure]) -> dict[str, Any]:
    """Return {metric: value} of what holds under a condition, or for all, with the `flag` if any.

    What else a figure holds for stands in its key: "step_seconds[part=forward]".
    """
    found: dict[str, Any] = {}
    for one in figures:
        if all(one.where.get(key, value) == value for key, value in condition.items()):
            rest = [key for key in one.where if key not in condition and key != _FLAG]
            more = ",".join(f"{key}={one.where[key]}" for key in rest)
            found[f"{one.name}[{more}]" if more else one.name] = one.value
            if _FLAG in one.where:
                found[_FLAG] = one.where[_FLAG]
    return found
