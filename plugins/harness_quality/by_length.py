"""How well texts are told by their length, and what comes next by how much of the text came before."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.api import MeasureContext, Metric, NotApplicable, Task
from harness.api.measuring import share_metric
from harness_quality.evaluate import Array, classify, fitting
from harness_quality.intervals import mean_interval
from harness_quality.options import ByLengthOptions

NEXT = "next_token"


def check(task: Task) -> None:
    """Refuse data whose examples are all of one length.

    Raises:
        NotApplicable: They are.
    """
    if task.problem != NEXT and (task.text is None or task.text.padding is None):
        raise NotApplicable("all examples are of one length, and no token means that one is over")


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `length_accuracy` of groups of about as many test examples by rising length, each known by its longest; of what
    comes next `context_bits`, by how many tokens a model was given in its window, each group twice as far as the one before.

    The length of an example is the number of its tokens without padding, of one that was cut what is left. Intervals are
    Wilson's over examples, of bits the normal one over the means of windows.

    Raises:
        NotApplicable: All examples are of one length.
    """
    options = context.options
    assert isinstance(options, ByLengthOptions)
    check(context.task)
    if context.task.problem == NEXT:
        yield from _by_context(context, options)
        return
    found = classify(context, context.split("test"), options.batch_size)
    lengths = _lengths(context, options)
    ends = np.quantile(lengths, np.arange(1, options.groups) / options.groups)
    group = np.searchsorted(np.unique(ends), lengths)
    for place in np.unique(group):
        own = found.correct[group == place]
        where = {"length": int(lengths[group == place].max())}
        yield share_metric("length_accuracy", own, where)


def _lengths(context: MeasureContext, options: ByLengthOptions) -> Array:
    """Return how many tokens of each test example are no padding, in the order of their ids."""
    text = context.task.text
    assert text is not None and text.padding is not None
    lengths, ids = [], []
    for inputs, _, found in context.split("test").batches(options.batch_size):
        lengths.append((inputs != text.padding).sum(1).cpu().numpy())
        ids.append(found.cpu().numpy())
    return np.asarray(np.concatenate(lengths)[np.concatenate(ids).argsort()])


def _by_context(context: MeasureContext, options: ByLengthOptions) -> Iterator[Metric]:
    steps = context.task.input_shape[0]
    ends = [2**k for k in range(steps.bit_length()) if 2**k < steps] + [steps]
    parts: list[list[Array]] = [[] for _ in ends]
    size = fitting(context.task, options.batch_size)
    with torch.inference_mode(), context.autocast():
        for inputs, targets, _ in context.split("test").batches(size):
            bits = _bits(context.model(inputs), targets)
            for place, end in enumerate(ends):
                start = ends[place - 1] if place else 0
                parts[place].append(bits[:, start:end].mean(1).double().cpu().numpy())
    for end, part in zip(ends, parts, strict=True):
        values = np.concatenate(part)
        mean, low, high = mean_interval(values) if len(values) > 1 else (values[0], None, None)
        yield Metric(
            name="context_bits",
            value=float(mean),
            low=None if low is None else max(0.0, low),
            high=high,
            n=len(values),
            where={"context": end},
        )


def _bits(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return log2(1 / p) of each target ``(batch, time)``."""
    logits = outputs.float().transpose(1, 2)
    return functional.cross_entropy(logits, targets.long(), reduction="none") / math.log(2)
