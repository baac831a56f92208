"""Fits with techniques, and what was seen of them step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from train_cases import sgd, small_net, split, training

from harness.api.training import Fitting, TrainingHooks
from harness.train.fit import FitResult, fit


class Watch(TrainingHooks):
    """Keeps copies of weights, real-valued buffers and gradients; put it last to see what the others leave."""

    def begin(self, fitting: Fitting) -> None:
        self.model = fitting.model
        self.weights = [self.now()]
        self.gradients_seen: list[Tensor] = []
        self.epochs: list[Tensor] = []

    def now(self) -> Tensor:
        buffers = [b for b in self.model.buffers() if b.is_floating_point()]
        return torch.cat([v.detach().flatten() for v in (*self.model.parameters(), *buffers)])

    def before_step(self) -> None:
        self.gradients_seen.append(
            torch.cat([p.grad.flatten() for p in self.model.parameters() if p.grad is not None])
        )

    def after_step(self) -> None:
        self.weights.append(self.now())

    def after_epoch(self, epoch: int) -> None:
        self.epochs.append(self.now())


def fitted(
    *hooks: Callable[[], TrainingHooks], net: nn.Module | None = None, **changes: Any
) -> tuple[nn.Module, Watch, FitResult]:
    """Return a small network after its fit with techniques, what was seen, and the result."""
    watch, net = Watch(), small_net() if net is None else net
    how = {"make_optimizer": sgd(0.05, momentum=0.9), "epochs": 3, **changes}
    found = fit(
        net, training(techniques=[*hooks, lambda: watch], **how), split(), split(30, seed=1)
    )
    return net, watch, found
