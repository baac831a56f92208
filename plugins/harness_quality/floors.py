"""Floors of a data set: what models reach that any other should beat, on the same test examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.api import MeasureContext, Metric, NotApplicable
from harness.api.measuring import BOOSTED_TREES, call, read_rows, share_metric
from harness_quality.floor_models import boosted_trees, linear
from harness_quality.graded_floors import grade_floors
from harness_quality.intervals import bootstrap
from harness_quality.options import FloorsOptions
from harness_quality.regression import r2

Array = np.ndarray[Any, Any]
FLOORS: dict[str, Callable[[Array, Array, int, Array], Array]] = {
    "linear": linear,
    BOOSTED_TREES: boosted_trees,
}
SIDE = 32  # pixels, to which larger pictures are averaged first
MOST_VALUES = 2**25  # of training inputs; of more a share of the examples is taken
MOST_WEIGHTS = 2**22  # of the linear model: features times outputs


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield the accuracy (R2, or the headline of another problem) of each floor, and keep what each example adds to it, as
    `accuracy` does of a model.

    The constant is the problem's own baseline; of other problems than classification and regression there are that, bigrams, a
    linear model of the pixels around each one that has a class, and of forecasts ridge regression, the last value and the last
    season repeated. A linear model of numbers of things learns from how often an
    example has each. Boosted trees are for tables. Pictures of more than 32 pixels a side are averaged to that; a linear model of
    more than 4 million weights is left out; of more than 32 million training values the first by id are taken.

    Raises:
        NotApplicable: There is nothing to learn from.
    """
    options, task = context.options, context.task
    assert isinstance(options, FloorsOptions)
    if not task.counts.get("train"):
        raise NotApplicable("there are no training examples, from which a floor could be learnt")
    if task.problem not in ("classification", "regression"):
        yield from grade_floors(context, options)
        return
    change = _flattened(context)
    inputs, targets, _ = read_rows(context.split("train"), MOST_VALUES, change)
    test, wanted, ids = read_rows(context.split("test"), change=change)
    classes = task.outputs if task.problem == "classification" else 0
    kept: dict[str, Array] = {}
    metrics = []
    for name in options.models:
        if name == BOOSTED_TREES and task.modality != "table":
            continue
        if name == "linear" and inputs.shape[1] * task.outputs > MOST_WEIGHTS:
            continue
        if name == "constant":
            assert task.problem_item.baseline is not None
            said = call(task.problem_item.baseline, targets=targets, width=task.outputs)
            answers = np.full(len(test), said.argmax() if classes else said[0])
        elif name in FLOORS:
            answers = FLOORS[name](inputs, targets, classes, test)
        else:
            continue
        array = f"{'correct' if classes else 'error'}_{name.replace(' ', '_')}"
        kept[array] = answers == wanted if classes else answers - wanted
        metrics.append(_metric(name, array, answers, wanted, classes))
    context.save_examples(ids=ids, **kept)
    yield from metrics


def shares_of_things(numbers: Tensor, vocabulary: int) -> Tensor:
    """Return how often each of a vocabulary is in an example, over its length: ``(batch, ...)`` to ``(batch, vocabulary)``."""
    flat = numbers.flatten(1)
    counts = torch.zeros(len(flat), vocabulary, device=flat.device)
    return counts.scatter_add_(1, flat, torch.ones_like(flat, dtype=counts.dtype)) / flat.shape[1]


def _metric(name: str, array: str, answers: Array, wanted: Array, classes: int) -> Metric:
    where = {"architecture": name}
    if classes:
        return share_metric("accuracy", answers == wanted, where, array)
    value = float(r2(answers, wanted))
    ends = bootstrap(r2, answers, wanted) if np.isfinite(value) else None
    least, most = ends or (None, None)
    return Metric(
        name="r2",
        value=value,
        low=least,
        high=most,
        n=len(wanted),
        where=where,
        examples=(array,),
    )


def _flattened(context: MeasureContext) -> Callable[[Tensor], Tensor]:
    """Return what becomes of a batch of inputs before a model of numbers takes them."""
    task = context.task

    def change(inputs: Tensor) -> Tensor:
        if task.modality == "image" and max(inputs.shape[2:]) > SIDE:
            height, width = (min(side, SIDE) for side in inputs.shape[2:])
            inputs = functional.adaptive_avg_pool2d(inputs, (height, width))
        if task.modality_item.input_type != "float32":
            inputs = shares_of_things(inputs, task.vocabulary)
        return inputs

    return change
