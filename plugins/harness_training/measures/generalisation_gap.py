"""How much better a model does on the examples that it was trained on than on others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from harness.api import MeasureContext, Metric, NotApplicable
from harness.api.measuring import Z95, difference_interval, resolve, wilson
from harness_training.measures.options import GapOptions

Array = np.ndarray[Any, Any]


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `loss_gap`, test less training loss, and where answers are right or wrong `accuracy_gap`, training less test accuracy.

    Both in evaluation mode on examples as they are, whatever training had added to them, of the problem's own loss. The
    training and the test examples are others, so intervals are those of differences of two independent means: of shares
    Newcombe's (1998, method 10), of losses the normal one.

    Raises:
        NotApplicable: Nothing was trained, or on a share of the training examples, which are not known here.
    """
    options = context.options
    assert isinstance(options, GapOptions)
    last, known = context.history().rows[-1], len(context.split("train"))
    used = float(last["examples"] or 0) / float(last["epoch"] or 1)
    if used < known - 1:  # one may be left out of each epoch, which would be a batch of its own
        raise NotApplicable(
            f"it was trained on {used:.0f} of {known} training examples, and which these are is not known here"
        )
    (seen, right), (unseen, answered) = (
        _judge(context, split, options) for split in ("train", "test")
    )
    if len(seen) < 2 or len(unseen) < 2:
        raise NotApplicable("fewer than two examples of a split have a finite loss")
    gap = float(unseen.mean() - seen.mean())
    half = Z95 * math.sqrt(seen.var(ddof=1) / len(seen) + unseen.var(ddof=1) / len(unseen))
    n = len(unseen)
    yield Metric(name="loss_on_training", value=float(seen.mean()), n=len(seen))
    yield Metric(name="loss_gap", value=gap, low=gap - half, high=gap + half, n=n)
    if right is not None and answered is not None:
        shares = [(float(v.mean()), *wilson(float(v.mean()), len(v))) for v in (answered, right)]
        value, low, high = difference_interval(*shares)
        yield Metric(name="accuracy_gap", value=value, low=low, high=high, n=len(answered))


def _judge(context: MeasureContext, split: str, options: GapOptions) -> tuple[Array, Array | None]:
    """Return the finite losses ``(n,)`` of the first examples of a split, and whether each answer is right, if that can be said."""
    problem = context.task.problem_item
    loss_of = resolve(problem.loss)
    is_right = None if problem.correct is None else resolve(problem.correct)
    losses, verdicts, taken = list[float](), list[Array](), 0
    for inputs, targets, _ in context.split(split).batches(options.batch_size):
        inputs = inputs[: options.examples - taken]
        targets = targets[: len(inputs)]
        with torch.no_grad(), context.autocast():
            outputs = context.model(inputs)
        for k in range(len(inputs)):
            losses.append(float(loss_of(outputs[k : k + 1], targets[k : k + 1])))
        if is_right is not None:
            verdicts.append(is_right(outputs, targets).cpu().numpy().astype(bool).reshape(-1))
        taken += len(inputs)
        if taken >= options.examples:
            break
    found = np.asarray(losses)
    return found[np.isfinite(found)], np.concatenate(verdicts) if verdicts else None
