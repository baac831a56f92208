"""Gradients against differences: where autograd's own check agrees, closed forms, kinks and steps."""

import copy
import warnings

import pytest
import torch
from torch import nn

from harness.measure.gradient_check import check_gradient


class Backward(torch.autograd.Function):
    """The sine, with a derivative that is a factor too large."""

    @staticmethod
    def forward(context, inputs, factor):
        context.save_for_backward(inputs)
        context.factor = factor
        return inputs.sin()

    @staticmethod
    def backward(context, gradient):
        return context.factor * gradient * context.saved_tensors[0].cos(), None


class Applied(nn.Module):
    def __init__(self, function, *parts):
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, inputs):
        return self.function(inputs, *self.parts)


def attend(inputs, layer):
    return layer(inputs[:, None], inputs[:, None], inputs[:, None])[0][:, 0]


MODULES = {
    "linear": lambda: nn.Linear(6, 3),
    "ReLU": lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)),
    "norm and GELU": lambda: nn.Sequential(nn.LayerNorm(6), nn.GELU(), nn.Linear(6, 3)),
    "hard sigmoid": lambda: nn.Sequential(nn.Linear(6, 8), nn.Hardsigmoid(), nn.Linear(8, 3)),
    "attention": lambda: Applied(attend, nn.MultiheadAttention(6, 2, batch_first=True)),
    "recurrent": lambda: Applied(lambda x, layer: layer(x[:, :, None])[0][:, -1], nn.GRU(1, 4, batch_first=True)),
    "sine, right": lambda: Applied(lambda x: Backward.apply(x, 1.0)),
    "sine, a fifth too large": lambda: Applied(lambda x: Backward.apply(x, 1.2)),
    "detached branch": lambda: Applied(lambda x, layer: x + layer(x.detach()), nn.Linear(6, 6)),
    "squares without a graph": lambda: Applied(lambda x: x * (x.detach() ** 2)),
}  # fmt: skip


def _losses(model):
    def value(points):
        outputs = model(points.flatten(0, 1))
        weights = torch.linspace(0.5, 1.5, outputs.shape[1], dtype=outputs.dtype)
        return (outputs * weights).sum(1).view(points.shape[:2])

    return value


@pytest.fixture
def points():
    return torch.rand(4, 6, generator=torch.Generator().manual_seed(0)) + 0.1


