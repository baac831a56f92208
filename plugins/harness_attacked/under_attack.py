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
) -> Verdicts:
    """Attack examples that are classified correctly, at each epsilon.

    A perturbation that fools the model lies in every larger ball as well. So a minimum-norm attack
    runs once and its distances are compared with each epsilon. Another one starts at the largest, where fooling
    is cheap, and goes down with the fooled examples: a robust one is taken to be robust at all
    smaller radii, so each example is at most once attacked without success. A fooled one is first
    asked whether what fooled it still does when it is brought into the smaller ball (see `shrink`), which
    costs a forward pass; it is attacked there only if not. At a radius of 0 nothing is attacked. The
    verdict comes from a forward pass of its own. `witness` is shown each ball's outcome, in one or two parts.
    """
    assert isinstance(attack.item, Attack)

    def judge(budget: Budget, part: Tensor, perturbed: Tensor) -> Tensor:
        right = attacked.correct(perturbed, targets[part])
        witness(
            AttackedExamples(
                attack, budget, points[part], targets[part], ids[part], perturbed, right
            )
        )
        return right

    def run(budget: Budget, part: Tensor) -> tuple[Tensor, Tensor]:
        perturbed = attacked.attack(attack, budget, points[part], targets[part], ids[part])
        return perturbed, judge(budget, part, perturbed)

    everyone = torch.arange(len(points), device=points.device)
    if attack.item.minimum_norm:
        budget = attacked.budget(norm, math.inf)
        perturbed, right = run(budget, everyone)
        distance = budget.distance(points, perturbed).masked_fill(right, math.inf)
        radii = torch.tensor(epsilons, dtype=distance.dtype, device=distance.device)
        return Verdicts(distance[None, :] > radii[:, None], distance)
    robust = torch.ones(len(epsilons), len(points), dtype=torch.bool, device=points.device)
    fooled, fooling = everyone, None  # in the ball before, and by what
    for place in sorted(range(len(epsilons)), key=lambda place: -epsilons[place]):
        budget = attacked.budget(norm, epsilons[place])
        newly_fooled, by = fooled[:0], points[:0]
        if fooling is not None:
            shrunk = shrink(budget, points[fooled], fooling)
            right = judge(budget, fooled, shrunk)
            newly_fooled, by, fooled = fooled[~right], shrunk[~right], fooled[right]
        if len(fooled) and epsilons[place] > 0:
            perturbed, right = run(budget, fooled)
            newly_fooled, by = (
                torch.cat([newly_fooled, fooled[~right]]),
                torch.cat([by, perturbed[~right]]),
            )
        fooled, fooling = newly_fooled, by
        robust[place, fooled] = False
        if not len(fooled):
            break
    return Verdicts(robust, None)


def shrink(budget: Budget, points: Tensor, perturbed: Tensor) -> Tensor:
    """Return perturbed points ``(batch, *shape)`` of a larger ball, brought to the edge of this one.

    L2, L1: their perturbations, scaled. Linf: each coordinate goes as far as the ball allows, which fools more often
    than the scaled perturbation. L0: the largest changes. Edits: those that are inside already.
    """
    if budget.norm == "edits":
        return budget.clip(points, perturbed)
    delta = perturbed - points
    if budget.norm == "linf":
        delta = budget.epsilon * delta.sign()
    elif budget.norm != "l0":
        sizes = budget.size(delta).clamp_min(1e-12)
        delta = delta * (budget.epsilon / sizes).view(-1, *[1] * (delta.dim() - 1))
    return budget.clip(points, points + delta)
