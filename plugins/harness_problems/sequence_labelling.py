"""Of which class each step of a sequence is: targets are labels ``(time,)``, outputs a logit for each class ``(time, classes)``.

A label is a number from 0, or `IGNORE` where nothing is asked, as beyond the end of a sequence that was filled up. An answer may
depend on the whole sequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.api import DataError, Finding, LoadedData, Task
from harness.api.reporting import counted, list_some

Array = np.ndarray[Any, Any]

IGNORE = -100  # as of torch's cross_entropy
_TRAIN, _TEST = 0, 2


def check(targets: Array, loaded: LoadedData) -> Array:
    """Return the labels ``(examples, time)`` as int64.

    Raises:
        DataError: They are not one for each step, no whole numbers, or numbers of no class.
    """
    steps = None if loaded.inputs is None else loaded.inputs.shape[1]
    if steps is not None and targets.shape[1] != steps:
        raise DataError(
            f"examples have {counted(steps, 'step')} and {counted(targets.shape[1], 'label')}; each step has one"
        )
    if targets.dtype.kind not in "iu":
        raise DataError(f"labels are whole numbers of classes from 0; got {targets.dtype}")
    most = width(targets, loaded)
    wrong = ((targets < 0) | (targets >= most)) & (targets != IGNORE)
    if wrong.any():
        example, step = np.argwhere(wrong)[0]
        raise DataError(
            f"step {step} of {loaded.name_example(int(example))} has the label {targets[example, step]}; allowed: 0 to "
            f"{most - 1}, and {IGNORE} where nothing is asked"
        )
    return targets.astype(np.int64)


def width(targets: Array, loaded: LoadedData) -> int:
    """Return the number of classes."""
    return len(loaded.class_names) or int(targets.max(initial=0)) + 1


def check_split(targets: Array, loaded: LoadedData, split: Array) -> None:
    """Refuse one class alone, and a test or training that asks for no step.

    Raises:
        DataError: So it is.
    """
    for part, code in (("training", _TRAIN), ("test", _TEST)):
        labels = targets[split == code]
        if labels.size and (labels == IGNORE).all():
            raise DataError(
                f"no {part} sequence has a step of a class: all are {IGNORE}, where nothing is asked; give labels that ask"
            )
    if len(np.unique(targets[targets != IGNORE])) < 2:
        raise DataError("all steps are of one class; there is nothing to tell apart")


def look(targets: Array, loaded: LoadedData, split: Array) -> Iterator[Finding]:
    """Yield a finding where test steps have labels that no training step has."""
    labels = [np.unique(targets[split == part]) for part in (_TRAIN, _TEST)]
    unseen = np.setdiff1d(labels[1], [*labels[0], IGNORE])
    if not len(labels[0]) or not len(unseen):
        return
    names = loaded.class_names
    yield Finding(
        code="unseen-labels",
        sentence=f"{counted(len(unseen), 'label')} of test steps {'is' if len(unseen) == 1 else 'are'} in no training sequence: "
        f"{list_some([names[c] if names else str(c) for c in unseen])}.",
        advice="Collect more sequences with them, or leave them out: no model can learn them.",
        numbers={"labels": len(unseen)},
    )


def output_shape(outputs: int, input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return ``(time, classes)``."""
    return (input_shape[0], outputs)


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the sum over sequences of the mean cross-entropy of their steps, in nats; those not asked for do not count."""
    losses = functional.cross_entropy(
        outputs.float().transpose(1, 2), targets.long(), ignore_index=IGNORE, reduction="none"
    )
    return (losses.sum(1) / (targets != IGNORE).sum(1).clamp_min(1)).sum()


def tally(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return how many steps of each sequence are right, and how many are asked for ``(batch, 2)``."""
    right = (outputs.argmax(2) == targets).sum(1)
    return torch.stack([right, (targets != IGNORE).sum(1)], 1).double()


def sum_up(tallies: Array, counts: Array) -> Array:
    """Return the share of the steps of all sequences that are right ``(samples,)``."""
    right, asked = np.moveaxis(counts @ tallies, 1, 0)
    return np.asarray(right / np.maximum(asked, 1))


def baseline(targets: Array, width: int) -> Array:
    """Return the logarithms of the labels' shares of a sequence ``(classes,)``, each sequence counting alike: the largest."""
    counts = np.stack([np.bincount(row[row != IGNORE], minlength=width) for row in targets])
    shares = (counts / np.maximum(counts.sum(1, keepdims=True), 1)).mean(0)
    return np.asarray(np.log(np.maximum(shares, 0.5 / max(1, counts.sum()))))


def invent(inputs: Tensor, task: Task) -> Tensor:
    """Return labels of each step, by the share of the range that its first value is at: ``(n, time)``."""
    values = inputs.float().reshape(*inputs.shape[:2], -1)[..., 0]
    share = (values - task.low) / (task.high - task.low)
    return (share * task.outputs).long().clamp(0, task.outputs - 1)


def describe(outputs: int) -> str:
    """Return what is asked in words."""
    return f"which of {outputs} classes each step is of"
