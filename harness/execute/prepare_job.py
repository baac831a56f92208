"""What a job of sort "prepare" does: a data set, or a corrupted copy of one, made ready once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.data.prepare import corrupt, prepare
from harness.execute.request import Items, Request
from harness.measure.metric import Metric


def run(
    request: Request, items: Items, metric: Callable[[Metric], None], notes: dict[str, Any]
) -> None:
    """Make a data set ready, or a corrupted copy of one."""
    spec, folder = request.job.spec, Path(request.folder)
    if "shift" in spec:
        clean = Path(request.needs[spec["data"]])
        shift = items("shift", spec["shift"])
        task = corrupt(clean, shift, spec["severity"], spec["seed"], folder)
    else:
        task = prepare(items("dataset", spec["dataset"]), spec["seed"], folder)
    notes["task"] = {
        name: value for name, value in task.to_json().items() if name not in ("mean", "std")
    }
    metric(Metric(name="examples", value=sum(task.counts.values()), unit="count", exact=True))
