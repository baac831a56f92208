"""APGD, projected gradient ascent that sets its own step sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from harness.api import Budget, Draws
from harness_attacks.active_batch import Search, SearchResult, search_examples
from harness_attacks.apgd_l1_steps import APGDL1Steps, lay_out, split_steps
from harness_attacks.apgd_steps import APGDSteps
from harness_attacks.apgd_target import APGDTarget
from harness_attacks.attack_problem import AttackProblem, Judge, spread
from harness_attacks.goals import likeliest_others
from harness_attacks.losses import cross_entropy, dlr, targeted_dlr
from harness_attacks.options import ApgdOptions, ApgdTOptions
from harness_attacks.start import Start, start_each_run

L1_RADII = (3.0, 2.0, 1.0)  # of the stages, in epsilons


def perturb_ce(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: ApgdOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
) -> Tensor:
    """Return perturbed inputs ``(examples, *shape)`` inside the ball and the box, by APGD on the cross-entropy.

    See `climb`. An example leaves with the first point that fools the model; one that stays robust has its last point.

    Source: Croce & Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse
    parameter-free attacks", arXiv:2003.01690; L1: Croce & Hein 2021, "Mind the box", arXiv:2103.01208.

    inputs: ``(examples, *shape)`` in [budget.low, budget.high]. targets: ``(examples,)`` classes.
    draws: of the examples, so that a start does not depend on the batch.
    """
    problem = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge)
    return climb(problem, "ce", options).perturbed


def perturb_dlr(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: ApgdOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
) -> Tensor:
    """Return perturbed inputs as `perturb_ce` does, by APGD on the difference of logits ratio."""
    problem = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge)
    return climb(problem, "dlr", options).perturbed


def perturb_targeted(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: ApgdTOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
) -> Tensor:
    """Return perturbed inputs as `perturb_ce` does, by APGD on the targeted DLR loss of one class after another."""
    problem = AttackProblem(model, inputs, targets, budget, draws, batch_size, judge)
    return climb_targeted(problem, options).perturbed


def climb(problem: AttackProblem, loss: Literal["ce", "dlr"], options: ApgdOptions) -> SearchResult:
    """Run APGD on examples; `fooled` tells for which examples a misclassified point was found.

    A run starts at the input plus noise: in Linf uniform and in L2 normal noise scaled to the norm epsilon,
    in L1 normal noise of the box's width, projected on ball and box. Then see `APGDSteps` (Linf, L2) and
    `APGDL1Steps` (L1). In L1 the balls have 3, 2 and 1 times epsilon for 30, 30 and 40 % of the steps, unless
    `options.epsilon_schedule` is off or there are fewer than 3 steps.

    An example that stays robust costs `steps` forward and backward passes a run and a forward pass, and in L1 two
    more of both, as each stage evaluates where it begins; one that is fooled leaves at once.

    loss: "ce" climbs a function of the cross-entropy that does not saturate, see `losses.cross_entropy`.

    In `options.reference` mode all examples are in the batch at once, and noise comes from one generator that
    is seeded as the authors' is, in the order of their code.
    """
    target = APGDTarget(cross_entropy, positive=True) if loss == "ce" else APGDTarget(dlr)
    return _fly(problem, target, options, options.restarts)


def climb_targeted(problem: AttackProblem, options: ApgdTOptions) -> SearchResult:
    """Run APGD as `climb` does, on the targeted DLR loss: `options.restarts` runs for each class aimed at.

    The classes are the `options.targets` of the highest logits for the input, or all others where there are
    fewer; the highest first.
    """
    goals = likeliest_others(problem, options.targets).repeat_interleave(options.restarts, 1)
    return _fly(problem, APGDTarget(targeted_dlr, goals), options, goals.shape[1])


def _fly(
    problem: AttackProblem, target: APGDTarget, options: ApgdOptions, runs: int
) -> SearchResult:
    if options.reference:
        problem = replace(problem, batch_size=None)
    search: Search
    if problem.budget.norm == "l1":
        epsilon, steps = problem.budget.epsilon, options.steps
        lengths: tuple[int, ...] = (steps,)
        radii: tuple[float, ...] = (epsilon,)
        if options.epsilon_schedule and steps >= len(L1_RADII):
            lengths, radii = split_steps(steps), tuple(r * epsilon for r in L1_RADII)
        stages = lay_out(lengths, radii, problem.inputs.dtype)
        noise = _noise(problem, options, unused=len(lengths) if len(lengths) > 1 else 0)
        start = _start(problem, noise, radii[0])
        search = APGDL1Steps(problem, target, start, stages, options.eot_samples)
    else:
        start = _start(problem, _noise(problem, options), problem.budget.epsilon)
        search = APGDSteps(problem, target, start, options.steps, options.rho, options.eot_samples)
    return search_examples(problem, search, runs=runs, settle=True)


def _start(problem: AttackProblem, noise: Start, radius: float) -> Start:
    """Return where runs begin: on the ball of a radius, moved into the box."""
    budget = replace(problem.budget, epsilon=radius)
    width = budget.high - budget.low

    def start(examples: Tensor, run: Tensor) -> Tensor:
        inputs, drawn = problem.inputs[examples], noise(examples, run)
        if budget.norm == "l1":
            return budget.clip(inputs, inputs + width * drawn)
        factor = budget.epsilon / (budget.size(drawn) + 1e-12)
        points = inputs + drawn * spread(factor, inputs)
        return points.clamp_(budget.low, budget.high)

    return start


def _noise(problem: AttackProblem, options: ApgdOptions, unused: int = 0) -> Start:
    """Return a function of (examples, runs) that gives noise ``(batch, *shape)``: uniform in Linf, else normal.

    unused: draws that the authors' code makes for nothing after each.
    """
    uniform = problem.budget.norm == "linf"

    def own(inputs: Tensor, draws: Draws) -> Tensor:
        shape = tuple(inputs.shape[1:])
        if uniform:
            return 2.0 * draws.uniform("start", shape).to(inputs.dtype) - 1.0
        return draws.normal("start", shape).to(inputs.dtype)

    if not options.reference:
        return start_each_run(problem, own)

    device = problem.inputs.device if unused else torch.device("cpu")
    generator = torch.Generator(device).manual_seed(options.seed)

    def theirs(examples: Tensor, run: Tensor) -> Tensor:
        shape = (len(examples), *problem.inputs.shape[1:])
        if uniform:
            drawn = 2.0 * torch.rand(shape, generator=generator) - 1.0
        else:
            drawn = torch.randn(shape, generator=generator, device=device)
            for _ in range(unused if device.type == "cpu" else 0):
                torch.randn(shape, generator=generator)
        return drawn.to(problem.inputs)

    return theirs
