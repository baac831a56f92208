"""Which byte comes next, at each step: targets are bytes ``(time,)``, outputs a logit for each byte ``(time, vocabulary)``.

An answer may depend on the bytes up to its step alone.
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
    if most > BYTES:
        raise DataError(
            f"the vocabulary has {most} tokens; bits per byte are of tokens that are bytes, {BYTES} at most"
        )
    return targets.astype(np.int64)


def width(targets: Array, loaded: LoadedData) -> int:
    """Return the size of the vocabulary: what the data declare, or the largest token that comes, and 1."""
    return int(targets.max() if loaded.high is None else loaded.high) + 1


def output_shape(outputs: int, input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return ``(time, vocabulary)``."""
    return (input_shape[0], outputs)


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy in nats a byte, summed over a batch."""
    return _nats(outputs, targets).mean(1).sum()


def grade(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy of each example in bits a byte ``(batch,)``."""
    return _nats(outputs, targets).mean(1) / math.log(2)


def _nats(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return -log p of each target ``(batch, time)`` under the softmax of its logits."""
    return functional.cross_entropy(
        outputs.float().transpose(1, 2), targets.long(), reduction="none"
    )


def baseline(targets: Array, width: int) -> Array:
    """Return the logarithms of the bytes' shares ``(vocabulary,)``, a unigram model; half a byte for one that never comes."""
    counts = np.bincount(targets.ravel(), minlength=width)
    return np.log(np.maximum(counts, 0.5) / max(1, targets.size))


def invent(inputs: Tensor, task: Task) -> Tensor:
    """Return what comes after each step: the token there, as many places on as the step has; so each token comes."""
    return (inputs + torch.arange(inputs.shape[1])) % task.outputs


def describe(outputs: int) -> str:
    """Return what is asked in words."""
    return f"which of {outputs} tokens comes next, at each step"
