"""Linear bounds against known margins, interval bounds and points inside the box."""

import pytest
import torch
from torch import nn

from harness.api import NotApplicable
from harness_certified import crown
from harness_certified.crown import CrownNetwork
from harness_certified.interval import IntervalNetwork


class Residual(nn.Module):
    """Convolution, batch norm, a sum with what came before, an average, and constants."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.norm, self.second = nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, padding=1)
        self.pool, self.head = nn.AvgPool2d(2), nn.Linear(16, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        found = torch.relu(self.norm(self.first((inputs - 0.3) / 0.4)))
        found = nn.functional.relu(found + self.second(found))
        return self.head(self.pool(found).flatten(1))


def dense() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 3)
    )


def case(make, count: int = 8):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model, inputs = make().eval(), torch.rand(count, 1, 4, 4)
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2.0)
    return model, inputs, model(inputs).argmax(1)


def margins(model, inputs, targets, epsilon):
    wide = inputs.double()
    box = (wide - epsilon).clamp_min(0), (wide + epsilon).clamp_max(1)
    return CrownNetwork(model).margins(targets, *box)


def least_found(model, inputs, targets, epsilon, tries=100):
    """The smallest lead at corners of the box and at points in it."""
    model, wide = model.double(), inputs.double()
    found = torch.full((len(inputs),), torch.inf, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    for number in range(tries):
        noise = 2 * torch.rand(wide.shape, generator=generator, dtype=torch.float64) - 1
        noise = noise.sign() if number % 2 else noise
        logits = model((wide + epsilon * noise).clamp(0, 1)).detach()
        own = logits.gather(1, targets[:, None])
        others = logits.scatter(1, targets[:, None], -torch.inf).amax(1, keepdim=True)
        found = torch.minimum(found, (own - others)[:, 0])
    return found


@pytest.mark.parametrize("make", [dense, Residual])
@pytest.mark.parametrize("epsilon", [0.01, 0.05, 0.2])
def test_bounds_are_sound_and_tighter_than_intervals(make, epsilon):
    model, inputs, targets = case(make)
    found = margins(model, inputs, targets, epsilon)
    by_intervals = IntervalNetwork(model).margins(inputs, targets, epsilon, 0.0, 1.0)
    assert (found <= least_found(model, inputs, targets, epsilon) + 1e-9).all()
    assert (found - by_intervals).mean() > 0


@pytest.mark.parametrize("make", [dense, Residual])
def test_how_many_units_go_back_at_once_changes_nothing(make, monkeypatch):
    model, inputs, targets = case(make)
    found = margins(model, inputs, targets, 0.05)
    monkeypatch.setattr(crown, "NUMBERS", 1)
    torch.testing.assert_close(margins(model, inputs, targets, 0.05), found)
    alone = [margins(model, inputs[k : k + 1], targets[k : k + 1], 0.05) for k in range(3)]
    torch.testing.assert_close(torch.cat(alone), found[:3])


def test_a_network_that_takes_one_example_for_another_shape_has_the_bounds_of_all_its_pixels():
    class Squeezing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.maps = nn.Conv2d(1, 6, 3, padding=1)
            self.tail = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 3))
            self.shape = lambda means: means.squeeze()

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.tail(self.shape(self.maps(inputs).mean((2, 3), keepdim=True)))

    model, inputs, targets = case(Squeezing)
    found = margins(model, inputs, targets, 1.0)
    model.shape = lambda means: means.flatten(1)
    torch.testing.assert_close(found, margins(model, inputs, targets, 1.0))


def test_a_linear_model_has_its_exact_margin():
    model, inputs, targets = case(lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 2)))
    epsilon, wide = 0.1, inputs.double().flatten(1)
    weight, bias = model[1].weight.double(), model[1].bias.double()
    apart = weight[targets] - weight[1 - targets]
    low, high = (wide - epsilon).clamp_min(0), (wide + epsilon).clamp_max(1)
    exact = torch.where(apart > 0, apart * low, apart * high).sum(1)
    exact += bias[targets] - bias[1 - targets]
    assert torch.allclose(margins(model, inputs, targets, epsilon), exact)


def test_no_ball_gives_the_margin_itself():
    model, inputs, targets = case(Residual)
    logits = model.double()(inputs.double()).detach()
    top = logits.topk(2, 1).values
    assert torch.allclose(margins(model, inputs, targets, 0.0), top[:, 0] - top[:, 1])


@pytest.mark.parametrize(
    ("module", "word"),
    [
        (nn.Tanh(), "Tanh"),
        (nn.MaxPool2d(2), "MaxPool2d"),
        (nn.BatchNorm2d(1, track_running_stats=False), "whole batch"),
    ],
)
def test_what_has_no_lines_is_refused(module, word):
    model = nn.Sequential(module, nn.Flatten(), nn.LazyLinear(3)).eval()
    inputs = torch.rand(2, 1, 4, 4)
    model(inputs)
    with pytest.raises(NotApplicable, match=word):
        margins(model, inputs, torch.zeros(2, dtype=torch.long), 0.1)


class Cut(nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.flatten(1) + inputs.data.flatten(1)


def test_what_cuts_the_gradient_is_refused():
    with pytest.raises(NotApplicable):
        margins(Cut(), torch.rand(2, 1, 1, 3), torch.zeros(2, dtype=torch.long), 0.1)


class Rounded(nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.div(inputs.flatten(1), 0.25, rounding_mode="floor")


def test_a_division_that_rounds_is_refused():
    with pytest.raises(NotApplicable, match="div"):
        margins(Rounded(), torch.rand(2, 1, 1, 3), torch.zeros(2, dtype=torch.long), 0.1)
