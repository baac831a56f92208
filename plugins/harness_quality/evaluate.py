"""Run a model over a split once: what it says of each example, in the order of the ids."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from harness.api import DataError, Examples, MeasureContext, NotApplicable, Task
from harness.api.measuring import resolve

Array = np.ndarray[Any, Any]

MOST_OUTPUTS = 2**24  # of a batch


@dataclass(frozen=True)
class Classified:
    """Verdicts ``(n,)``, ordered by id.

    confidence: softmax of the predicted class. loss: cross-entropy in nats. finite: whether all
    logits were; where they were not, the example counts as wrong and its loss is NaN.
    probabilities: whether the outputs are such, and no logits.
    """

    ids: Array
    prediction: Array
    confidence: Array
    correct: Array
    loss: Array
    finite: Array
    probabilities: bool


@dataclass(frozen=True)
class Regressed:
    """Predictions and targets ``(n,)`` in the target's unit, float64, ordered by id."""

    ids: Array
    prediction: Array
    target: Array
    finite: Array


def outputs_of(
    context: MeasureContext, examples: Examples, batch_size: int
) -> tuple[Any, Any, Any]:
    """Return float32 outputs ``(n, outputs)``, targets and ids on the CPU, ordered by id.

    Raises:
        DataError: There are no examples.
    """
    outputs, targets, ids = [], [], []
    with torch.inference_mode(), context.autocast():
        for batch, batch_targets, batch_ids in examples.batches(batch_size):
            outputs.append(context.model(batch).float().cpu())
            targets.append(batch_targets.cpu())
            ids.append(batch_ids.cpu())
    if sum(map(len, ids)) == 0:
        raise DataError("there are no examples to evaluate a model on")
    order = torch.cat(ids).argsort()
    return torch.cat(outputs)[order], torch.cat(targets)[order], torch.cat(ids)[order]


def classify(context: MeasureContext, examples: Examples, batch_size: int) -> Classified:
    """Return what the model says of each example, and whether it is right.

    Raises:
        DataError: There are no examples.
    """
    logits, targets, ids = outputs_of(context, examples, batch_size)
    finite = logits.isfinite().all(1)
    prediction = logits.argmax(1)
    confidence = torch.softmax(logits, 1).amax(1)
    loss = functional.cross_entropy(logits, targets.long(), reduction="none")
    return Classified(
        ids=ids.numpy(),
        prediction=prediction.numpy(),
        confidence=torch.where(finite, confidence, torch.nan).numpy(),
        correct=((prediction == targets) & finite).numpy(),
        loss=torch.where(finite, loss, torch.nan).numpy(),
        finite=finite.numpy(),
        probabilities=_are_probabilities(logits),
    )


def _are_probabilities(outputs: torch.Tensor) -> bool:
    """Whether all rows ``(n, classes)`` are at least 0 and sum up to 1."""
    sums = outputs.double().sum(1)
    return bool((outputs >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-3)


def verdicts_name(pair: tuple[str, int]) -> str:
    """Return the name under which ``shift`` keeps whether answers are right under a shift at a severity."""
    return "correct_{}_{}".format(*pair)


def verdicts_under(
    context: MeasureContext,
    pair: tuple[str, int],
    kept: Mapping[str, Array],
    ids: Array,
    batch_size: int,
) -> Array:
    """Return whether the model is right on each example ``(n,)`` under a shift at a severity.

    kept: what ``shift`` has kept of the model (`FittedModel.kept`), which is taken where it is of the examples `ids`;
    else the model is asked.
    """
    verdicts = kept.get(verdicts_name(pair))
    if verdicts is not None and np.array_equal(kept["ids"], ids):
        return verdicts
    return classify(context, context.corrupted(*pair), batch_size).correct


@dataclass(frozen=True)
class Graded:
    """What the problem says of each example, a grade ``(n,)`` or a tally ``(n, *tally)``, float64, ordered by id.

    NaN where outputs are not finite.
    """

    ids: Array
    parts: Array
    finite: Array


def grade(context: MeasureContext, examples: Examples, batch_size: int) -> Graded:
    """Return what the headline is made of by example; outputs, which may be large, are kept by the batch alone.

    Raises:
        DataError: There are no examples.
    """
    say = grader(context.task)
    grades, finite, ids = [], [], []
    with torch.inference_mode(), context.autocast():
        for inputs, targets, batch_ids in examples.batches(fitting(context.task, batch_size)):
            outputs = context.model(inputs).float()
            is_finite = outputs.isfinite().flatten(1).all(1)
            given = say(outputs, targets).double()
            odd = ~is_finite.view(-1, *[1] * (given.dim() - 1))
            grades.append(given.masked_fill(odd, torch.nan).cpu())
            finite.append(is_finite.cpu())
            ids.append(batch_ids.cpu())
    if sum(map(len, ids)) == 0:
        raise DataError("there are no examples to evaluate a model on")
    order = torch.cat(ids).argsort()
    parts = (torch.cat(part)[order].numpy() for part in (ids, grades, finite))
    return Graded(*parts)


def grader(task: Task) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Return the problem's function of (outputs, targets) that says what its headline is made of by example.

    Raises:
        NotApplicable: It has none.
    """
    item = task.problem_item
    reference = item.grade if item.grade is not None else item.tally
    if reference is None:
        raise NotApplicable(
            f"{task.problem} says of no example what it adds to {task.headline}; a measure of its own yields that"
        )
    function: Callable[..., torch.Tensor] = resolve(reference)
    asks = "task" in inspect.signature(function).parameters
    return functools.partial(function, task=task) if asks else function


def fitting(task: Task, batch_size: int) -> int:
    """Return how many examples a batch may have whose outputs, such as a logit for each pixel, take 64 MiB at most."""
    return max(1, min(batch_size, MOST_OUTPUTS // math.prod(task.output_shape)))


def regress(context: MeasureContext, examples: Examples, batch_size: int) -> Regressed:
    """Return the model's predictions, which are in the unit of the targets.

    Raises:
        DataError: There are no examples.
    """
    outputs, targets, ids = outputs_of(context, examples, batch_size)
    return Regressed(
        ids=ids.numpy(),
        prediction=outputs[:, 0].double().numpy(),
        target=targets.double().numpy(),
        finite=outputs[:, 0].isfinite().numpy(),
    )


def targets_of(context: MeasureContext, batch_size: int) -> Array:
    """Return the targets of the test examples, in the order of their ids."""
    targets, ids = [], []
    for _, batch_targets, batch_ids in context.split("test").batches(batch_size):
        targets.append(batch_targets.cpu().numpy())
        ids.append(batch_ids.cpu().numpy())
    order = np.concatenate(ids).argsort()
    return np.concatenate(targets)[order]
