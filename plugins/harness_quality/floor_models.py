"""Models that any other should beat: each learns from training examples and answers for the test examples.

Inputs are ``(examples, features)`` float64; targets classes from 0 ``(examples,)``, or reals, of a linear model also
several an example ``(examples, targets)``. Answers are classes ``(examples,)``, or reals in the targets' unit and shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from harness.api.measuring import fit_trees, tree_threads

Array = np.ndarray[Any, Any]

FAR = 20.0  # deviations from the mean of training, where inputs of the linear model end


def linear(inputs: Array, targets: Array, classes: int, test: Array) -> Array:
    """Answer with logistic or ridge regression on standardised inputs.

    They minimise the sum of the losses plus half the squared length of the weights (classes), or plus the squared
    length (reals), the bias apart: what scikit-learn's `LogisticRegression` and `Ridge` do by default, whose import
    takes longer than the fit.
    """
    if not classes:
        return ridge(inputs, targets)(test)
    standardised = _standardiser(inputs)
    weights, bias = logistic(
        standardised(inputs), torch.from_numpy(targets.astype(np.int64)), classes
    )
    return np.asarray((standardised(test) @ weights + bias).argmax(1).numpy())


def ridge(inputs: Array, targets: Array) -> Callable[[Array], Array]:
    """Return the answers of ridge regression, with a penalty of 1, on standardised inputs: a function of inputs."""
    standardised = _standardiser(inputs)
    middle = targets.mean(axis=0, dtype=np.float64)
    known, wanted = standardised(inputs), torch.from_numpy(targets.astype(np.float64) - middle)
    centre = known.mean(0)
    known = known - centre
    gram = known.T @ known + torch.eye(known.shape[1], dtype=known.dtype)
    weights = torch.linalg.solve(gram, known.T @ wanted)
    return lambda asked: np.asarray(((standardised(asked) - centre) @ weights).numpy() + middle)


def _standardiser(inputs: Array) -> Callable[[Array], torch.Tensor]:
    mean, deviation = inputs.mean(axis=0), inputs.std(axis=0)
    deviation = np.where(deviation > 1e-6 * np.abs(mean), deviation, np.inf)
    return lambda examples: torch.from_numpy(((examples - mean) / deviation).clip(-FAR, FAR))


def logistic(
    known: torch.Tensor, targets: torch.Tensor, classes: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weights ``(features, classes)`` and biases by L-BFGS (scipy's; torch's imports torch's compiler first).

    known: standardised ``(examples, features)``, float64. targets: ``(examples,)``.
    """
    from scipy.optimize import minimize

    features = known.shape[1]
    penalty = (2 if classes == 2 else 1) / len(known)  # of the difference of the two columns
    wanted = functional.one_hot(targets, classes).to(known.dtype)

    def parts(values: Array) -> tuple[torch.Tensor, torch.Tensor]:
        found = torch.from_numpy(values).reshape(features + 1, classes)
        return found[:-1], found[-1]

    def loss(values: Array) -> tuple[float, Array]:
        weights, bias = parts(values)
        logs = functional.log_softmax(known @ weights + bias, dim=1)
        off = (logs.exp() - wanted) / len(known)  # the gradient of the logits, (examples, classes)
        value = -(logs * wanted).sum() / len(known) + penalty / 2 * weights.square().sum()
        gradient = torch.cat([known.T @ off + penalty * weights, off.sum(0, keepdim=True)])
        return float(value), gradient.flatten().numpy()

    start = np.zeros((features + 1) * classes)
    options = {"maxiter": 100, "gtol": 1e-5, "ftol": 1e-12}
    return parts(minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x)


def boosted_trees(inputs: Array, targets: Array, classes: int, test: Array) -> Array:
    """Answer with scikit-learn's boosted trees, as `fit_trees` has them."""
    answer = fit_trees(inputs, targets, classes)
    with tree_threads():
        return answer(test)
