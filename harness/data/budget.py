"""The set that an adversarial perturbation may come from: a norm ball inside the data's box."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from harness.data.l1_projection import project_l1

if TYPE_CHECKING:
    import torch

    from harness.data.draws import Draws
    from harness.data.text_code import TextCode


NORMS = ("linf", "l2", "l1", "l0", "edits")


@dataclass(frozen=True)
class Budget:
    """A ball of radius `epsilon` (data units) in `norm`, inside the box [low, high].

    norm: "linf", "l2", "l1" or "l0"; in "l0" `epsilon` counts the coordinates that may change. In "edits", of numbers of
        things, it counts insertions, deletions, substitutions and swaps of neighbours (`distance` alone is for it).
    epsilon: 0 or more; infinite for an attack that looks for the nearest perturbation.
    text: how inputs are texts, where they are; padding is no part of one.
    """

    norm: str
    epsilon: float
    low: float
    high: float
    text: TextCode | None = None

    def __post_init__(self) -> None:
        """Refuse another norm."""
        if self.norm not in NORMS:
            raise ValueError(f"norm {self.norm!r} is none of {', '.join(NORMS)}")

    def distance(self, inputs: torch.Tensor, perturbed: torch.Tensor) -> torch.Tensor:
        """Return how far perturbed inputs ``(batch, *shape)`` are from the inputs, in the norm: ``(batch,)``."""
        if self.norm != "edits":
            return self.size(perturbed - inputs)
        import torch

        from harness.data.edit_distance import edit_distances

        padding = None if self.text is None else self.text.padding
        found = edit_distances(inputs.cpu().numpy(), perturbed.cpu().numpy(), padding)
        return torch.from_numpy(found).to(inputs.device, torch.float32)

    def size(self, delta: torch.Tensor) -> torch.Tensor:
        """Return the norm of each perturbation, ``(batch, *shape)`` -> ``(batch,)``."""
        flat = delta.flatten(1)
        if self.norm == "linf":
            return flat.abs().amax(1)
        orders = {"l2": 2, "l1": 1, "l0": 0}
        size: torch.Tensor = flat.norm(orders[self.norm], dim=1)
        return size

    def project(self, delta: torch.Tensor, radius: torch.Tensor | None = None) -> torch.Tensor:
        """Return the nearest perturbation inside the ball, ``(batch, *shape)``, in Euclid's sense.

        radius: ``(batch,)``, of a ball for each perturbation; None: `epsilon` for all.
        """
        shape = (-1, *[1] * (delta.dim() - 1))
        limit: Any = self.epsilon if radius is None else radius.view(shape)
        if self.norm == "linf":
            return delta.clamp(-limit, limit)
        if self.norm == "l2":
            factor = (limit / self.size(delta).clamp_min(1e-12).view(shape)).clamp_max(1.0)
            return delta * cast("torch.Tensor", factor)
        if self.norm == "l1":
            limits = self.epsilon if radius is None else radius
            return project_l1(delta.new_zeros(()).expand_as(delta), delta, limits)
        flat = delta.flatten(1)
        if radius is None:
            radius = flat.new_full((len(flat),), self.epsilon)
        return _keep_largest(flat, radius[:, None]).view_as(delta)

    def clip(
        self, inputs: torch.Tensor, perturbed: torch.Tensor, radius: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return `perturbed` brought into the ball around `inputs` and into the box.

        In edits it is the input where the perturbed one lies outside. In Linf and L1 it is the nearest point of both. In L2 and L0 it is the nearest of the ball, moved
        into the box, which brings every coordinate nearer to its input; a nearer one may exist.

        radius: ``(batch,)``, of a ball for each input; None: `epsilon` for all.
        """
        limits: Any = self.epsilon if radius is None else radius
        if self.norm == "edits":
            outside = self.distance(inputs, perturbed) > limits
            return perturbed.where(~outside.view(-1, *[1] * (inputs.dim() - 1)), inputs)
        if self.norm == "l1":
            return project_l1(inputs, perturbed, limits, self.low, self.high)
        delta = perturbed - inputs
        if self.norm == "linf" and radius is None:
            delta.clamp_(-self.epsilon, self.epsilon)  # in place: the hottest lines of an attack
        else:
            delta = self.project(delta, radius)
        return delta.add_(inputs).clamp_(self.low, self.high)

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
                chosen = draws.uniform("start/chosen", shape)
                kept = self.project(1.0 - chosen)  # in (0, 1], so never 0 itself
                delta = delta * (kept > 0)
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


def _keep_largest(delta: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
    """Return each row ``(batch, d)`` with all but its `count` largest coordinates set to zero.

    Of coordinates that are equal the first are kept, whatever other rows keep. count: ``(batch, 1)``.
    """
    import torch

    every = delta.shape[1]
    count = count.clamp(0, every).long()
    most = every if delta.is_cuda else max([1, *count.flatten().tolist()])
    sizes = delta.abs()
    least = sizes.topk(most, dim=1).values.gather(1, count.clamp_min(1) - 1)
    above, equal = sizes > least, sizes == least
    kept = above | (equal & (equal.cumsum(1) <= count - above.sum(1, keepdim=True)))
    return torch.where(kept & (count > 0), delta, 0.0)
