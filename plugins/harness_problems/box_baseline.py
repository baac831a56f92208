"""The outputs of detection that know no image, with the least loss: what a model is to beat."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness_problems.boxes import generalized_overlap
from harness_problems.detection import (
    BOX,
    FARTHEST,
    STRIDE,
    assign,
    focal,
    middleness,
    places,
    widened,
)

Array = np.ndarray[Any, Any]


def baseline(targets: Array, width: int) -> Array:
    """Return of all outputs that are the same everywhere those with the least loss ``(5 + classes, 1, 1)``.

    The map is taken to end with the last box. Of many places in boxes a share is taken for the best box.
    """
    found = torch.as_tensor(targets)
    sides = found[..., 2:4].amax((0, 1)).div(STRIDE).ceil().int().clamp_min(1)
    across, down = (int(side) for side in sides)
    middle = places(down, across, found.device)
    far, near, weights = [], [], []
    gains, losses = torch.zeros(2, width, dtype=torch.float64)
    for part in torch.split(found, 256):
        row, asked = assign(part, down, across)
        positive = row >= 0
        share = (1 / positive.sum(1).clamp_min(1)).double()
        own = part.gather(1, row.clamp_min(0)[..., None].expand(-1, -1, part.shape[2]))
        each = share[:, None].expand_as(row)
        label = own[..., 4][positive].long()
        of_class = torch.zeros(width, dtype=torch.float64).index_add(0, label, each[positive])
        gains += of_class
        losses += (each * asked).sum() - of_class
        truth, where = own[..., :4][positive], middle.expand(len(part), -1, -1)[positive]
        far.append(torch.cat([where - truth[:, :2], truth[:, 2:] - where], 1))
        near.append(middleness(widened(truth), where))
        weights.append(each[positive])
    scale = torch.cat(weights)
    mean = float((torch.cat(near).double() * scale).sum() / scale.sum().clamp_min(1e-9))
    box = _best_box(torch.cat(far), scale)
    chances = _best_logits(gains, losses)
    best = [*box, math.log(max(mean, 1e-6) / max(1 - mean, 1e-6)), *chances.tolist()]
    return np.array(best)[:, None, None]


def _best_logits(gains: Tensor, losses: Tensor) -> Tensor:
    """Return the logits with the least focal loss, where 1 is wanted with weight `gains` and 0 with `losses` ``(classes,)``."""
    low, high = torch.full_like(gains, -20.0), torch.full_like(gains, 20.0)
    for _ in range(60):
        middle = ((low + high) / 2).requires_grad_()
        ones, zeros = focal(middle, torch.ones_like(gains)), focal(middle, torch.zeros_like(gains))
        (slope,) = torch.autograd.grad((gains * ones + losses * zeros).sum(), middle)
        low, high = (
            torch.where(slope < 0, middle, low).detach(),
            torch.where(slope < 0, high, middle).detach(),
        )
    return low


def _best_box(far: Tensor, weights: Tensor) -> list[float]:
    """Return the logarithms of the distances over the stride whose box has the least loss beside boxes ``(places, 4)``."""
    if not len(far):
        return [0.0] * BOX
    step = -(-len(far) // 20_000)
    far, weights = far[::step].double(), weights[::step]
    truth = torch.cat([-far[:, :2], far[:, 2:]], 1)
    logs = (far.clamp_min(1) / STRIDE).log().mean(0).requires_grad_()
    search = torch.optim.LBFGS([logs], max_iter=100, line_search_fn="strong_wolfe")

    def evaluate() -> Tensor:
        search.zero_grad()
        distances = STRIDE * logs.exp()
        box = torch.cat([-distances[:2], distances[2:]])
        found = (weights * (1 - generalized_overlap(box, truth))).sum() / weights.sum()
        torch.autograd.backward(found)
        return found

    search.step(evaluate)  # type: ignore[no-untyped-call]
    return [float(one) for one in logs.detach().clamp(-FARTHEST, FARTHEST)]
