"""Which token comes next, at each step: targets are tokens ``(time,)``, outputs a logit for each ``(time, vocabulary)``.

An answer may depend on the tokens up to its step alone. Where tokens stand for several bytes, the data say for how many on average over
the test targets, ``details["bytes_per_token"]``: the mean of the grades is all bits over all bytes then, whatever the tokens are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.api import DataError, LoadedData, Task

Array = np.ndarray[Any, Any]

BYTES = 256
PER_TOKEN = "bytes_per_token"


def check(targets: Array, loaded: LoadedData) -> Array:
    """Return the targets ``(examples, time)`` as int64.

    Raises:
        DataError: They are no bytes, or not one for each step.
    """
    inputs = loaded.inputs
    steps = None if inputs is None else inputs.shape[1:]
    if steps is not None and targets.shape[1:] != tuple(steps):
        raise DataError(
            f"examples have {steps[0]} steps and {targets.shape[1]} targets; wanted is what comes after each step"
        )
    if targets.dtype.kind not in "ui":
        raise DataError(
            f"targets are the numbers of tokens, whole ones from 0; got {targets.dtype}"
        )
    most = width(targets, loaded)
    if targets.min() < 0 or targets.max() >= most:
        raise DataError(
            f"a target is {targets.min() if targets.min() < 0 else targets.max()}; allowed: 0 to {most - 1}, the "
            "vocabulary that the data declare with `high`"
        )
    if most > BYTES and PER_TOKEN not in loaded.details:
        raise DataError(
            f"the vocabulary has {most} tokens, more than there are bytes, and the data do not say in details[{PER_TOKEN!r}] for how "
            "many bytes a token of the test stands, without which there are no bits per byte"
        )
    return targets.astype(np.int64)


def width(targets: Array, loaded: LoadedData) -> int:
    """Return the size of the vocabulary: what the data declare, or the largest token that comes, and 1."""
    return int(targets.max() if loaded.high is None else loaded.high) + 1


def output_shape(outputs: int, input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return ``(time, vocabulary)``."""
    return (input_shape[0], outputs)


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy in nats a token, summed over a batch."""
    return _nats(outputs, targets).mean(1).sum()


def grade(outputs: Tensor, targets: Tensor, task: Task | None = None) -> Tensor:
    """Return the cross-entropy of each example in bits a byte ``(batch,)``; a byte a token unless the task's details say otherwise."""
    each = 1.0 if task is None else float(task.details.get(PER_TOKEN, 1.0))
    return _nats(outputs, targets).mean(1) / (math.log(2) * each)


def _nats(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return -log p of each target ``(batch, time)`` under the softmax of its logits."""
    return functional.cross_entropy(
        outputs.float().transpose(1, 2), targets.long(), reduction="none"
    )


def baseline(targets: Array, width: int) -> Array:
    """Return the logarithms of the tokens' shares ``(vocabulary,)``, a unigram model; half a token for one that never comes."""
    counts = np.bincount(targets.ravel(), minlength=width)
    return np.log(np.maximum(counts, 0.5) / max(1, targets.size))


def invent(inputs: Tensor, task: Task) -> Tensor:
    """Return what comes after each step: the token there, as many places on as the step has; so each token comes."""
    return (inputs + torch.arange(inputs.shape[1])) % task.outputs


def describe(outputs: int) -> str:
    """Return what is asked in words."""
    return f"which of {outputs} tokens comes next, at each step"
