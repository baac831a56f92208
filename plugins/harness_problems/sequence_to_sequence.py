"""Which sequence answers another: inputs are a source and what of its target was written so far; targets what comes next.

Inputs ``(time,)`` are ``details["source_steps"]`` tokens of the source, a token that starts, and the target without its last token.
Targets ``(time,)`` are `IGNORE` at the source and behind the end of a target, else the token that comes next; outputs a logit
for each ``(time, vocabulary)``. An answer may depend on the tokens up to its step alone: on the whole source, and on what was written
(Sutskever, Vinyals & Le 2014, "Sequence to sequence learning with neural networks", equation 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import DataError, LoadedData, Task
from harness_problems import next_token
from harness_problems.sequence_labelling import IGNORE

Array = np.ndarray[Any, Any]

SOURCE_STEPS = "source_steps"
_TRAIN, _TEST = 0, 2


def check(targets: Array, loaded: LoadedData) -> Array:
    """Return the targets ``(examples, time)`` as int64.

    Raises:
        DataError: They are not one for each step, no tokens, or asked for at a step of the source; or the data do not say how
            long that is.
    """
    steps = targets.shape[1]
    if loaded.inputs is not None and loaded.inputs.shape[1] != steps:
        raise DataError(
            f"examples have {loaded.inputs.shape[1]} steps and {steps} targets; each step has one, {IGNORE} where nothing is asked"
        )
    source = loaded.details.get(SOURCE_STEPS)
    if not isinstance(source, int) or not 0 < source < steps:
        raise DataError(
            f"details[{SOURCE_STEPS!r}] is {source!r}; wanted is how many of the {steps} steps are the source, 1 to {steps - 1}"
        )
    if targets.dtype.kind not in "iu":
        raise DataError(
            f"targets are the numbers of tokens, whole ones from 0; got {targets.dtype}"
        )
    asked = targets != IGNORE
    if asked[:, :source].any():
        example, step = np.argwhere(asked[:, :source])[0]
        raise DataError(
            f"step {step} of {loaded.name_example(int(example))} has the target {targets[example, step]}; it is of the source, "
            f"the first {source} steps, where nothing is asked: {IGNORE}"
        )
    most = next_token.width(targets, loaded)
    wrong = ((targets < 0) | (targets >= most)) & asked
    if wrong.any():
        example, step = np.argwhere(wrong)[0]
        raise DataError(
            f"step {step} of {loaded.name_example(int(example))} has the target {targets[example, step]}; allowed: 0 to "
            f"{most - 1}, the vocabulary that the data declare with `high`, and {IGNORE} where nothing is asked"
        )
    return targets.astype(np.int64)


def check_split(targets: Array, loaded: LoadedData, split: Array) -> None:
    """Refuse a training or test example that asks for nothing: greedy decoding would be right about it whatever it wrote.

    Raises:
        DataError: There is one.
    """
    for part, code in (("training", _TRAIN), ("test", _TEST)):
        empty = np.flatnonzero((targets == IGNORE).all(1) & (split == code))
        if empty.size:
            raise DataError(
                f"{loaded.name_example(int(empty[0]))}, of the {part} examples, has no target: all are {IGNORE}, where nothing is "
                "asked; give each a target, if only the token that ends it"
            )


def exact_match(tallies: Array, counts: Array) -> Array:
    """Return the share of the examples all of whose steps are right ``(samples,)``; tallies: the steps right, and asked for.

    That is what greedy decoding writes token for token, with no token decoded: while all that it wrote is the target's, it is given
    what the target gives.
    """
    return np.asarray(counts @ (tallies[:, 0] == tallies[:, 1]) / counts.sum(1))


def invent(inputs: Tensor, task: Task) -> Tensor:
    """Return at each step after the source the token there, as many places on as the step has; so each token comes."""
    targets = (inputs + torch.arange(inputs.shape[1])) % task.outputs
    targets[:, : task.details[SOURCE_STEPS]] = IGNORE
    return targets


def describe(outputs: int) -> str:
    """Return what is asked in words."""
    return f"a sequence that answers another, of {outputs} tokens"
