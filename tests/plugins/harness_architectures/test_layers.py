"""What several networks are made of: normalisations, activations, stochastic depth, how weights start."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from harness_architectures import choices, initialisation, layers


def literals(annotated: object) -> set[str]:
    return set(get_args(get_args(annotated)[0]))


def test_what_options_name_is_there() -> None:
    assert literals(choices.Activation) == set(layers.ACTIVATIONS)
    names = literals(choices.Normalisation)
    assert names == set(layers.MAP_NORMALISATIONS) == set(layers.FEATURE_NORMALISATIONS)


# Over which axes of (batch, 8 channels in 2 groups, height, width) values have a mean of 0 and a mean square of 1.
OF_MAPS = {"batch": (0, 3, 4), "layer": (1, 2, 3, 4), "group": (2, 3, 4), "rms": (1, 2)}


@pytest.mark.parametrize("name", list(OF_MAPS))
def test_maps_are_normalised_over_what_the_name_says(name: str) -> None:
    maps = 3 + 2 * torch.randn(5, 8, 6, 7)
    found = layers.MAP_NORMALISATIONS[name](8)(maps).unflatten(1, (2, 4))  # groups of 4
    square = found.square().mean(OF_MAPS[name])
    torch.testing.assert_close(square, torch.ones_like(square), atol=1e-3, rtol=0)
    if name != "rms":
        assert found.mean(OF_MAPS[name]).abs().max() < 1e-5
    assert torch.equal(layers.MAP_NORMALISATIONS["none"](8)(maps), maps)


@pytest.mark.parametrize(("name", "axis"), [("batch", 0), ("layer", 1), ("rms", 1)])
def test_features_are_normalised_over_what_the_name_says(name: str, axis: int) -> None:
    found = layers.FEATURE_NORMALISATIONS[name](12)(3 + 2 * torch.randn(9, 12))
    square = found.square().mean(axis)
    torch.testing.assert_close(square, torch.ones_like(square), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("channels", "groups"), [(256, 32), (64, 16), (12, 3), (7, 1), (3, 1), (1, 1)]
)
def test_a_group_has_more_than_one_channel(channels: int, groups: int) -> None:
    assert layers.group_norm(channels).num_groups == groups


def test_stochastic_depth_keeps_the_mean_and_whole_examples() -> None:
    torch.manual_seed(0)
    drop = layers.StochasticDepth(0.25)
    kept = drop(torch.ones(4000, 2, 3))
    values = kept.flatten(1)
    assert values.unique().tolist() == pytest.approx([0, 4 / 3])
    assert bool((values == values[:, :1]).all())
    assert abs(float(kept.mean()) - 1) < 4 * (0.25 / 0.75 / 4000) ** 0.5  # four standard errors
    assert torch.equal(drop.eval()(values), values)
    assert layers.depth_rates(0.2, 5) == pytest.approx([0.04, 0.08, 0.12, 0.16, 0.2])
    assert layers.depth_rates(0.2, 1) == [0.2]  # one block is the last one


def test_maps_are_averaged_by_whole_steps() -> None:
    average = layers.AverageDown((14, 30), 7)
    assert average(torch.zeros(1, 1, 14, 30)).shape[2:] == (7, 7)
    assert average.pixels == 49
    assert layers.AverageDown((4, 13), 7)(torch.zeros(1, 1, 4, 13)).shape[2:] == (4, 13)


def weights_of(how: str, activation: str = "relu") -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(16, 128, 3), nn.Flatten(), nn.Linear(200, 300))
    initialisation.initialise(net, how, activation)
    for layer in (net[0], net[2]):
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        assert layer.bias is not None and bool((layer.bias == 0).all())
    return net[0].weight.detach().flatten(1), net[2].weight.detach()  # type: ignore[union-attr, operator]


def test_initialisations_are_those_of_their_papers() -> None:
    convolution, linear = weights_of("kaiming")
    assert float(convolution.std()) == pytest.approx((2 / 144) ** 0.5, rel=0.02)
    assert float(linear.std()) == pytest.approx((2 / 200) ** 0.5, rel=0.02)
    assert float(weights_of("kaiming", "tanh")[1].std()) == pytest.approx(
        5 / 3 / 200**0.5, rel=0.02
    )
    _, linear = weights_of("xavier")
    bound = (6 / 500) ** 0.5
    assert 0.99 * bound < float(linear.abs().max()) <= bound
    assert float(linear.std()) == pytest.approx((2 / 500) ** 0.5, rel=0.02)
    convolution, linear = weights_of("orthogonal")
    torch.testing.assert_close(convolution @ convolution.T, 2 * torch.eye(128), atol=1e-4, rtol=0)
    torch.testing.assert_close(linear.T @ linear, 2 * torch.eye(200), atol=1e-4, rtol=0)


def test_own_initialisation_draws_nothing() -> None:
    net = nn.Linear(3, 4)
    before, state = net.weight.clone(), torch.get_rng_state()
    initialisation.initialise(net, "own", "relu")
    assert torch.equal(net.weight, before) and torch.equal(torch.get_rng_state(), state)
