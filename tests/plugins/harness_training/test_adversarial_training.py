"""Training with each objective against an attack that knows nothing of it: digits, a small network."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from harness.api import Budget, Draws, Task
from harness.data.prepared import SplitExamples
from harness.train.fit import Training, fit
from harness_training import cross_entropy, fast_at, pgd_at, trades
from harness_training.grad_align import misalignment
from harness_training.options import (
    CrossEntropyOptions,
    FastAtOptions,
    PgdAtOptions,
    TradesOptions,
)

TASK = Task(
    modality="image",
    problem="classification",
    input_shape=(1, 8, 8),
    outputs=10,
    low=0.0,
    high=1.0,
    scale=1 / 16,
)
EPSILON = {"linf": 0.125, "l2": 0.8}
ROBUST: dict[str, Callable[[str], Any]] = {
    "pgd-at": lambda norm: pgd_at.build(
        TASK, PgdAtOptions.model_validate({"epsilon": EPSILON[norm], "norm": norm, "steps": 5})
    ),
    "trades": lambda norm: trades.build(
        TASK, TradesOptions.model_validate({"epsilon": EPSILON[norm], "norm": norm, "steps": 5})
    ),
    "fast-at": lambda norm: fast_at.build(
        TASK, FastAtOptions.model_validate({"epsilon": EPSILON[norm], "norm": norm})
    ),
}


@cache
def split(name: str) -> SplitExamples:
    digits = load_digits()
    part = slice(0, 1100) if name == "train" else slice(1100, None)
    inputs, targets = digits.images[part][:, None].astype(np.uint8), digits.target[part]
    places = np.arange(len(targets))
    return SplitExamples(inputs, places, targets, 500 + places, TASK, torch.device("cpu"))


def trained(objective: Any, epochs: int = 6) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 128),
        nn.BatchNorm1d(128),
        nn.ReLU(),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    training = Training(
        objective=objective,
        make_optimizer=lambda named: torch.optim.AdamW([p for _, p in named], 5e-3),
        make_schedule=lambda steps, curves: lambda step: 1 - step / steps,
        epochs=epochs,
        batch_size=64,
    )
    fit(model, training, split("train"))
    return model


@cache
def standard() -> nn.Module:
    return trained(cross_entropy.build(CrossEntropyOptions()))


def accuracies(model: nn.Module, norm: str) -> tuple[float, float]:
    """Accuracy on clean test examples, and after 20 steps of PGD on logits' margins."""
    (inputs, targets, _), epsilon = split("test").take(torch.arange(697)), EPSILON[norm]
    own = torch.arange(len(targets)), targets

    def margins(at: Tensor) -> Tensor:
        logits = model(at)
        others = logits.detach().clone()
        others[own] = -torch.inf
        return logits[own] - logits.gather(1, others.argmax(1, keepdim=True))[:, 0]

    found, right = inputs, margins(inputs) > 0
    clean = right.float().mean().item()
    for _ in range(20):
        at = found.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(margins(at).sum(), at)
        if norm == "linf":
            moved = found - 0.25 * epsilon * gradient.sign()
            found = torch.min(torch.max(moved, inputs - epsilon), inputs + epsilon)
        else:
            lengths = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1) + 1e-12
            delta = found - 0.25 * epsilon * gradient / lengths - inputs
            sizes = delta.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            found = inputs + delta * (epsilon / sizes).clamp_max(1)
        found = found.clamp(0, 1)
        right &= margins(found).detach() > 0
    return clean, right.float().mean().item()


@pytest.mark.parametrize(
    ("name", "norm"),
    [
        pytest.param(
            name, norm, marks=[] if (name == "trades") == (norm == "l2") else [pytest.mark.slow]
        )
        for name in ROBUST
        for norm in ("linf", "l2")
    ],
)
def test_a_robust_objective_makes_a_more_robust_model(name: str, norm: str) -> None:
    plain_clean, plain_robust = accuracies(standard(), norm)
    clean, robust = accuracies(trained(ROBUST[name](norm)), norm)
    assert plain_clean > 0.9 and clean > plain_clean - 0.1
    assert robust > plain_robust + 0.15


def test_grad_align_aligns_gradients_on_examples_not_seen() -> None:
    inputs, targets, ids = split("test").take(torch.arange(697))
    budget = Budget("linf", 0.3, 0, 1)
    plain, aligned = (
        misalignment(
            trained(fast_at.build(TASK, FastAtOptions(epsilon=0.3, grad_align=weight)), epochs=4),
            inputs,
            targets,
            budget,
            Draws(1, ids),
        ).item()
        for weight in (0.0, 1.0)
    )
    assert aligned < 0.75 * plain
