"""What APGD costs: who stands pays the protocol and nothing more, who falls leaves."""

from itertools import product

import pytest
import torch
from apgd_cases import EPSILON, KINDS, NORMS, climb
from attack_cases import Counting, budget, draws, mostly_slow
from torch import Tensor, nn

from harness_attacks.attack_problem import AttackProblem
from harness_attacks.options import ApgdOptions, ApgdTOptions


@pytest.mark.parametrize(
    ("norm", "kind"),
    mostly_slow(product(NORMS, KINDS), set(zip(NORMS, reversed(KINDS), strict=True))),
)
def test_who_stands_costs_the_protocol_and_nothing_more(digits, norm, kind):
    model, x, y = digits[False]
    assert ApgdOptions().steps == ApgdTOptions().steps == 100
    (count, runs), steps = (3, 9) if kind == "t" else (10, 1), 20
    model, x, y = Counting(model), x[:count], y[:count]
    found = climb(
        AttackProblem(model, x, y, budget(norm, 1e-4), draws(count), 4), kind, steps=steps
    )
    assert not found.fooled.any()
    starts_of_stages = 2 if norm == "l1" else 0
    assert model.backwards == count * runs * (steps + starts_of_stages)
    clean = count if kind == "t" else 0
    assert model.forwards == model.backwards + count * runs + clean


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_who_falls_leaves_at_once(digits, norm):
    model, x, y = digits[False]
    model = Counting(model)
    found = climb(
        AttackProblem(model, x, y, budget(norm, 20 * EPSILON[False][norm]), draws(400), 32), "ce"
    )
    assert found.fooled.all()
    assert model.forwards <= 3 * 400  # of the 101 that the authors spend on each


@pytest.mark.parametrize("count", [100, pytest.param(400, marks=pytest.mark.slow)])
def test_who_falls_in_l1_leaves_in_the_last_stage(digits, count):
    model, x, y = digits[False]
    model, x, y = Counting(model), x[:count], y[:count]
    found = climb(AttackProblem(model, x, y, budget("l1", 20.0), draws(count), 32), "ce")
    assert found.fooled.all()
    assert model.forwards <= 64 * count


def test_each_goal_has_its_restarts(digits):
    model, x, y = digits[False]
    model, x, y = Counting(model), x[:5], y[:5]
    problem = AttackProblem(model, x, y, budget("linf", 1e-4), draws(5))
    climb(problem, "t", targets=2, restarts=3, steps=4)
    assert model.backwards == 5 * 2 * 3 * 4


def test_a_random_model_is_asked_so_many_times_a_step(digits):
    model, x, y = digits[False]

    class Noisy(nn.Module):
        def forward(self, points: Tensor) -> Tensor:
            return model(points + 0.05 * torch.randn_like(points))

    counting = Counting(Noisy())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        problem = AttackProblem(counting, x[:20], y[:20], budget("linf", 0.001), draws(20))
        found = climb(problem, "ce", steps=5, eot_samples=7)
    assert counting.backwards == 7 * 5 * 20 or found.fooled.any()


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
@pytest.mark.parametrize("norm", NORMS)
def test_few_steps(digits, norm, steps):
    model, x, y = digits[False]
    counting = Counting(model)
    problem = AttackProblem(counting, x[:50], y[:50], budget(norm, EPSILON[False][norm]), draws(50))
    found = climb(problem, "ce", steps=steps)
    assert (model(found.perturbed).argmax(1) != y[:50]).equal(found.fooled)
    more = 2 if norm == "l1" and steps >= 3 else 0
    assert counting.backwards <= 50 * (steps + more)
