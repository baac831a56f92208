"""The classes that targeted attacks aim at."""

from __future__ import annotations

import torch
from torch import Tensor

from harness_attacks.attack_problem import AttackProblem


def likeliest_others(problem: AttackProblem, count: int) -> Tensor:
    """Return the other classes by falling logits of the inputs: ``(examples, at most count)``.

    One forward pass for each example. Where there are fewer other classes, all of them.
    """
    logits = problem.logits(problem.inputs)
    others = logits.scatter(1, problem.targets.long()[:, None], -torch.inf)
    order = others.argsort(dim=1, descending=True, stable=True)
    return order[:, : max(1, min(count, logits.shape[1] - 1))]
