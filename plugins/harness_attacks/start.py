"""Where a search starts: uniformly in the ball, by draws that belong to the example."""

from __future__ import annotations

import torch

from harness.api import Budget, Draws


def random_start(inputs: torch.Tensor, budget: Budget, draws: Draws) -> torch.Tensor:
    """Return a point drawn uniformly from the ball around each input, clipped to the box.

    Linf: every coordinate is uniform in [-epsilon, epsilon]. L2: a normal vector gives the
    direction, and the radius is epsilon * u^(1/d) for d coordinates (Muller 1959).

    inputs: ``(batch, *shape)``.
    """
    shape = tuple(inputs.shape[1:])
    if budget.norm == "linf":
        delta = (2.0 * draws.uniform("start", shape) - 1.0) * budget.epsilon
    else:
        normal = draws.normal("start/direction", shape)
        radius = budget.epsilon * draws.uniform("start/radius") ** (1.0 / inputs[0].numel())
        size = budget.size(normal).clamp_min(1e-12)
        delta = normal * (radius / size).view(-1, *[1] * len(shape))
    return budget.clip(inputs, inputs + delta.to(inputs.dtype))
