"""FAB, the fast adaptive boundary attack: along the linearised decision boundary to its nearest point."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws
from harness_attacks.active_batch import SearchResult, search_examples
from harness_attacks.attack_problem import AttackProblem, Judge
from harness_attacks.boundary_search import BoundarySearch, Nearest
from harness_attacks.goals import likeliest_others
from harness_attacks.options import FabOptions, FabTOptions


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: FabOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
) -> Tensor:
    """Return perturbed inputs ``(examples, *shape)``: the nearest found that is misclassified, or the input.

    Each of `options.steps` iterations takes the nearest of all linearised class boundaries, which needs a
    backward pass a class; see `attack`. With a finite epsilon an example leaves with the first
    misclassified point inside the ball.

    Source: Croce & Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary
    attack", arXiv:1907.02044.

    inputs: ``(examples, *shape)`` in [budget.low, budget.high]. targets: ``(examples,)`` classes.
    draws: of the examples, so that a start does not depend on the batch.
    """
    problem = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge)
    return attack(problem, options, targeted=False).perturbed


def perturb_targeted(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: FabTOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
) -> Tensor:
    """Return perturbed inputs as `perturb` does, by runs that each aim at the boundary to one class.

    The classes with the highest logits for the input, `options.targets` of them (or all others, where there
    are fewer), the highest first; a backward pass an iteration, so the cost does not depend on the
    number of classes.
    """
    problem = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge)
    return attack(problem, options, targeted=True).perturbed


def attack(problem: AttackProblem, options: FabOptions, targeted: bool) -> SearchResult:
    """Run FAB on examples; `fooled` tells for which examples a misclassified point inside the ball was found.

    An iteration (the paper's algorithm 1) puts the hyperplane of the linearised boundary at x, takes
    the shortest steps d(x) and d(x0) that lead to it from x and from the input x0, and goes to
    x' = (1 - a) (x + eta d(x)) + a (x0 + eta d(x0)), clipped to the box, with
    a = min(||d(x)|| / (||d(x)|| + ||d(x0)||), alpha_max). Where x' is misclassified, its distance is noted
    and x' becomes x0 + beta (x' - x0).

    The first start is x0; others are x0 plus noise of half the radius of the ball (the paper: or half the
    distance found so far in that run, which its authors' code never has at that time). Where epsilon is
    infinite, the radius is the nearest distance found so far for the example, or the box's size.

    Whether x' is misclassified comes out of the evaluation that yields the gradient there. Once a run has met a
    misclassified point, nearly every x' is one and moves back, so it is first asked about by a forward pass
    alone; on a GPU always, as the host cannot choose rows without waiting. So an example that never
    crosses the boundary costs `steps` gradients a run and one forward pass; where it crosses, at most one
    gradient a run and one forward pass an iteration are added.

    Unlike the authors' code, a step goes beyond the boundary by at least what rounding lets one see: in float32,
    and all the more in lower precision, x can land on a tie, where their steps have no length.

    targeted: options are `FabTOptions`; run r aims at the class of rank r // restarts among the others.
    In `options.reference` mode all examples are in the batch at once, and noise comes from one generator that
    is seeded as the authors' is, in the order of their code.
    """
    if options.reference:
        problem = replace(problem, batch_size=None)
    runs, goals = options.restarts, None
    if targeted:
        assert isinstance(options, FabTOptions)
        goals = likeliest_others(problem, options.targets)
        runs *= goals.shape[1]
    nearest = None if math.isfinite(problem.budget.epsilon) else Nearest.none(problem.inputs)
    generator = torch.Generator().manual_seed(options.seed) if options.reference else None
    waits = problem.inputs.device.type == "cpu"
    search = BoundarySearch(problem, options, goals, nearest, generator, waits)
    found = search_examples(problem, search, runs=runs, seen=True)
    if nearest is None:
        return found
    return SearchResult(nearest.points, nearest.sizes.isfinite())
