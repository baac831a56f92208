"""Run a model over a split once: its logits and the labels, in the order of the ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from harness.api import DataError, Examples, MeasureContext

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Outputs:
    """Logits ``(n, classes)``, labels and ids ``(n,)`` of the examples whose logits are all finite.

    nonfinite: how many others there were.
    """

    logits: Array
    labels: Array
    ids: Array
    nonfinite: int

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.ids)


def run_validation(context: MeasureContext, batch_size: int) -> Outputs:
    """Return the outputs on the validation split, which may have no example."""
    try:
        examples = context.split("validation")
    except DataError:  # there is none
        nothing = np.zeros(0, dtype=np.int64)
        return Outputs(np.zeros((0, context.task.outputs)), nothing, nothing, 0)
    return run_model(context, examples, batch_size)


def run_model(context: MeasureContext, examples: Examples, batch_size: int) -> Outputs:
    """Return float32 outputs on the CPU, ordered by id, in the suite's precision.

    Raises:
        DataError: There are no examples.
    """
    found, targets, ids = [], [], []
    with torch.inference_mode(), context.autocast():
        for batch, batch_targets, batch_ids in examples.batches(batch_size):
            found.append(context.model(batch).float().cpu())
            targets.append(batch_targets.cpu())
            ids.append(batch_ids.cpu())
    if not found:
        raise DataError("there are no examples to evaluate a model on")
    every = torch.cat(ids)
    order = every.argsort()
    logits, labels = torch.cat(found)[order], torch.cat(targets)[order].long()
    finite = logits.isfinite().all(1)
    return Outputs(
        logits=logits[finite].numpy(),
        labels=labels[finite].numpy(),
        ids=every[order][finite].numpy(),
        nonfinite=int((~finite).sum()),
    )
