"""Norms by layer, against closed forms and against gradients that autograd gives example by example."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from harness_training.layer_norms import layer_norms


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, targets)


def batch(features: int = 16, count: int = 8, classes: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(count, features, generator=generator)
    return inputs, torch.arange(count) % classes


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.5])
def test_orthogonal_layers_multiply_by_their_gain(gain: float) -> None:
    """Saxe, McClelland & Ganguli 2014: a deep linear network of orthogonal matrices times g."""
    depth, width = 12, 16
    layers = [nn.Linear(width, width, bias=False) for _ in range(depth)]
    torch.manual_seed(0)
    for layer in layers:
        nn.init.orthogonal_(layer.weight, gain)
    inputs, _ = batch(width)
    found = layer_norms(nn.Sequential(*layers), cross_entropy, inputs, torch.arange(8))
    start = float(inputs.square().mean().sqrt())
    for place in range(depth):
        assert math.isclose(found.activation[place], start * gain ** (place + 1), rel_tol=1e-5)
        expected = float(found.gradient[-1]) * gain ** (depth - 1 - place)
        assert math.isclose(found.gradient[place], expected, rel_tol=1e-5)
    assert found.names == tuple(str(place) for place in range(depth))


class Net(nn.Module):
    """Convolutions before activations that work in place, a layer that is called twice, one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(2, 2)
        self.conv = nn.Conv2d(1, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.twice = nn.Linear(48, 48)
        self.head = nn.Linear(48, 4)
        self.outputs: list[Tensor] = []

    def forward(self, inputs: Tensor) -> Tensor:
        conv = self.conv(inputs.unflatten(1, (1, 4, 4)))
        flat = torch.relu_(conv + 0).flatten(1)
        first = self.twice(flat)
        second = self.twice(torch.tanh(first))
        head: Tensor = self.head(second)
        self.outputs = [conv, first, second, head]
        return head


def test_against_gradients_of_single_examples() -> None:
    torch.manual_seed(1)
    net, (inputs, targets) = Net(), batch()
    found = layer_norms(net, cross_entropy, inputs, targets)
    assert found.names == ("conv", "twice", "head")
    squares = torch.zeros(4, dtype=torch.float64)
    for one, target in zip(inputs, targets, strict=True):
        loss = cross_entropy(net(one[None]), target[None])
        for place, gradient in enumerate(torch.autograd.grad(loss, net.outputs)):
            squares[place] += gradient.double().square().sum()
    means = squares / len(inputs)
    expected = torch.stack([means[0], means[1] + means[2], means[3]]).sqrt()
    torch.testing.assert_close(found.gradient, expected, rtol=1e-5, atol=0.0)
    net(inputs)
    conv, first, second, head = (one.detach().double() for one in net.outputs)
    twice = torch.cat([first, second])
    means_of = [one.square().mean().sqrt() for one in (conv, twice, head)]
    torch.testing.assert_close(found.activation, torch.stack(means_of), rtol=1e-5, atol=0.0)


def test_an_activation_in_place_changes_nothing() -> None:
    torch.manual_seed(2)
    layers = [nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 4)]
    inputs, targets = batch()
    one = layer_norms(nn.Sequential(*layers), cross_entropy, inputs, targets)
    layers[1] = nn.ReLU(inplace=True)
    other = layer_norms(nn.Sequential(*layers), cross_entropy, inputs, targets)
    torch.testing.assert_close(one.gradient, other.gradient)
    torch.testing.assert_close(one.activation, other.activation)


def test_layers_that_no_gradient_reaches_are_left_out() -> None:
    net = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 16), nn.Linear(16, 4))
    net[0].requires_grad_(False)
    assert layer_norms(net, cross_entropy, *batch()).names == ("2", "3")
    assert all(one.grad is None for one in net.parameters())


def test_what_recurrent_layers_return() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(4, 8, batch_first=True), nn.Linear(8, 4)

        def forward(self, inputs: Tensor) -> Tensor:
            steps, _ = self.lstm(inputs.unflatten(1, (4, 4)))
            result: Tensor = self.head(steps[:, -1])
            return result

    found = layer_norms(Recurrent(), cross_entropy, *batch())
    assert found.names == ("lstm", "head")
    assert (found.gradient > 0).all()


def test_a_head_of_zeros_lets_nothing_through() -> None:
    net = nn.Sequential(nn.Linear(16, 16), nn.Linear(16, 4))
    nn.init.zeros_(net[1].weight)
    found = layer_norms(net, cross_entropy, *batch())
    assert found.gradient[0] == 0.0 < found.gradient[1]
