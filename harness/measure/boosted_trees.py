"""scikit-learn's boosted trees as they are by default: a yardstick beside networks on tables, the same for all that measure it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import NotApplicable

if TYPE_CHECKING:
    import torch

    from harness.measure.context import Examples, MeasureContext

Array = np.ndarray[Any, Any]

BOOSTED_TREES = "boosted trees"
"""What the row of these trees is called."""

MOST_VALUES = 2**25  # of training inputs; of more a share of the examples is taken
MOST_TREES = 1000  # each round has one for each class
ROUNDS = 100


def grow_trees(context: MeasureContext) -> Callable[[Array], Array]:
    """Return the answers of trees that were grown on the training examples of a task: see `fit_trees`.

    Raises:
        NotApplicable: There are no training examples.
    """
    task = context.task
    if not task.counts.get("train"):
        raise NotApplicable("there are no training examples, of which trees could be grown")
    inputs, targets, _ = read_rows(context.split("train"), most=MOST_VALUES)
    return fit_trees(inputs, targets, task.outputs if task.problem_item.classes else 0)


def fit_trees(inputs: Array, targets: Array, classes: int) -> Callable[[Array], Array]:
    """Return `predict` of scikit-learn's histogram gradient boosting (after Ke et al. 2017, LightGBM), seed 0.

    They grow on as many threads as torch has; to ask them on as many takes `tree_threads` about the questions.

    inputs: ``(examples, features)`` float64. targets: ``(examples,)`` classes from 0, or reals with `classes` 0. The function
    takes rows alike.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if classes:
        rounds = max(1, min(ROUNDS, MOST_TREES // (classes if classes > 2 else 1)))
        trees = HistGradientBoostingClassifier(max_iter=rounds, random_state=0)
    else:
        trees = HistGradientBoostingRegressor(max_iter=ROUNDS, random_state=0)
    with tree_threads():
        answers: Callable[[Array], Array] = trees.fit(inputs, targets).predict
    return answers


def tree_threads() -> AbstractContextManager[Any]:
    """Return in what trees take as many threads as torch does; to enter it takes longer than to ask them once."""
    import torch
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(
        torch.get_num_threads(), user_api="openmp"
    )
    return limits


def read_rows(
    examples: Examples,
    most: int | None = None,
    change: Callable[[torch.Tensor], torch.Tensor] = lambda inputs: inputs,
) -> tuple[Array, Array, Array]:
    """Return inputs ``(examples, features)`` in float64, targets (reals in float64) and ids of a split, in the order of the ids.

    most: values of inputs after which no more is read. change: of a batch of inputs, before it is made flat.
    """
    parts: list[tuple[Array, Array, Array]] = []
    values = 0
    for inputs, targets, ids in examples.batches(512):
        flat = change(inputs).flatten(1).cpu().double().numpy()
        wanted = targets.double() if targets.is_floating_point() else targets
        parts.append((flat, wanted.cpu().numpy(), ids.cpu().numpy()))
        values += flat.size
        if most is not None and values >= most:
            break
    rows, wants, order = (np.concatenate(part) for part in zip(*parts, strict=True))
    places = np.argsort(order)
    return rows[places], wants[places], order[places]
