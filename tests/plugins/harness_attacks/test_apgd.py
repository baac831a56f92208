"""APGD against its definition; test_apgd_authors.py has its authors' code, test_apgd_cost.py what it costs."""

import math
from dataclasses import replace

import pytest
import torch
from apgd_cases import EPSILON, KINDS, NORMS, climb
from attack_cases import budget, draws, mostly_slow, radius
from torch import Tensor, nn
from torch.nn import functional

from harness.api import Draws
from harness_attacks import apgd
from harness_attacks.active_batch import search_examples
from harness_attacks.apgd_l1_steps import lay_out, split_steps
from harness_attacks.apgd_steps import APGDSteps, checkpoints
from harness_attacks.apgd_target import APGDTarget, choose, look
from harness_attacks.attack_problem import AttackProblem
from harness_attacks.goals import likeliest_others
from harness_attacks.losses import cross_entropy
from harness_attacks.options import ApgdOptions, ApgdTOptions


def test_checkpoints_are_those_of_the_paper():
    """Of 100 steps: the shares 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93, 0.99."""
    table = checkpoints(100)
    (ages,) = table.nonzero(as_tuple=True)
    assert ages.tolist() == [22, 41, 57, 70, 80, 87, 93, 99]
    assert table[ages].tolist() == [22, 19, 16, 13, 10, 7, 6, 6]
    assert checkpoints(5).tolist() == [0, 1, 1, 1, 1, 1]
    assert len(checkpoints(1)) == 2


def test_stages_of_l1():
    assert split_steps(100) == (30, 30, 40)
    assert [split_steps(steps) for steps in (3, 10)] == [(1, 1, 1), (3, 3, 4)]
    stages = lay_out((30, 30, 40), (3.0, 2.0, 1.0), torch.float64)
    assert stages.radii.tolist() == [3.0] * 31 + [2.0] * 31 + [1.0] * 41
    assert stages.ends.nonzero()[:, 0].tolist() == [30, 61]
    assert stages.final.sum() == 41 and stages.final[62:].all()
    assert stages.checked.sum() == 100 and not stages.checked[[0, 31, 62]].any()
    assert lay_out((100,), (1.0,), torch.float64).checked.nonzero()[:2, 0].tolist() == [4, 8]


def bare_ascent(model, x, y, start, epsilon: float, steps: int) -> list[Tensor]:
    """Algorithm 1 of the paper in Linf, for one example, with its code's first window; every iterate."""

    def ask(point: Tensor) -> tuple[float, Tensor]:
        leaf = point.clone().requires_grad_()
        loss = functional.cross_entropy(model(leaf), y)
        (slope,) = torch.autograd.grad(loss, leaf)
        return float(loss.detach()), slope.sign()

    def project(point: Tensor) -> Tensor:
        return point.clamp(x - epsilon, x + epsilon).clamp(0, 1)

    ends, point, before, length = (
        set(checkpoints(steps).nonzero()[:, 0].tolist()),
        start,
        start,
        2 * epsilon,
    )
    loss, sign = ask(point)
    best, trace, losses = (loss, point, sign), [point], [0.0]
    at_check, halved_before, last_check = best[0], True, 0
    for step in range(1, steps + 1):
        aim = project(point + length * sign)
        share = 1.0 if step == 1 else 0.75
        following = project(point + share * (aim - point) + (1 - share) * (point - before))
        before, point = point, following
        trace.append(point)
        loss, sign = ask(point)
        losses.append(loss)
        if loss > best[0]:
            best = (loss, point, sign)
        if step in ends:
            window = range(last_check + 1, step + 1)
            rises = sum(losses[i] > losses[i - 1] for i in window)
            halved = rises <= 0.75 * len(window) or (not halved_before and at_check >= best[0])
            if halved:
                length, point, sign = length / 2, best[1], best[2]
            at_check, halved_before, last_check = best[0], halved, step
    return trace


