"""Whether what an attack returned lies in the ball and the box that it was given."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness.api import Budget, PluginError


def check_inside(label: str, inputs: Tensor, perturbed: Tensor, budget: Budget) -> None:
    """Check that an attack kept to the ball and the box, up to the rounding of float32.

    Raises:
        PluginError: It did not; the message names it.
    """
    if perturbed.shape != inputs.shape:
        raise PluginError(
            f"attack {label} returned the shape {tuple(perturbed.shape)} "
            f"for inputs of {tuple(inputs.shape)}"
        )
    if not perturbed.isfinite().all():
        raise PluginError(f"attack {label} returned values that are not finite")
    rounding = 2.5e-7 * max(abs(budget.low), abs(budget.high))  # two units in the last place
    outside = torch.maximum(budget.low - perturbed, perturbed - budget.high).amax()
    if outside > rounding:
        raise PluginError(
            f"attack {label} left the box [{budget.low:g}, {budget.high:g}] by {outside:.3g}"
        )
    coordinates = inputs[0].numel()
    spread = {"linf": 1.0, "l2": math.sqrt(coordinates), "l1": coordinates, "l0": 0.0, "edits": 0.0}
    allowed = budget.epsilon * (1 + 1e-5) + rounding * spread[budget.norm]
    largest = budget.distance(inputs, perturbed).amax()
    if largest > allowed:
        raise PluginError(
            f"attack {label} left the {budget.norm} ball: a perturbation has the norm "
            f"{largest:.6g}, and epsilon is {budget.epsilon:.6g}"
        )
