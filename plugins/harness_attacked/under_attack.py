"""Verdicts of one attack on examples, at one radius of the ball or at many."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.api import Attack, Budget
from harness.api.measuring import Chosen
from harness_attacked.attacked_model import AttackedModel, goes_up


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

    An attack that asks for `larger` goes up by itself, where nothing is proved: an example that is through with one ball begins the next
    while others are still in the first. One that it took for fooled and that the verdict has standing is attacked in the next ball alone.

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
    rising = sorted(range(len(epsilons)), key=lambda place: epsilons[place])
    balls = {p: attacked.budget(norm, epsilons[p]) for p in rising if epsilons[p] > 0}
    some = proved is not None and bool(proved[list(balls)].any())
    if len(balls) > 1 and len(points) and not some and goes_up(attack):
        first, *larger = balls.values()
        through = attacked.attack(attack, first, points, targets, ids, larger=larger)
    else:
        through = None
    standing, perturbed = everyone, points
    for number, (place, budget) in enumerate(balls.items()):
        doubtful = standing if proved is None else standing[~proved[place, standing]]
        if through is not None:
            made = through[number, doubtful]
            if number:
                left = (made == through[number - 1, doubtful]).flatten(1).all(1)
                if left.any():
                    made[left] = run(budget, doubtful[left])[0]
            found, right = made, attacked.correct(made, targets[doubtful])
        elif len(doubtful):
            found, right = run(budget, doubtful)
        if len(doubtful):
            perturbed = perturbed.index_copy(0, doubtful, found)
            standing = standing[~torch.isin(standing, doubtful[~right])]
        robust[place] = torch.isin(everyone, standing)
        show(budget, perturbed, robust[place])
    return Verdicts(robust, None)
