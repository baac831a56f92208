"""Runs that are given up: by the stated rule, whoever else is attacked, and only where that was asked for."""

import pytest
import torch
from attack_cases import Counting, budget, draws

from harness_attacks import pgd
from harness_attacks.gradient_steps import steepest_step
from harness_attacks.options import PgdOptions
from harness_attacks.pace import begin_pace, follow_pace, linear_gain

STEPS = 20
RADIUS = 0.03  # at which 96 of 100 examples stand


def followed(values: list[float], may: bool = True, left: float = 1e6) -> list[bool]:
    """Whether a run with these values is done after each of them, with so much left to gain."""
    state = {**begin_pace(torch.zeros(1, 2)), "age": torch.zeros(1, dtype=torch.long)}
    done = []
    for value in values:
        given = (torch.tensor([value]), torch.tensor([left]), STEPS, torch.tensor([may]))
        follow_pace(state, *given)
        done.append(bool(state["done"]))
        state["age"] = state["age"] + 1
    return done


def test_a_run_is_given_up_at_the_fourth_step_that_shows_that_it_is_too_slow():
    # From -10 at half a unit a step: at age 4 -8, and twice that pace for 16 steps leads to +8; at age 8 it stands
    # still at -8, so 12 more steps lead nowhere.
    values = [-10.0, -9.5, -9.0, -8.5, -8.0, -8.0, -8.0, -8.0, -8.0, -8.0]
    assert followed(values) == [False] * 8 + [True] * 2
    assert followed([-10.0, -9.9, -9.8, -9.7, -9.6])[-1]  # 0.1 a step: 3.2 more at most
    assert not any(followed(values, may=False))


def test_a_run_is_given_up_from_the_fourth_step_on_where_a_linear_loss_could_not_gain_a_sixteenth():
    fast = [-10.0 + 0.9 * step for step in range(9)]  # its pace would do
    assert followed(fast, left=0.35) == [False] * 4 + [True] * 5  # -6.4 + 16 * 0.35 < 0
    assert followed(fast, left=0.18) == [False] * 4 + [True] * 5
    assert followed(fast, left=0.42) == [False] * 9
    assert not any(followed(fast, may=False, left=0.0))
    assert not any(followed([0.1] * 10, left=0.0))
    assert not any(followed([float("nan")] * 10, left=0.0))


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_what_is_left_of_a_linear_loss_is_what_its_best_point_gains(norm):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(50, 3, 4, generator=generator)
    slope = torch.randn(50, 3, 4, generator=generator)
    ball = budget(norm, 0.2)
    best = ball.clip(inputs, inputs + steepest_step(slope, ball, 0.2, inputs))
    at_best = linear_gain(slope, ball, inputs, best)
    gained = ((best - inputs) * slope).flatten(1).sum(1)
    torch.testing.assert_close(linear_gain(slope, ball, inputs, inputs) - at_best, gained)
    if norm == "linf":  # in ball and box
        torch.testing.assert_close(at_best, torch.zeros(50))
        return
    inside = inputs * 0.2 + 0.4  # where the box is further than the ball
    best = inside + steepest_step(slope, ball, 0.2, inside)
    torch.testing.assert_close(
        linear_gain(slope, ball, inside, best), torch.zeros(50), atol=1e-5, rtol=0
    )
    assert (at_best > -1e-5).all()


def test_its_best_counts_and_who_is_fooled_or_beyond_numbers_goes_on():
    assert not any(followed([-10.0, -1.0, -9.0, -9.0, -9.0]))  # it was nearly there
    assert not any(followed([0.1] * 10))
    assert not any(followed([float("nan")] * 10))


@pytest.fixture(scope="module")
def searched(net, examples):
    """Return what PGD of two starts finds and costs, by what is given up."""
    inputs, targets = examples
    found = {}
    for give_up in ("never", "restarts", "all"):
        model = Counting(net)
        options = PgdOptions(steps=40, restarts=2, give_up=give_up)
        ball = budget("linf", RADIUS)
        perturbed = pgd.perturb(model, inputs, targets, ball, draws(100), options)
        with torch.no_grad():
            found[give_up] = (net(perturbed).argmax(1) == targets, model.forwards, perturbed)
    return found


def test_hopeless_runs_cost_less_and_lose_next_to_nothing(searched):
    stands, cost, _ = searched["never"]
    assert stands.sum() == 96
    for give_up, share in (("restarts", 0.75), ("all", 0.4)):
        stands_too, less, _ = searched[give_up]
        assert less < share * cost
        assert (stands & stands_too).sum() == stands.sum()  # who falls falls to the same start
        assert stands_too.sum() - stands.sum() <= 1


def test_who_else_is_attacked_makes_no_difference(net, examples, searched):
    inputs, targets = examples
    _, _, together = searched["all"]
    some = torch.arange(0, 100, 9)
    options = PgdOptions(steps=40, restarts=2, give_up="all")
    own = draws(100).select(some)
    ball = budget("linf", RADIUS)
    alone = pgd.perturb(net, inputs[some], targets[some], ball, own, options, batch_size=5)
    torch.testing.assert_close(alone, together[some], atol=1e-5, rtol=0)


def test_starts_are_whole_by_default_and_the_first_unless_all_are_given_up(net, examples):
    inputs, targets = examples
    ball = budget("linf", RADIUS)
    assert PgdOptions().give_up == "never"
    made = [
        pgd.perturb(net, inputs, targets, ball, draws(100), PgdOptions(steps=12, give_up=give_up))
        for give_up in ("never", "restarts", "all")
    ]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
