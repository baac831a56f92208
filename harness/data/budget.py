"""The set that an adversarial perturbation may come from: a norm ball inside the data's box."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from harness.data.draws import Draws


NORMS = ("linf", "l2", "l1", "l0")


@dataclass(frozen=True)
class Budget:
    """A ball of radius `epsilon` (data units) in `norm`, inside the box [low, high].

    norm: "linf", "l2", "l1" or "l0"; in "l0" `epsilon` counts the coordinates that may change.
    epsilon: 0 or more; infinite for an attack that looks for the nearest perturbation.
    """

    norm: str
    epsilon: float
    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse another norm."""
        if self.norm not in NORMS:
            raise ValueError(f"norm {self.norm!r} is none of {', '.join(NORMS)}")

    def size(self, delta: torch.Tensor) -> torch.Tensor:
        """Return the norm of each perturbation, ``(batch, *shape)`` -> ``(batch,)``."""
        flat = delta.flatten(1)
        if self.norm == "linf":
            return flat.abs().amax(1)
        orders = {"l2": 2, "l1": 1, "l0": 0}
        size: torch.Tensor = flat.norm(orders[self.norm], dim=1)
        return size

    def project(self, delta: torch.Tensor) -> torch.Tensor:
        """Return the nearest perturbation inside the ball, ``(batch, *shape)``, in Euclid's sense."""
        if self.norm == "linf":
            return delta.clamp(-self.epsilon, self.epsilon)
        if self.norm == "l1":
            return _project_l1(delta.flatten(1), self.epsilon).view_as(delta)
        if self.norm == "l0":
            return _keep_largest(delta.flatten(1), self.epsilon).view_as(delta)
        size = self.size(delta).clamp_min(1e-12)
        factor = (self.epsilon / size).clamp_max(1.0)
        return delta * factor.view(-1, *[1] * (delta.dim() - 1))

    def clip(self, inputs: torch.Tensor, perturbed: torch.Tensor) -> torch.Tensor:
        """Return `perturbed` brought into the ball around `inputs` and then into the box.

        The result is in both, as moving into the box brings every coordinate nearer to its input. In
        Linf it is the nearest such point; in the other norms a nearer one may exist.
        """
        return (inputs + self.project(perturbed - inputs)).clamp(self.low, self.high)

    def random(self, inputs: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Return a point drawn uniformly from the ball around each input, moved into the box.

        Linf: every coordinate is uniform in [-epsilon, epsilon]. L2 and L1: a direction, normal or
        exponential with random signs and divided by its size, times epsilon * u^(1/d) for d
        coordinates (Muller 1959; Schechtman & Zinn 1990 for L1). L0: `epsilon` coordinates, chosen
        at random, are uniform in the box. An infinite ball gives a point uniform in the box.

        inputs: ``(batch, *shape)`` in the box, on the device of the draws.
        """
        shape = tuple(inputs.shape[1:])
        if self.norm == "l0" or math.isinf(self.epsilon):
            anywhere = draws.uniform("start", shape).to(inputs.dtype)
            delta = self.low + (self.high - self.low) * anywhere - inputs
            if not math.isinf(self.epsilon):
                chosen = draws.uniform("start/chosen", shape).flatten(1)
                kept = _keep_largest(1.0 - chosen, self.epsilon)  # in (0, 1], so never 0 itself
                delta = delta * (kept > 0).view_as(delta)
        elif self.norm == "linf":
            uniform = draws.uniform("start", shape).to(inputs.dtype)
            delta = (2.0 * uniform - 1.0) * self.epsilon
        else:
            delta = self._random_direction(shape, draws).to(inputs.dtype)
            radius = draws.uniform("start/radius").to(inputs.dtype) ** (1.0 / inputs[0].numel())
            factor = self.epsilon * radius / self.size(delta).clamp_min(1e-12)
            delta = delta * factor.view(-1, *[1] * len(shape))
        return self.clip(inputs, inputs + delta)

    def _random_direction(self, shape: tuple[int, ...], draws: Draws) -> torch.Tensor:
        """Return draws whose density depends on their L2 or L1 norm alone."""
        if self.norm == "l2":
            return draws.normal("start/direction", shape)
        sizes = -(-draws.uniform("start/direction", shape)).log1p()
        return sizes * (1.0 - 2.0 * (draws.uniform("start/sign", shape) < 0.5))


def _project_l1(delta: torch.Tensor, radius: float) -> torch.Tensor:
    """Return the Euclidean projection of each row ``(batch, d)`` on the L1 ball.

    Rows outside are shrunk, every coordinate by the same amount and to no less than zero; the amount
    is found by sorting (Duchi et al. 2008, "Efficient projections onto the l1-ball", figure 1).
    """
    import torch

    sizes = delta.abs()
    if radius <= 0:
        return torch.zeros_like(delta)
    descending = sizes.sort(dim=1, descending=True).values
    places = torch.arange(1, delta.shape[1] + 1, device=delta.device, dtype=delta.dtype)
    shrinks = (descending.cumsum(1) - radius) / places
    count = (descending > shrinks).sum(1, keepdim=True).clamp_min(1)
    shrink = shrinks.gather(1, count - 1).clamp_min(0.0)
    return delta.sign() * (sizes - shrink).clamp_min(0.0)


def _keep_largest(delta: torch.Tensor, count: float) -> torch.Tensor:
    """Return each row ``(batch, d)`` with all but its `count` largest coordinates set to zero."""
    import torch

    if count >= delta.shape[1]:
        return delta.clone()
    kept = delta.abs().topk(int(count), dim=1).indices
    return torch.zeros_like(delta).scatter(1, kept, delta.gather(1, kept))
