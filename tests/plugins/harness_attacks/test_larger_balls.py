"""Attacks that go from ball to ball by themselves: what they find in each is what they find in it alone."""

import pytest
import torch
from attack_cases import Counting, budget, draws

from harness_attacks import fgsm, pgd
from harness_attacks.options import PgdOptions

RADII = {"linf": (0.03, 0.04, 0.05), "l2": (0.15, 0.2, 0.25), "l1": (0.5, 0.6, 0.8)}
OPTIONS = PgdOptions(steps=12, restarts=2, give_up="all")


@pytest.mark.parametrize("norm", RADII)
def test_pgd_finds_in_each_ball_what_it_finds_there_alone(net, examples, norm):
    inputs, targets = examples
    balls = [budget(norm, radius) for radius in RADII[norm]]
    given = (inputs, targets, balls[0], draws(100), OPTIONS)
    whole = Counting(net)
    together = pgd.perturb(whole, *given, batch_size=64, larger=balls[1:])
    assert together.shape == (3, *inputs.shape)
    standing = torch.ones(100, dtype=torch.bool)
    forwards = 0
    for ball, found in zip(balls, together, strict=True):
        own = draws(100).select(standing.nonzero(as_tuple=True)[0])
        counting = Counting(net)
        alone = pgd.perturb(
            counting, inputs[standing], targets[standing], ball, own, OPTIONS, batch_size=64
        )
        torch.testing.assert_close(found[standing], alone, atol=1e-5, rtol=0)
        forwards += counting.forwards
        with torch.no_grad():
            standing = standing & (net(found).argmax(1) == targets)
    assert 0 < standing.sum() < 100
    assert whole.forwards == pytest.approx(forwards, abs=2 * 100)  # last points are asked about
    fooled = net(together[0]).argmax(1) != targets
    assert fooled.any() and torch.equal(together[2][fooled], together[0][fooled])


@pytest.mark.parametrize("norm", RADII)
def test_fgsm_takes_one_gradient_for_all_balls(net, examples, norm):
    inputs, targets = examples
    balls = [budget(norm, radius) for radius in RADII[norm]]
    counting = Counting(net)
    together = fgsm.perturb(counting, inputs, targets, balls[0], draws(100), 32, larger=balls[1:])
    assert (counting.forwards, counting.backwards) == (100, 100)
    for ball, found in zip(balls, together, strict=True):
        alone = fgsm.perturb(net, inputs, targets, ball, draws(100), 32)
        assert torch.equal(found, alone)


def test_fgsm_leaves_what_is_wrong_already_unless_the_judge_objects(net, examples):
    inputs, targets = examples
    wrong = (targets + 1) % 4
    ball = budget("linf", 0.05)
    assert torch.equal(fgsm.perturb(net, inputs, wrong, ball, draws(100)), inputs)
    moved = fgsm.perturb(
        net, inputs, wrong, ball, draws(100), judge=lambda x, y: torch.ones(len(x), dtype=bool)
    )
    assert not (moved == inputs).flatten(1).all(1).any()
