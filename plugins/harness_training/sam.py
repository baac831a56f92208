"""`sam`: steps along the gradient at the worst weights nearby."""

from __future__ import annotations

from collections.abc import Callable

import torch

from harness.api.training import Fitting, TrainingHooks
from harness_training.options import SamOptions
from harness_training.running_statistics import held_still


class Sam(TrainingHooks):
    """Sharpness-aware minimization: Foret, Kleiner, Mobahi & Neyshabur 2021, algorithm 1 with p = 2.

    The gradient of the step is that at w + rho g / ||g||, where g is the gradient at w and the norm is over all parameters.
    With `adaptive` the step to there is rho w^2 g / ||w g||, which does not change with the scale of a layer
    (Kwon, Kim, Park & Choi 2021, "ASAM", equation 8). It costs a second pass in each step, in which
    running statistics stay as they are.
    """

    def __init__(self, options: SamOptions) -> None:
        """Take the radius."""
        self.options = options

    def begin(self, fitting: Fitting) -> None:
        """Take the parameters."""
        self.model = fitting.model
        self.parameters = [p for group in fitting.optimizer.param_groups for p in group["params"]]

    def gradients(self, compute: Callable[[], None]) -> None:
        """Compute the gradient here, and then there."""
        compute()
        moved = [parameter for parameter in self.parameters if parameter.grad is not None]
        with torch.no_grad():
            here = [parameter.clone() for parameter in moved]
            slopes = [parameter.grad for parameter in moved]
            scales = [parameter.abs() if self.options.adaptive else 1.0 for parameter in moved]
            scaled = [scale * slope for scale, slope in zip(scales, slopes, strict=True)]
            norm = torch.linalg.vector_norm(torch.stack([part.norm() for part in scaled]))
            length = self.options.rho / norm.clamp_min(1e-12)
            for parameter, scale, part in zip(moved, scales, scaled, strict=True):
                parameter.add_(scale * part * length)
        with held_still(self.model):
            compute()
        with torch.no_grad():
            for parameter, old in zip(moved, here, strict=True):
                parameter.copy_(old)
