"""The set that an adversarial perturbation may come from: a norm ball inside the data's box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Budget:
    """A ball of radius `epsilon` (data units) in `norm`, inside the box [low, high].

    norm: "linf" or "l2".
    """

    norm: str
    epsilon: float
    low: float
    high: float

    def size(self, delta: torch.Tensor) -> torch.Tensor:
        """Return the norm of each perturbation, ``(batch, *shape)`` -> ``(batch,)``."""
        flat = delta.flatten(1)
        return flat.abs().amax(1) if self.norm == "linf" else flat.norm(dim=1)

    def project(self, delta: torch.Tensor) -> torch.Tensor:
        """Return the nearest perturbation inside the ball, ``(batch, *shape)``."""
        if self.norm == "linf":
            return delta.clamp(-self.epsilon, self.epsilon)
        size = self.size(delta).clamp_min(1e-12)
        factor = (self.epsilon / size).clamp_max(1.0)
        return delta * factor.view(-1, *[1] * (delta.dim() - 1))

    def clip(self, inputs: torch.Tensor, perturbed: torch.Tensor) -> torch.Tensor:
        """Return `perturbed` brought into the ball around `inputs` and then into the box."""
        return (inputs + self.project(perturbed - inputs)).clamp(self.low, self.high)
