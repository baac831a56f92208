"""HopSkipJump: exact distances of linear models, foolbox beside it, what it asks and what it may know."""

import math

import pytest
import torch
from attack_cases import budget, draws, quick
from nearest_cases import distances
from peer_foolbox import foolbox
from test_linear_margins import linear, margins
from test_square import case
from torch import nn

from harness_attacks import hopskipjump
from harness_attacks.options import HopSkipJumpOptions

NORMS = ("l2", "linf")


def walk(model, inputs, targets, ball, key: int = 7, batch_size=None, **options) -> torch.Tensor:
    chosen = HopSkipJumpOptions(**options)
    given = draws(len(inputs), key)
    return hopskipjump.perturb(model, inputs, targets, ball, given, chosen, batch_size)


def nearest(model, inputs, targets, norm: str, **options) -> torch.Tensor:
    """The distances that are found with an infinite ball in [0, 1]."""
    found = walk(model, inputs, targets, budget(norm, math.inf), **options)
    assert found.min() >= 0 and found.max() <= 1
    return distances(model, inputs, targets, found, norm)


@pytest.mark.parametrize("norm", quick(NORMS, "l2"))
def test_it_finds_the_nearest_point_of_a_linear_boundary(norm):
    model, inputs, targets = linear(2)
    inputs, targets = inputs[:30], targets[:30]
    exact = margins(model, inputs, targets, norm)
    found = walk(model, inputs, targets, budget(norm, math.inf, -6, 6))
    ratio = distances(model, inputs, targets, found, norm) / exact
    assert ratio.min() > 1
    assert ratio.max() < 1.01


def beside_foolbox(name: str) -> float:
    """Return the median, of 80 examples, of our distance in Linf over foolbox's, example by example: medians of 40
    differ by a seventh from seed to seed of either.
    """
    model, inputs, targets = case(name)
    inputs, targets = inputs[:80], targets[:80]
    peer = foolbox.attacks.HopSkipJumpAttack(steps=8, constraint="linf")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = peer.run(
            foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"),
            inputs,
            foolbox.criteria.Misclassification(targets),
        )
    expected = distances(model, inputs, targets, theirs, "linf")
    found = nearest(model, inputs, targets, "linf", steps=8)
    return float((found / expected).median())


@pytest.mark.slow
def test_in_linf_it_is_as_near_as_foolbox():
    """On digits; tests/evidence/attacks_beside_their_authors.py has images in colour, too."""
    assert beside_foolbox("digits") <= 1.05


class OneLengthEach(foolbox.attacks.HopSkipJumpAttack):
    """Theirs divides the normals of a batch by one common length; here each has its own, as in a batch of one."""

    def approximate_gradients(self, *given):
        normals = super().approximate_gradients(*given)
        lengths = normals.flatten(1).square().sum(1, keepdims=True).sqrt()
        return normals / lengths.reshape((len(normals), 1, 1, 1))


@pytest.mark.slow
def test_in_l2_it_is_as_near_as_foolbox():
    model, inputs, targets = case("digits")
    inputs, targets = inputs[:40], targets[:40]
    peer = OneLengthEach(steps=12, constraint="l2")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = peer.run(
            foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"),
            inputs,
            foolbox.criteria.Misclassification(targets),
        )
    expected = distances(model, inputs, targets, theirs, "l2")
    found = nearest(model, inputs, targets, "l2", steps=12)
    assert (found / expected).median() <= 1.1


class Sealed(nn.Module):
    """Counts the examples, tells only the class, and cannot be differentiated."""

    def __init__(self, inner: nn.Module, factor: float = 1000.0) -> None:
        super().__init__()
        self.inner, self.factor = inner, factor
        self.asked, self.batches = 0, []

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        assert not torch.is_grad_enabled()
        self.asked += len(inputs)
        self.batches.append(len(inputs))
        logits = self.inner(inputs)
        return self.factor * nn.functional.one_hot(logits.argmax(1), logits.shape[1]).to(logits)


@pytest.mark.parametrize("norm", NORMS)
def test_only_the_class_counts(norm):
    model, inputs, targets = case("digits")
    inputs, targets = inputs[:10], targets[:10]
    ball = budget(norm, math.inf)
    found = walk(model, inputs, targets, ball, steps=4)
    assert torch.equal(walk(Sealed(model), inputs, targets, ball, steps=4), found)


