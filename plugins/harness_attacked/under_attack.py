"""Verdicts of one attack on examples, at one radius of the ball or at many."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.api import Attack, Budget
from harness.api.measuring import Chosen
from harness_attacked.attacked_model import AttackedModel


@dataclass(frozen=True)
class AttackedExamples:
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

    robust: ``(epsilons, batch)`` bool, still correct. distance: ``(batch,)``, of a minimum-norm attack, the
    norm of the nearest perturbation that it found to change the answer; infinite where it found none.
    """

    robust: Tensor
    distance: Tensor | None


def attack_examples(
    attacked: AttackedModel,
    attack: Chosen,
    norm: str,
    epsilons: Sequence[float],
    points: Tensor,
    targets: Tensor,
    ids: Tensor,
    witness: Callable[[AttackedExamples], None],
    proved: Tensor | None = None,
) -> Verdicts:
    """Attack examples that are classified correctly, at each epsilon.

    A perturbation that fools the model lies in every larger ball as well. So a minimum-norm attack
    runs once and its distances are compared with each epsilon. Another one goes up from the smallest radius with
    those that stand: what it fooled there stays fooled, and so no verdict is milder than the attack's own in that ball
    alone. That an example stands in a large ball says nothing of a smaller one: a single step of that length may go
    too far, and where gradients are masked long steps find less than short ones. At a radius of 0 nothing is
    attacked, nor what is proved to stand. The verdict comes from a forward pass of its own. `witness` is shown each ball's outcome, with all examples.

    proved: ``(epsilons, batch)`` bool, that no perturbation in that ball fools the model; None: of nothing.
    """
    assert isinstance(attack.item, Attack)
    everyone = torch.arange(len(points), device=points.device)

    def run(budget: Budget, part: Tensor) -> tuple[Tensor, Tensor]:
        perturbed = attacked.attack(attack, budget, points[part], targets[part], ids[part])
        return perturbed, attacked.correct(perturbed, targets[part])

    def show(budget: Budget, perturbed: Tensor, right: Tensor) -> None:
        witness(AttackedExamples(attack, budget, points, targets, ids, perturbed, right))

    if attack.item.minimum_norm:
        budget = attacked.budget(norm, math.inf)
        perturbed, right = run(budget, everyone)
        show(budget, perturbed, right)
        distance = budget.distance(points, perturbed).masked_fill(right, math.inf)
        radii = torch.tensor(epsilons, dtype=distance.dtype, device=distance.device)
        return Verdicts(distance[None, :] > radii[:, None], distance)
    robust = torch.ones(len(epsilons), len(points), dtype=torch.bool, device=points.device)
    standing, perturbed = everyone, points
    for place in sorted(range(len(epsilons)), key=lambda place: epsilons[place]):
        if epsilons[place] == 0:
            continue
        budget = attacked.budget(norm, epsilons[place])
        doubtful = standing if proved is None else standing[~proved[place, standing]]
        if len(doubtful):
            found, right = run(budget, doubtful)
            perturbed = perturbed.index_copy(0, doubtful, found)
            standing = standing[~torch.isin(standing, doubtful[~right])]
        robust[place] = torch.isin(everyone, standing)
        show(budget, perturbed, robust[place])
    return Verdicts(robust, None)
