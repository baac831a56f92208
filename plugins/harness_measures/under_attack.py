"""Verdicts of one attack on a batch, at one radius of the ball or at many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from harness.api import Attack, Budget, Chosen, Draws, MeasureContext, PluginError, call, derive


@dataclass(frozen=True)
class Verdicts:
    """What an attack did to the examples of a batch.

    stands: ``(epsilons, batch)`` bool, still correct. distance: ``(batch,)``, of a minimum-norm attack, the
    norm of the nearest perturbation that it found to change the answer; infinite where it found none.
    """

    stands: torch.Tensor
    distance: torch.Tensor | None


def classified(
    context: MeasureContext, inputs: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Return ``(batch,)`` bool: classified correctly, by finite logits."""
    with torch.inference_mode(), context.autocast():
        logits: torch.Tensor = context.model(inputs).float()
        return (logits.argmax(1) == targets) & logits.isfinite().all(1)


def attack_batch(
    context: MeasureContext,
    attack: Chosen,
    norm: str,
    epsilons: Sequence[float],
    inputs: torch.Tensor,
    targets: torch.Tensor,
    ids: torch.Tensor,
) -> Verdicts:
    """Attack examples that are classified correctly, at each epsilon.

    A perturbation that fools the model lies in every larger ball as well. So a minimum-norm attack
    runs once and its distances are compared with each epsilon. Another one starts at the largest, where a fall
    is cheap, and goes down with the examples that fell: one that stands is taken to stand at all
    smaller radii, so each example is at most once attacked without success.
    """
    assert isinstance(attack.item, Attack)

    def run(epsilon: float, part: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        budget = Budget(norm, epsilon, context.task.low, context.task.high)
        return _perturb(context, attack, budget, inputs[part], targets[part], ids[part])

    everyone = torch.arange(len(inputs), device=inputs.device)
    if attack.item.minimum_norm:
        right, sizes = run(math.inf, everyone)
        distance = sizes.masked_fill(right, math.inf)
        radii = torch.tensor(epsilons, dtype=distance.dtype, device=distance.device)
        return Verdicts(distance[None, :] > radii[:, None], distance)
    stands = torch.ones(len(epsilons), len(inputs), dtype=torch.bool, device=inputs.device)
    falling = everyone
    for place in sorted(range(len(epsilons)), key=lambda place: -epsilons[place]):
        if len(falling) == 0:
            break
        right, _ = run(epsilons[place], falling)
        falling = falling[~right]
        stands[place, falling] = False
    return Verdicts(stands, None)


def _perturb(
    context: MeasureContext,
    attack: Chosen,
    budget: Budget,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    ids: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return whether each example is still correct, and the norm of its perturbation: ``(batch,)``.

    The verdict comes from a forward pass of its own.
    """
    assert isinstance(attack.item, Attack)
    with context.autocast():
        perturbed = call(
            attack.item.perturb,
            model=context.model,
            inputs=inputs,
            targets=targets,
            budget=budget,
            draws=Draws(derive(context.seed, "attack", attack.label), ids),
            options=attack.model(),
        )
    check_inside(attack.label, inputs, perturbed, budget)
    perturbed = perturbed.detach()
    return classified(context, perturbed, targets), budget.size(perturbed - inputs)


def check_inside(label: str, inputs: torch.Tensor, perturbed: torch.Tensor, budget: Budget) -> None:
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
    spread = {"linf": 1.0, "l2": math.sqrt(coordinates), "l1": coordinates, "l0": 0.0}
    allowed = budget.epsilon * (1 + 1e-5) + rounding * spread[budget.norm]
    largest = budget.size(perturbed - inputs).amax()
    if largest > allowed:
        raise PluginError(
            f"attack {label} left the {budget.norm} ball: a perturbation has the norm "
            f"{largest:.6g}, and epsilon is {budget.epsilon:.6g}"
        )