def test_what_it_asks():
    model, inputs, targets = case("digits")
    inputs, targets = inputs[:9], targets[:9]
    ball = budget("l2", math.inf)
    halvings = math.ceil(1.5 * math.log2(64))
    steps = [int(20 * math.sqrt(step)) + 12 + halvings + 1 for step in range(1, 6)]
    sealed = Sealed(model)
    walk(sealed, inputs, targets, ball, steps=5, initial_evaluations=20)
    start = sealed.asked - 9 * sum(steps)
    assert 9 * (1 + halvings + 1) <= start <= 9 * (30 + halvings + 1)
    assert max(sealed.batches) <= 100
    sealed = Sealed(model)
    walk(sealed, inputs, targets, ball, steps=5, initial_evaluations=20, batch_size=4)
    assert sealed.asked == start + 9 * sum(steps)
    assert max(sealed.batches) <= 4


def test_a_limit_of_queries_ends_the_walk_before_a_step():
    model, inputs, targets = case("digits")
    inputs, targets = inputs[:1], targets[:1]
    ball = budget("l2", math.inf)
    sealed = Sealed(model)
    walk(sealed, inputs, targets, ball, steps=50, initial_evaluations=20, queries=300)
    assert 200 < sealed.asked <= 300
    # as many steps as that, without a limit
    for steps in range(1, 10):
        counting = Sealed(model)
        found = walk(counting, inputs, targets, ball, steps=steps, initial_evaluations=20)
        if counting.asked > sealed.asked - 2:
            break
    limited = walk(model, inputs, targets, ball, steps=50, initial_evaluations=20, queries=300)
    assert torch.equal(limited, found)


@pytest.mark.parametrize("norm", quick(NORMS, "linf"))
def test_in_a_finite_ball_the_first_inside_is_enough(norm):
    model, inputs, targets = case("digits")
    inputs, targets = inputs[:40], targets[:40]
    sealed = Sealed(model)
    sizes = nearest(sealed, inputs, targets, norm, steps=6)
    ball = budget(norm, float(sizes.median()))
    hurried = Sealed(model)
    found = walk(hurried, inputs, targets, ball, steps=6)
    fooled = model(found).argmax(1) != targets
    assert torch.equal(fooled, sizes <= ball.epsilon)
    assert torch.equal(found[~fooled], inputs[~fooled])
    assert ball.size(found - inputs).max() <= ball.epsilon
    assert hurried.asked < 0.95 * sealed.asked


def test_models_with_one_answer_to_plain_noise():
    """Its mean brightness is always near one half; brighter starts are tried, too."""

    def model(inputs: torch.Tensor) -> torch.Tensor:
        brightness = inputs.flatten(1).mean(1)
        return torch.stack([0.7 - brightness, brightness - 0.7], 1)

    inputs = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    found = nearest(model, inputs, torch.zeros(20).long(), "l2", steps=10)
    exact = (0.7 - inputs.flatten(1).mean(1)) * 8
    assert (found / exact).max() < 1.25  # the box stands in the way of some


def test_without_a_start_the_input_comes_back():
    def model(inputs: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[1.0, 0.0]]).expand(len(inputs), 2)

    sealed = Sealed(model)
    inputs = torch.rand(3, 5)
    found = walk(sealed, inputs, torch.zeros(3).long(), budget("linf", math.inf))
    assert torch.equal(found, inputs)
    assert sealed.asked < 3 * 120


@pytest.mark.slow
@pytest.mark.parametrize("norm", quick(NORMS, "linf"))
def test_the_answer_does_not_hang_on_rounding(norm):
    """The same points are misclassified in batches of one, and in double precision."""
    model, inputs, targets = case("colour")
    inputs, targets = inputs[:30], targets[:30]
    found = walk(model, inputs, targets, budget(norm, math.inf), steps=6)
    alone = torch.cat([model(one) for one in found.split(1)])
    exact = model.double()(found.double())
    model.float()
    assert (alone.argmax(1) != targets).all()
    assert (exact.argmax(1) != targets).all()


@pytest.mark.parametrize("norm", quick(NORMS, "l2"))
def test_another_box_is_the_same_walk_in_other_units(norm):
    model, inputs, targets = case("digits")
    model = model.double()
    inputs, targets = inputs[:15].double(), targets[:15]
    plain = walk(model, inputs, targets, budget(norm, math.inf), steps=4)
    wide = budget(norm, math.inf, low=-3, high=5)
    scaled = walk(lambda x: model((x + 3) / 8), 8 * inputs - 3, targets, wide, steps=4)
    model.float()
    torch.testing.assert_close((scaled + 3) / 8, plain, atol=1e-6, rtol=0)