class Recording(APGDSteps):
    """Keeps each point that is asked about."""

    def evaluate(self, state):
        self.trace.append(state["x"])
        return super().evaluate(state)


def test_every_iterate_is_that_of_a_plain_loop(digits):
    """In float64, for examples that stand; no peer's code is in it."""
    model, x, y = digits[True]
    model, x, y = nn.Sequential(*model).double(), x[:40].double(), y[:40]
    epsilon = 0.06
    try:
        problem = AttackProblem(model, x, y, budget("linf", epsilon), draws(40))
        starts = (x + epsilon * torch.where(x > 0.3, -0.5, 0.5)).clamp(0, 1)
        search = Recording(
            problem,
            APGDTarget(cross_entropy, positive=True),
            lambda examples, run: starts[examples],
            60,
        )
        object.__setattr__(search, "trace", [])
        found = search_examples(problem, search)
        standing = ~found.fooled
        assert 20 < standing.sum() < 40
        for row in standing.nonzero()[:, 0].tolist():
            one = slice(row, row + 1)
            expected = bare_ascent(model, x[one], y[one], starts[one], epsilon, 60)
            torch.testing.assert_close(found.perturbed[one], expected[-1], atol=1e-9, rtol=0)
    finally:
        model.float()


@pytest.mark.parametrize("kind", ["ce", "t"])
@pytest.mark.parametrize("norm", NORMS)
def test_any_box_gives_the_same_attack(digits, norm, kind):
    """Data times 256 minus 128, with epsilon times 256."""
    model, x, y = digits[False]
    double = nn.Sequential(*model).double()

    class Scaled(nn.Module):
        def forward(self, points: Tensor) -> Tensor:
            return double((points + 128) / 256)

    try:
        x, y, epsilon = x[:60].double(), y[:60], EPSILON[False][norm]
        settings = {"targets": 2, "steps": 30} if kind == "t" else {"steps": 30}
        plain = climb(
            AttackProblem(double, x, y, budget(norm, epsilon), draws(60)), kind, **settings
        )
        ball = budget(norm, 256 * epsilon, -128, 128)
        moved = climb(AttackProblem(Scaled(), 256 * x - 128, y, ball, draws(60)), kind, **settings)
    finally:
        double.float()
    assert 0 < plain.fooled.sum() < 60
    assert torch.equal(plain.fooled, moved.fooled)
    apart = ((moved.perturbed + 128) / 256 - plain.perturbed).abs().flatten(1).amax(1)
    assert (apart > 1e-6).sum() <= 6  # the sign of a gradient that is 0 but for rounding


@pytest.mark.parametrize("norm", NORMS)
def test_starts_are_on_the_ball_and_belong_to_example_and_run(norm):
    inputs = torch.full((30, 1, 6, 6), 0.5)
    problem = AttackProblem(
        nn.Flatten(), inputs, torch.zeros(30).long(), budget(norm, 0.4), draws(30)
    )
    noise = apgd._noise(problem, ApgdOptions())
    start = apgd._start(problem, noise, 0.3)
    examples = torch.arange(30)
    points = start(examples, torch.zeros_like(examples))
    torch.testing.assert_close(
        budget(norm, 0.3).size(points - inputs), torch.full((30,), 0.3), atol=1e-5, rtol=0
    )
    mixed = start(torch.tensor([4, 9, 4]), torch.tensor([0, 0, 1]))
    assert torch.equal(mixed[:2], points[[4, 9]])
    assert not torch.equal(mixed[2], points[4])


def test_goals_are_the_likeliest_other_classes():
    logits = torch.tensor([[3.0, 1.0, 2.0, 0.0], [0.0, 9.0, 4.0, 5.0]])
    problem = AttackProblem(
        nn.Identity(), logits, torch.tensor([0, 1]), budget("linf", 1), draws(2)
    )
    assert likeliest_others(problem, 9).tolist() == [[2, 1, 3], [3, 2, 0]]
    assert likeliest_others(problem, 2).tolist() == [[2, 1], [3, 2]]


