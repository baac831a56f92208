"""Interval bounds: sound against enumeration, exact where they are exact, refused where none hold."""

import itertools

import pytest
import torch
from torch import nn

from harness.api import NotApplicable
from harness.data.first_layers import Normalise
from harness_certified.crown import CrownNetwork
from harness_certified.interval import IntervalNetwork
from harness_certified.lipschitz import lipschitz_bound


class Residual(nn.Module):
    """Everything at once: normalisation, batch norm, a shortcut, pooling, a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(
            Normalise((0.4,), (0.3,), behind=2),
            nn.Conv2d(1, 3, 3, padding=1),
            nn.BatchNorm2d(3),
        )
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.last = nn.Linear(3, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        maps = torch.relu(self.first(inputs))
        maps = self.second(maps) + maps
        return self.last(nn.functional.max_pool2d(maps, 2).mean((2, 3)))


class OwnConvolution(nn.Conv2d):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs)


class Rounding(nn.Linear):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs.round())


class OwnLayers(nn.Module):
    """Weights that no layer of torch's holds."""

    def __init__(self) -> None:
        super().__init__()
        self.first = OwnConvolution(2, 4, 3, padding=1, groups=2)
        self.weight = nn.Parameter(torch.randn(3, 4))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        maps = torch.relu(self.first(torch.cat([inputs, 1 - inputs], 1)))
        return nn.functional.linear(maps.mean((2, 3)), weight=self.weight)


def networks() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    flat = nn.Flatten()
    return {
        "relu": nn.Sequential(flat, nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)),
        "gelu": nn.Sequential(flat, nn.Linear(4, 6), nn.GELU(), nn.Linear(6, 3)),
        "silu": nn.Sequential(flat, nn.Linear(4, 6), nn.SiLU(), nn.Linear(6, 3)),
        "tanh": nn.Sequential(flat, nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3), nn.Sigmoid()),
        "leaky": nn.Sequential(
            flat, nn.Linear(4, 6), nn.LeakyReLU(0.2), nn.Dropout(), nn.Linear(6, 3)
        ),
        "residual": Residual(),
        "own layers": OwnLayers(),
    }


@pytest.mark.parametrize("name", networks())
@pytest.mark.parametrize("epsilon", [0.02, 0.2])
def test_no_point_of_the_ball_is_below_the_bound(name, epsilon):
    network = networks()[name].eval()
    inputs, targets = torch.rand(3, 1, 2, 2), torch.tensor([0, 1, 2])
    bound = IntervalNetwork(network).margins(inputs, targets, epsilon, 0.0, 1.0)
    steps = torch.tensor(list(itertools.product((-1.0, -0.5, 0.0, 0.5, 1.0), repeat=4)))
    for row, target in enumerate(targets):
        points = (inputs[row].flatten() + epsilon * steps).clamp(0, 1).view(-1, 1, 2, 2)
        with torch.no_grad():
            logits = network(points).double()
        own = logits[:, target]
        others = logits.clone()
        others[:, target] = -torch.inf
        assert (own - others.amax(1)).min() >= bound[row] - 1e-5


def test_at_radius_zero_it_is_the_margin_and_it_falls_with_the_radius():
    network = networks()["residual"].eval()
    inputs, targets = torch.rand(4, 1, 2, 2), torch.tensor([0, 1, 2, 0])
    walker = IntervalNetwork(network)
    with torch.no_grad():
        logits = network(inputs)
    own = logits.gather(1, targets[:, None])[:, 0]
    rest = logits.scatter(1, targets[:, None], -torch.inf).amax(1)
    still = walker.margins(inputs, targets, 0.0, 0.0, 1.0)
    assert still.tolist() == pytest.approx((own - rest).tolist(), abs=1e-5)
    wider = [walker.margins(inputs, targets, e, 0.0, 1.0) for e in (0.01, 0.1)]
    assert (wider[0] < still).all() and (wider[1] < wider[0]).all()


def test_of_a_linear_classifier_it_is_the_exact_margin():
    """w x with |w_y - w_j|_1 epsilon off each difference; nothing is lost by the last layer."""
    linear = nn.Linear(4, 3)
    inputs, targets = 0.3 + 0.4 * torch.rand(5, 1, 2, 2), torch.tensor([0, 1, 2, 0, 1])
    found = IntervalNetwork(nn.Sequential(nn.Flatten(), linear)).margins(inputs, targets, 0.1, 0, 1)
    with torch.no_grad():
        logits, weight = linear(inputs.flatten(1)), linear.weight.detach()
    for row, target in enumerate(targets.tolist()):
        exact = min(
            float(
                logits[row, target]
                - logits[row, j]
                - 0.1 * (weight[target] - weight[j]).abs().sum()
            )
            for j in range(3)
            if j != target
        )
        assert float(found[row]) == pytest.approx(exact, abs=1e-5)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.Softmax(1), "Softmax"),
        (nn.LayerNorm(4), "LayerNorm"),
        (nn.GELU(approximate="tanh"), "GELU"),
        (nn.BatchNorm1d(4, track_running_stats=False), "whole batch"),
        (Rounding(4, 4), "round"),
    ],
)
def test_what_has_no_bounds_is_refused_by_its_name(layer, said):
    network = nn.Sequential(nn.Flatten(), layer, nn.Linear(4, 3))
    with pytest.raises(NotApplicable, match=said):
        IntervalNetwork(network).margins(torch.rand(1, 1, 2, 2), torch.tensor([0]), 0.1, 0, 1)


def test_a_layer_of_a_class_of_its_own_is_read_as_the_one_that_it_calls():
    own = OwnLayers()
    plain = nn.Conv2d(2, 4, 3, padding=1, groups=2)
    plain.load_state_dict(own.first.state_dict())
    inputs, targets = torch.rand(3, 1, 2, 2), torch.tensor([0, 1, 2])
    found = []
    for first in (own.first, plain):
        own.first = first
        by_interval = IntervalNetwork(own).margins(inputs, targets, 0.1, 0.0, 1.0)
        corners = ((inputs.double() + side) for side in (-0.1, 0.1))
        by_lines = CrownNetwork(own).margins(targets, *corners)
        found.append((by_interval, by_lines, torch.tensor(lipschitz_bound(own, inputs[:1]))))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_attention_is_refused():
    class Attends(nn.Module):
        def forward(self, inputs):
            rows = inputs.flatten(2).transpose(1, 2)
            return nn.functional.scaled_dot_product_attention(rows, rows, rows).flatten(1)

    with pytest.raises(NotApplicable, match="scaled_dot_product_attention"):
        IntervalNetwork(Attends()).margins(torch.rand(1, 1, 2, 2), torch.tensor([0]), 0.1, 0, 1)


def test_a_product_of_two_activations_is_refused():
    class Squares(nn.Module):
        def forward(self, inputs):
            return (inputs * inputs).flatten(1)

    with pytest.raises(NotApplicable, match="product of two activations"):
        IntervalNetwork(Squares()).margins(torch.rand(1, 1, 2, 2), torch.tensor([0]), 0.1, 0, 1)
