"""AutoAttack: an ensemble of attacks without settings, each on the examples that are still robust."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws
from harness_attacks import apgd, fab, square
from harness_attacks.active_batch import SearchResult
from harness_attacks.attack_problem import AttackProblem, Judge
from harness_attacks.options import (
    ApgdOptions,
    ApgdTOptions,
    AutoAttackOptions,
    FabOptions,
    FabTOptions,
    SquareOptions,
)

Stage = Callable[[AttackProblem], SearchResult]

EOT_SAMPLES = 20


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: AutoAttackOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
) -> Tensor:
    """Return perturbed inputs ``(examples, *shape)`` inside the ball and the box.

    The stages of `stages`, each on the examples that none before has fooled, with draws of its own. An
    example that is fooled leaves at once and costs nothing more; one that stays robust costs in standard (Linf, L2) 1,000
    gradients by APGD, 900 by FAB with at most as many forward passes, and 5,000 queries by Square. An example
    that withstands all is returned as it was given. In a ball of radius 0 nothing is tried.

    Source: Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse
    parameter-free attacks", arXiv:2003.01690; in L1: Croce & Hein 2021, "Mind the box", arXiv:2103.01208.
    """
    if budget.epsilon == 0:
        return inputs.detach().clone()
    problem = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge)
    return attack_in_turn(problem, stages(options, budget.norm))


def attack_in_turn(problem: AttackProblem, attacks: Sequence[tuple[str, Stage]]) -> Tensor:
    """Return perturbed inputs by named attacks in turn, each on the examples that none before has fooled."""
    perturbed = problem.inputs.detach().clone()
    remaining = torch.arange(len(perturbed), device=perturbed.device)
    for name, stage in attacks:
        if len(remaining) == 0:
            break
        part = replace(
            problem,
            inputs=problem.inputs[remaining],
            targets=problem.targets[remaining],
            draws=problem.draws.select(remaining).at(name),
        )
        found = stage(part)
        (rows,) = found.fooled.nonzero(as_tuple=True)
        # a batch of others rounds otherwise: one that is fooled by a hair only goes on
        rows = rows[~part.correct(found.perturbed[rows], part.targets[rows])]
        perturbed[remaining[rows]] = found.perturbed[rows]
        stays = torch.ones_like(found.fooled)
        stays[rows] = False
        remaining = remaining[stays]
    return perturbed


def stages(options: AutoAttackOptions, norm: str) -> list[tuple[str, Stage]]:
    """Return the named attacks of a version, in their order.

    standard: apgd-ce, apgd-t (9 targets; L1: 5), fab-t (9), square with 5,000 queries; in L1 apgd-ce has
    5 restarts, and both APGD go through larger balls first. plus: apgd-ce, apgd-dlr and fab with 5
    restarts each, square, apgd-t (9), fab-t (9); in L1 without larger balls. rand: apgd-ce and apgd-dlr, the
    gradient averaged over 20 calls.
    """
    kept: dict[str, Any] = {"reference": options.reference, "seed": options.seed}
    if options.version == "rand":
        once = ApgdOptions(eot_samples=EOT_SAMPLES, epsilon_schedule=False, **kept)
        return [
            ("apgd-ce", lambda part: apgd.climb(part, "ce", once)),
            ("apgd-dlr", lambda part: apgd.climb(part, "dlr", once)),
        ]
    standard, in_l1 = options.version == "standard", norm == "l1"
    restarts = 1 if standard and not in_l1 else 5
    climbs = ApgdOptions(restarts=restarts, epsilon_schedule=standard, **kept)
    aimed = ApgdTOptions(targets=5 if standard and in_l1 else 9, epsilon_schedule=standard, **kept)
    around, around_aimed = FabOptions(restarts=5, **kept), FabTOptions(**kept)
    queries = SquareOptions(**kept)
    found: dict[str, Stage] = {
        "apgd-ce": lambda part: apgd.climb(part, "ce", climbs),
        "apgd-dlr": lambda part: apgd.climb(part, "dlr", climbs),
        "fab": lambda part: fab.attack(part, around, targeted=False),
        "square": lambda part: square.attack(part, queries),
        "apgd-t": lambda part: apgd.climb_targeted(part, aimed),
        "fab-t": lambda part: fab.attack(part, around_aimed, targeted=True),
    }
    order = ("apgd-ce", "apgd-t", "fab-t", "square") if standard else tuple(found)
    return [(name, found[name]) for name in order]