def test_gradients_are_averaged_over_samples():
    class Alternating(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x * torch.tensor([[1.0, self.calls]])

    model, x = Alternating(), torch.tensor([[0.2, 0.1]])
    problem = AttackProblem(model, x, torch.tensor([0]), budget("linf", 1), draws(1))
    state = {"x": x, "targets": problem.targets}
    fooled, gradient = look(problem, APGDTarget(cross_entropy), state, 4)
    torch.testing.assert_close(gradient, torch.tensor([[-1.0, 2.5]]))
    torch.testing.assert_close(state["loss"], torch.tensor([0.4 - 0.2]))  # the last call's
    assert model.calls == 4 and fooled.all()


def test_choice_by_interpolation_is_exact():
    generator = torch.Generator().manual_seed(0)
    for size in (1e-30, 1.0, 1e36):
        first = size * torch.randn((64, 3, 5), generator=generator)
        second = torch.randn((64, 3, 5), generator=generator) / size
        rows = torch.arange(64) % 3 == 0
        expected = torch.where(rows[:, None, None], first, second)
        assert torch.equal(choose(rows, first, second), expected)


def test_a_model_without_gradient_leaves_finite_points():
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 0 * x.flatten(1)[:, :4] + torch.tensor([3.0, 2.0, 1.0, 0.0])

    x = torch.rand((6, 1, 4, 4), generator=torch.Generator().manual_seed(0))
    for norm in NORMS:
        for kind in KINDS:
            ball = budget(norm, radius(norm))
            problem = AttackProblem(Constant(), x, torch.zeros(6).long(), ball, draws(6))
            found = climb(problem, kind, steps=12)
            assert found.perturbed.isfinite().all() and not found.fooled.any()
            assert ball.size(found.perturbed - x).max() <= ball.epsilon * (1 + 1e-5)


@pytest.mark.parametrize(
    ("norm", "classes"),
    mostly_slow([("linf", 2), ("l2", 2), ("linf", 5), ("l2", 5), ("l1", 5)], {("l2", 2)}),
)
def test_linear_margins_are_reached(norm, classes):
    """fooled if epsilon exceeds the margin by 1 %, and never if it does not.

    In L1 with two classes a step of two coordinates can hold still for good on a perturbation of the same
    two, as two thirds of two, rounded up, are two: the authors' rule.
    """
    from test_linear_margins import linear, margins

    model, inputs, targets = linear(classes)
    exact = margins(model, inputs, targets, norm)
    for share in (0.25, 0.5, 0.75):
        epsilon = float(exact.quantile(share))
        ball = budget(norm, epsilon, -100, 100)
        problem = AttackProblem(model, inputs, targets, ball, Draws(1, torch.arange(200)))
        found = climb(problem, "t", steps=100)
        assert not found.fooled[exact > epsilon * (1 + 1e-6)].any()
        assert found.fooled[exact < epsilon / 1.01].all()


def test_in_lower_precision_the_judge_has_the_last_word(digits):
    model, x, y = digits[False]
    x, y = x[:60], y[:60]
    problem = AttackProblem(model, x, y, budget("linf", EPSILON[False]["linf"]), draws(60), 16)
    expected = climb(problem, "ce", steps=30)

    def never(points: Tensor, targets: Tensor) -> Tensor:
        return torch.ones(len(points), dtype=torch.bool)

    found = climb(replace(problem, judge=never), "ce", steps=30)
    assert expected.fooled.any() and not found.fooled.any()


def test_options_are_checked():
    assert ApgdTOptions().targets == 9 and math.isclose(ApgdOptions().rho, 0.75)
    for bad in ({"steps": 0}, {"rho": 0}, {"eot_samples": 0}, {"restarts": 0}, {"targets": 2}):
        with pytest.raises(ValueError):
            ApgdOptions(**bad)
