"""PGD, projected gradient ascent on the cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from harness.api import Budget, Draws, Problem
from harness_attacks.active_batch import search_examples
from harness_attacks.attack_problem import AttackProblem, Judge, other_than_classes
from harness_attacks.gradient_steps import GradientSteps
from harness_attacks.options import PgdOptions
from harness_attacks.start import Start, random_starts


def perturb(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    budget: Budget,
    draws: Draws,
    options: PgdOptions,
    batch_size: int | None = None,
    judge: Judge | None = None,
    problem: Problem | None = None,
    larger: Sequence[Budget] = (),
) -> Tensor:
    """Return perturbed inputs ``(examples, *shape)`` inside the ball and the box.

    From a uniform start in the ball, `options.steps` times: step along the gradient (Linf: its sign, L2: its
    direction, L1: see `gradient_steps.steepest_step`), project on ball and box. By default 20 steps of
    epsilon / 4, the 2/255 in a ball of 8/255 of the authors' section 5; torchattacks takes 10 of these, foolbox
    40 of epsilon / 30. Against 2.5 epsilon / steps, as their later code scales it, examples are fooled earlier, and
    on the networks of tests/benchmarks at least as many.

    An example leaves as soon as it is fooled, and a restart goes on with those that are left, so the cost
    falls with the model's robustness: for an example that stays robust `steps` forward and backward
    passes from the first start, and one forward pass between two starts. By `options.give_up` restarts, or all starts, end where twice the
    pace of the last 4 steps would not fool the model with those that are left, or 16 times what a linear loss could gain yet (see
    `pace.follow_pace`), which spares two thirds of their steps. That misses next to nothing of ordinary networks; where gradients are masked,
    it missed 12 of 386 examples by restarts and 70 of 350 by all (`tests/evidence`), so none is given up by default. What other problems than classification climb has no pace, and no start of theirs is given up.
    The last iterate of the last start is returned without a verdict: that is the caller's.

    Source: Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks".

    inputs: ``(examples, *shape)`` in [budget.low, budget.high]. targets: ``(examples,)`` classes.
    draws: of the examples, so that a start does not depend on the batch. larger: balls that are searched after the budget's, each by
    those that no smaller one has fooled; then the result is ``(balls, examples, *shape)``, and the same as ball by ball, with a
    batch that stays fuller.
    """
    asked = other_than_classes(problem)
    searched = AttackProblem(
        model, inputs, targets, budget, draws, batch_size, judge, asked, larger
    )
    runs = options.restarts if options.random_start else 1  # another start would be the same one
    start: Start | None = random_starts(searched, runs) if options.random_start else None
    length = options.step_size * budget.epsilon
    given_up_from = {"never": runs, "restarts": 1, "all": 0}[options.give_up]
    search = GradientSteps(
        searched,
        options.steps,
        length,
        start,
        given_up_from=given_up_from if given_up_from < runs else None,
        runs=runs,
    )
    return search_examples(searched, search, runs=runs).perturbed
