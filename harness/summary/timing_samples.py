"""The raw timings that a measure keeps beside its metrics, in ``samples.npz``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    Array = np.ndarray[Any, Any]

_CONDITIONS = ("batch_size", "threads", "flag")  # of all metrics of a series; not said again
_BATCH_SIZE = re.compile(r"_(\d+)$")


def read_samples(folder: Path | None) -> dict[str, Array]:
    """Return {series: seconds a call, ``(samples,)``} of an outcome's folder, by batch size.

    A series is named after what was timed and its batch size: "batch_64". Empty where no samples
    were kept. No code is executed.
    """
    import numpy as np  # inside, so that plugins' door stays light

    path = None if folder is None else folder / "samples.npz"
    if path is None or not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as file:
        series = {name: file[name].astype(np.float64) for name in file.files}
    kept = [name for name, array in series.items() if array.ndim == 1 and array.size]
    return {name: series[name] for name in sorted(kept, key=lambda n: (batch_size_of(n) or 0, n))}


def batch_size_of(series: str) -> int | None:
    """Return the batch size in a series' name: 64 of "batch_64"; None where it has none."""
    match = _BATCH_SIZE.search(series)
    return int(match[1]) if match else None


def figures_of_batch(
    metrics: Iterable[tuple[str, float, Mapping[str, Any]]], batch_size: int | None
) -> dict[str, Any]:
    """Return {metric: value} of what holds for a batch size, or for all, with the `flag` if any.

    metrics: (name, value, where). What else a metric holds for stands in its key:
    "step_seconds[part=forward]".
    """
    found: dict[str, Any] = {}
    for name, value, where in metrics:
        if batch_size is None or where.get("batch_size", batch_size) == batch_size:
            more = ",".join(f"{key}={where[key]}" for key in where if key not in _CONDITIONS)
            found[f"{name}[{more}]" if more else name] = value
            if "flag" in where:
                found["flag"] = where["flag"]
    return found
