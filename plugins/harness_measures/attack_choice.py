"""Which attacks and which examples: what measures under attack have in common, with their share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from harness.api import Attack, Chosen, DataError, MeasureContext, Metric, wilson
from harness_measures.options import BallOptions


def why_not(context: MeasureContext, attack: Chosen, norm: str) -> str:
    """Return why an attack makes no sense in a norm on the data; "" where it does."""
    item = attack.item
    assert isinstance(item, Attack)
    if norm not in item.norms:
        return f"attack {attack.label} is not defined for {norm}; it is for {', '.join(item.norms)}"
    if context.task.modality not in item.takes:
        return f"attack {attack.label} takes {', '.join(item.takes)}, not {context.task.modality}"
    return ""


def first_ids(context: MeasureContext, options: BallOptions) -> torch.Tensor:
    """Return the ids of the test examples to attack: all, or the lowest so many.

    Raises:
        DataError: There are none.
    """
    batches = context.split("test").batches(options.batch_size)
    ids = [batch_ids.cpu() for _, _, batch_ids in batches]
    if sum(map(len, ids)) == 0:
        raise DataError("the test split is empty; there is nothing to attack")
    return torch.cat(ids).sort().values[: options.examples]


def share(name: str, verdicts: np.ndarray[Any, Any], where: dict[str, object]) -> Metric:
    """Return the share of verdicts ``(n,)`` that are true, with Wilson's interval."""
    value, n = float(verdicts.mean()), len(verdicts)
    low, high = wilson(value, n)
    return Metric(name=name, value=value, unit="fraction", low=low, high=high, n=n, where=where)
