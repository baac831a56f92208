"""Which attacks and which examples: what measures under attack have in common, with their share."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from harness.api import Attack, DataError, MeasureContext
from harness.api.measuring import Chosen
from harness_attacked.options import BallOptions

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]

CHUNK_BYTES = 2**29  # of examples that are in memory at once


def why_not(context: MeasureContext, attack: Chosen, norm: str) -> str:
    """Return why an attack makes no sense in a norm on the data; "" where it does."""
    item = attack.item
    assert isinstance(item, Attack)
    if norm not in item.norms:
        return (
            f"attack {attack.label} is not defined for {norm}; it is for {', '.join(item.norms)}: say norm={item.norms[0]}, and "
            "epsilons in its unit"
        )
    if context.task.modality not in item.takes:
        return f"attack {attack.label} takes {', '.join(item.takes)}, not {context.task.modality}"
    if context.task.problem not in item.problems and not context.task.problem_item.default:
        return (
            f"attack {attack.label} is for {' or '.join(item.problems)}, not {context.task.problem}"
        )
    if item.prepare is not None and not context.task.counts.get("train"):
        return f"attack {attack.label} prepares on training examples, and the data set has none"
    return ""


def chunks(context: MeasureContext, options: BallOptions, copies: int = 1) -> Iterator[Batch]:
    """Yield the test examples to attack, all or those with the lowest ids: inputs, targets, ids.

    copies: tensors of a chunk's size that are in memory at once. More than a batch come together, to keep the
    device full from as examples leave.

    Raises:
        DataError: There are none.
    """
    split = context.split("test")
    every = [ids.cpu() for _, _, ids in split.batches(options.batch_size)]
    if sum(map(len, every)) == 0:
        raise DataError("the test split is empty; there is nothing to attack")
    wanted = torch.cat(every).sort().values[: options.examples]
    fitting = CHUNK_BYTES // (4 * math.prod(context.task.input_shape) * copies)
    for inputs, targets, ids in split.batches(max(options.batch_size, fitting)):
        chosen = torch.isin(ids, wanted.to(ids.device))
        if chosen.any():
            yield inputs[chosen], targets[chosen], ids[chosen]
