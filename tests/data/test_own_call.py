"""How a network is called, by the signature of its forward."""

import pytest
import torch
from torch import nn

from harness.data.own_call import call_of


class Positional(nn.Module):
    def forward(self, x, mask=None):
        return x + 1


class Keyword(nn.Module):
    def forward(self, *, pixel_values):
        return pixel_values + 1


class Other(nn.Module):
    def forward(self, input_ids=None, pixel_values=None, labels=None):
        assert input_ids is None
        return pixel_values + 1


class OnlyNamed(nn.Module):
    def forward(self, *, flag=False, values):
        return values + 1


class Second(nn.Module):
    def forward(self, numbers, categories, *, more):
        assert categories is None and more is None
        return numbers + 1


class Rest(nn.Module):
    def forward(self, *inputs, **more):
        return inputs[0] + 1


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Positional, ""),
        (Keyword, "its input as pixel_values"),
        (Other, "its input as pixel_values"),
        (OnlyNamed, "its input as values"),
        (Second, "None for categories, more"),
        (Rest, ""),
        (nn.Identity, ""),
    ],
)
def test_a_network_is_given_its_input(kind, words):
    net = kind()
    call = call_of(net)
    assert call.words() == words
    assert call(net, torch.zeros(2)).tolist() == [1 - (kind is nn.Identity)] * 2
