"""Small batches and networks that objectives are tried on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws, Task


def task(problem: str = "classification", **changes: Any) -> Task:
    values: dict[str, Any] = {"outputs": 3, "low": 0.0, "high": 1.0, "input_shape": (6,)}
    return Task(modality="table", problem=problem, **(values | changes))


def draws(count: int, key: int = 5) -> Draws:
    return Draws(key, torch.arange(count) + 11)


def batch(count: int = 8) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    return nn.Linear(6, 3), torch.rand(count, 6), torch.arange(count) % 3


def moody_net() -> nn.Sequential:
    """A network in training mode that behaves differently in evaluation mode; its norm has seen
    something.
    """
    torch.manual_seed(2)
    net = nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Dropout(0.3), nn.Linear(16, 3)
    )
    for _ in range(20):
        net(torch.rand(16, 6))
    return net.train()


def move(at: Tensor, gradient: Tensor, size: float, inputs: Tensor, budget: Budget) -> Tensor:
    """One step of projected gradient ascent, example by example, as a textbook has it."""
    rows = []
    for x, x0, g in zip(at, inputs, gradient, strict=True):
        if budget.norm == "linf":
            moved = x + size * g.sign()
            delta = torch.min(
                torch.max(moved - x0, -torch.ones(6) * budget.epsilon), x0 * 0 + budget.epsilon
            )
        else:
            delta = x + size * g / g.square().sum().sqrt() - x0
            length = delta.square().sum().sqrt()
            if length > budget.epsilon:
                delta = delta * budget.epsilon / length
        rows.append((x0 + delta).clamp(budget.low, budget.high))
    return torch.stack(rows)
