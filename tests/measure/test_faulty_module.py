"""The module that holds a fault is named, wherever it lies."""

import copy

import pytest
import torch
from torch import nn

from harness.measure.faulty_module import Network, find_faulty_module


class Detached(nn.Module):
    def forward(self, inputs):
        return inputs.detach()


class Block(nn.Module):
    def __init__(self, cut=False):
        super().__init__()
        self.first, self.second, self.cut = nn.Linear(8, 8), nn.Linear(8, 8), cut

    def forward(self, inputs):
        hidden = torch.tanh(self.first(inputs))
        return inputs + self.second(hidden.detach() if self.cut else hidden)


class Stack(nn.Module):
    """Blocks in a list, which is no module that is called, and a head that is."""

    def __init__(self, *blocks):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 3))

    def forward(self, inputs):
        for block in self.blocks:
            inputs = block(inputs)
        return self.head(inputs)


class Named(nn.Module):
    """Hands its input on by name and takes a tuple back."""

    def __init__(self, inside):
        super().__init__()
        self.inside = inside

    def forward(self, inputs):
        return inputs + self.inside(inputs=inputs)[0]


class Pair(nn.Module):
    def forward(self, inputs):
        return inputs.detach().sin(), None


def cut_inside() -> nn.Module:
    block = Block()
    block.second = nn.Sequential(Detached(), nn.Linear(8, 8))
    return block


class OfShares(nn.Module):
    """Takes shares of 1, and refuses whatever is added to them."""

    def forward(self, inputs):
        if not torch.allclose(inputs.sum(-1), torch.ones_like(inputs[..., 0])):
            raise ValueError("not shares of 1")
        return inputs.log()


CASES = {
    "1.second.0": lambda: nn.Sequential(nn.Linear(8, 8), cut_inside(), nn.Softmax(-1), OfShares()),
    "blocks.1": lambda: Stack(Block(), Block(cut=True), Block()),
    "blocks.0.second.0": lambda: Stack(cut_inside(), Block(), Block()),
    "blocks.1.inside": lambda: Stack(Block(), Named(Pair()), Block()),
    "": lambda: Outer(Stack(Block(), Block())),
}


class Outer(nn.Module):
    """The fault lies in its own lines."""

    def __init__(self, inside):
        super().__init__()
        self.inside = inside

    def forward(self, inputs):
        return self.inside(inputs) + self.inside(2 * inputs).detach()


def look(name, castable):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CASES[name]()
        points = torch.randn(2, 8)
    double = copy.deepcopy(model).double()
    network = Network(model, lambda: model(points)[:, 0].sum())
    exact = Network(double, lambda: double(points.double())[:, 0].sum()) if castable else None
    found = find_faulty_module(network, exact)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    return found


@pytest.mark.parametrize("name", CASES)
def test_the_module_is_named(name):
    assert look(name, castable=True) == name


@pytest.mark.parametrize("name", ["blocks.1.inside", ""])
def test_without_float64_it_is_named_where_a_quarter_of_the_slope_is_wrong(name):
    assert look(name, castable=False) == name
