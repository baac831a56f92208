"""Verdicts of one attack on examples, at one radius of the ball or at many."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.api import Attack, Budget, Chosen
from harness_measures.victim import Victim


@dataclass(frozen=True)
class Attacked:
    """What one attack in one ball did to examples.

    points, perturbed: ``(batch, *shape)``. targets, ids: ``(batch,)``. right: ``(batch,)`` bool, still correct.
    """

    attack: Chosen
    budget: Budget
    points: Tensor
    targets: Tensor
    ids: Tensor
    perturbed: Tensor
    right: Tensor


@dataclass(frozen=True)
class Verdicts:
    """What an attack did to examples at several radii.

    stands: ``(epsilons, batch)`` bool, still correct. distance: ``(batch,)``, of a minimum-norm attack, the
    norm of the nearest perturbation that it found to change the answer; infinite where it found none.
    """

    stands: Tensor
    distance: Tensor | None


def attack_examples(
    victim: Victim,
    attack: Chosen,
    norm: str,
    epsilons: Sequence[float],
    points: Tensor,
    targets: Tensor,
    ids: Tensor,
    witness: Callable[[Attacked], None],
) -> Verdicts:
    """Attack examples that are classified correctly, at each epsilon.

    A perturbation that fools the model lies in every larger ball as well. So a minimum-norm attack
    runs once and its distances are compared with each epsilon. Another one starts at the largest, where a fall
    is cheap, and goes down with the examples that fell: one that stands is taken to stand at all
    smaller radii, so each example is at most once attacked without success. The verdict comes from
    a forward pass of its own. `witness` is shown each ball's outcome.
    """
    assert isinstance(attack.item, Attack)

    def run(epsilon: float, part: Tensor) -> tuple[Tensor, Tensor]:
        budget = victim.budget(norm, epsilon)
        given = (points[part], targets[part], ids[part])
        perturbed = victim.attack(attack, budget, *given)
        right = victim.correct(perturbed, targets[part])
        witness(Attacked(attack, budget, *given, perturbed, right))
        return right, budget.size(perturbed - points[part])

    everyone = torch.arange(len(points), device=points.device)
    if attack.item.minimum_norm:
        right, sizes = run(math.inf, everyone)
        distance = sizes.masked_fill(right, math.inf)
        radii = torch.tensor(epsilons, dtype=distance.dtype, device=distance.device)
        return Verdicts(distance[None, :] > radii[:, None], distance)
    stands = torch.ones(len(epsilons), len(points), dtype=torch.bool, device=points.device)
    falling = everyone
    for place in sorted(range(len(epsilons)), key=lambda place: -epsilons[place]):
        if len(falling) == 0:
            break
        right, _ = run(epsilons[place], falling)
        falling = falling[~right]
        stands[place, falling] = False
    return Verdicts(stands, None)
