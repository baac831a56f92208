"""Lipschitz bounds: exact for one layer, never below the slope that is there."""

import math

import pytest
import torch
from torch import nn

from harness.api import NotApplicable
from harness_certified.lipschitz import lipschitz_bound


def matrix_of(layer: nn.Module, shape: tuple[int, ...]) -> torch.Tensor:
    """A linear layer as a matrix, by unit vectors."""
    size = math.prod(shape)
    with torch.no_grad():
        zero = layer(torch.zeros(1, *shape))
        return torch.stack(
            [(layer(unit.view(1, *shape)) - zero).flatten() for unit in torch.eye(size)]
        )


def test_of_a_linear_layer_it_is_the_spectral_norm():
    layer = nn.Linear(7, 4)
    expected = float(torch.linalg.matrix_norm(layer.weight.detach(), 2))
    assert lipschitz_bound(layer, torch.rand(1, 7)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 3, 3, padding=1),
        nn.Conv2d(2, 3, 3, stride=2, padding=1),
        nn.Conv2d(2, 4, 3, padding=2, dilation=2),
        nn.Conv2d(2, 4, (1, 3), groups=2),
        nn.Conv2d(2, 2, 3, padding="same"),
        nn.AvgPool2d(2),
        nn.AvgPool2d(3, stride=1, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.AdaptiveAvgPool2d(3),
    ],
)
def test_a_layer_s_bound_is_above_its_norm_and_near_it(layer):
    torch.manual_seed(1)
    norm = float(torch.linalg.matrix_norm(matrix_of(layer, (2, 7, 7)), 2))
    bound = lipschitz_bound(layer, torch.rand(1, 2, 7, 7))
    assert norm <= bound * (1 + 1e-6) and bound < 1.8 * norm


def test_a_large_grid_takes_the_kernel_s_own_bound(monkeypatch):
    layer = nn.Conv2d(2, 3, 3, padding=1)
    norm = float(torch.linalg.matrix_norm(matrix_of(layer, (2, 7, 7)), 2))
    monkeypatch.setattr("harness_certified.lipschitz.MOST_FREQUENCIES", 0)
    assert norm <= lipschitz_bound(layer, torch.rand(1, 2, 7, 7)) < 4 * norm


class Shortcut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Conv2d(2, 2, 3, padding=1)
        self.norm = nn.BatchNorm2d(2)
        self.last = nn.Linear(2 * 9, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        maps = torch.relu(self.norm(self.inner(inputs)) + inputs) * 0.7
        return self.last(nn.functional.max_pool2d(maps, 3, 2, 1).flatten(1))


@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.ELU])
def test_no_slope_is_above_the_bound(activation):
    torch.manual_seed(2)
    network = nn.Sequential(Shortcut(), activation(), nn.Linear(3, 3)).eval()
    bound = lipschitz_bound(network, torch.rand(1, 2, 6, 6))
    points = torch.randn(200, 2, 6, 6)
    for size in (1e-2, 1.0):
        others = points + size * torch.randn_like(points)
        with torch.no_grad():
            rise = (network(others) - network(points)).norm(dim=1)
        assert (rise / (others - points).flatten(1).norm(dim=1)).max() <= bound


@pytest.mark.parametrize("activation", [nn.GELU(), nn.SiLU(), nn.Mish()])
def test_activations_are_no_steeper_than_said(activation):
    points = torch.linspace(-8, 8, 160_001, dtype=torch.float64)
    slopes = activation(points).diff().abs() / points.diff()
    bound = lipschitz_bound(activation, torch.rand(1, 4))
    assert bound - 1e-3 < slopes.max() <= bound


def test_what_has_no_bound_is_refused():
    with pytest.raises(NotApplicable, match="LayerNorm"):
        lipschitz_bound(nn.LayerNorm(4), torch.rand(1, 4))
    with pytest.raises(NotApplicable, match="padded by 'circular'"):
        lipschitz_bound(
            nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), torch.rand(1, 1, 4, 4)
        )