@pytest.mark.parametrize("name", MODULES)
def test_the_verdict_is_gradchecks(points, name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODULES[name]().eval()
    double = copy.deepcopy(model).double()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inputs = points.double().requires_grad_()
        agrees = torch.autograd.gradcheck(double, inputs, raise_exception=False)
    found = check_gradient(_losses(model), points, exact=_losses(double))
    assert found.agrees == agrees and found.near


@pytest.mark.parametrize("factor", [-1.0, 0.1, 0.5, 2.0])
def test_the_rise_is_the_factor_of_the_gradient_and_so_is_what_is_wrong(points, factor):
    def value(at):
        return (factor * at - (factor * at).detach() + at.detach()).sum(2)

    for exact in (value, None):
        found = check_gradient(value, points, exact=exact)
        assert not found.agrees and found.near == (exact is not None)
        assert found.rise == pytest.approx(1 / factor, rel=1e-3)
        assert found.wrong == pytest.approx(abs(1 - factor), rel=1e-3)


def test_half_of_the_coordinates_that_get_no_gradient(points):
    def value(at):
        return at[..., :3].sum(2) + at[..., 3:].detach().sum(2)

    found = check_gradient(value, points, exact=value)
    assert found.rise == pytest.approx(1.0, rel=1e-3)  # along its own nothing is wrong
    assert not found.agrees and 0.2 < found.wrong < 5  # along others, the half on average


def test_steps_are_found_by_the_mean_of_the_slopes_along_the_way(points):
    def stairs(at):
        return 0.3 * at.sum(2) + (20 * at).round().sum(2) / 20

    found = check_gradient(stairs, points, exact=stairs)
    assert not found.agrees and found.steps
    assert found.rise == pytest.approx(1.3 / 0.3, rel=0.2)


def test_an_estimator_that_follows_the_steps_is_passed(points):
    def followed(at):
        return (at + ((200 * at).round() / 200 - at).detach()).sum(2)

    assert check_gradient(followed, points, exact=followed).agrees
    assert check_gradient(followed, points).agrees


def test_kinks_between_the_points_raise_no_alarm():
    """Two hundred kinks on the way, none at the points: the slopes along the way are all different."""
    places = torch.rand(6, 200, generator=torch.Generator().manual_seed(0)) * 2
    signs = torch.randn(6, 200, generator=torch.Generator().manual_seed(1))

    def kinked(at):
        return (signs.to(at) * (at[..., None] - places.to(at)).abs()).sum((2, 3))

    for seed in range(30):
        points = torch.rand(4, 6, generator=torch.Generator().manual_seed(seed))
        assert check_gradient(kinked, points, exact=kinked, seed=seed).agrees
        assert check_gradient(kinked, points, seed=seed).agrees


def test_half_precision_is_told_from_a_tenth_that_is_wrong(points):
    model = nn.Linear(6, 3)

    def value(at):
        with torch.autocast("cpu", torch.bfloat16):
            return _losses(model)(at).float()

    exact = _losses(copy.deepcopy(model).double())
    rough = {"far_tolerance": 0.4, "noise": 2.0**-7, "rough": True}
    assert check_gradient(value, points, exact=exact, **rough).agrees

    def halved(at):
        return value(at / 2 + (at / 2).detach())

    assert not check_gradient(halved, points, exact=exact, **rough).agrees


def test_losses_that_are_summed_are_judged_as_one(points):
    def summed(at):
        centred = at - at.mean(1, keepdim=True)  # each depends on all
        return (centred**2 * at).sum((1, 2))[:, None]

    assert check_gradient(summed, points, exact=summed).agrees

    def cut(at):
        centred = at - at.detach().mean(1, keepdim=True)
        return (centred**2 * at).sum((1, 2))[:, None]

    assert not check_gradient(cut, points, exact=cut).agrees


@pytest.mark.parametrize("rounded", [True, False])
def test_steps_of_a_function_that_ends_with_the_box_are_found(rounded):
    """A root is not a number below 0, where the way from a dark pixel would lead."""
    points = 0.01 + 0.9 * torch.rand(4, 6, generator=torch.Generator().manual_seed(0)) ** 4

    def value(x):
        assert x.min() >= 0.0 and x.max() <= 1.0
        root = x.sqrt()
        return 0.7 * ((32 * root).round() / 32 if rounded else root).sum(2)

    found = check_gradient(value, points, exact=value, box=(0.0, 1.0))
    assert found.agrees != rounded and found.near and found.steps == rounded


def test_values_that_are_not_finite_decide_nothing(points):
    def value(at):
        return at.sum(2).where(torch.arange(4) > 0, torch.nan)

    assert check_gradient(value, points, exact=value).agrees


def test_a_function_that_is_no_number_further_away_raises_no_alarm(points):
    """Sine, where no value is a whole reach away."""

    def value(x):
        away = (x - points.to(x.dtype)).abs().amax(2) > 0.2999
        return x.sin().sum(2).masked_fill(away, float("nan"))

    assert check_gradient(value, points, exact=value, reach=0.3).agrees
    cut = check_gradient(lambda x: value(x.detach()) + 0 * x.sum(2), points, reach=0.3)
    assert not cut.agrees


def test_a_function_that_is_all_but_constant_raises_no_alarm(points):
    """Its slope is right, and less than what rounding of its value does to differences: both of them are 0."""

    def value(at):
        return 2.3 + (1e-14 * at).sum(2)

    def exact(at):
        return value(at) + 1e-9  # not a number of float32

    assert check_gradient(value, points, exact=exact).agrees

    def large(at):  # of logits that are large beside their difference
        logits = torch.stack([1e6 + 1e-6 * at.sum(2), torch.full_like(at[..., 0], 1e6 - 0.3)])
        return logits[0] - logits[1] + 1e-9

    size = {"noise": 2.0**-23 * 1e6, "exact_noise": 2.0**-52 * 1e6}
    for seed in range(10):
        assert check_gradient(large, points, exact=large, seed=seed, **size).agrees


def test_activations_that_half_precision_moves_across_kinks_raise_no_alarm():
    """Of a plain CNN with max pooling the gradient of bfloat16 is off by as much as a fifth of its size."""
    images = torch.rand(16, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for seed in range(3):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = nn.Sequential(
                *(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.MaxPool2d(2, 1)),
                *(nn.Conv2d(16, 32, 3), nn.ReLU(), nn.MaxPool2d(2, 1)),
                *(nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2, 1)),
                *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 3)),
            )
        exact = _losses(copy.deepcopy(model).double())

        def value(at, model=model):
            with torch.autocast("cpu", torch.bfloat16):
                return _losses(model)(at).float()

        found = check_gradient(
            value, images, exact=exact, far_tolerance=0.5, noise=2.0**-7, rough=True
        )
        assert found.agrees and found.near, found
