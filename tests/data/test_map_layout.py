"""Maps with their channels innermost: where the order has to be changed, so that nothing computes in two orders."""

import pytest
import torch
from torch import nn

from harness.data.map_layout import (
    by_channels,
    find_layout,
    is_by_channels,
    is_faster_by_channels,
    leave_gradient,
    meet_gradient,
)


class Mean(nn.Module):
    def forward(self, maps):
        return maps.mean((2, 3))


class Rows(nn.Module):
    def forward(self, maps):
        return maps.view(len(maps), -1)


def network(end):
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 6, 3), nn.ReLU()]
    return nn.Sequential(*layers, end)


def layout_of(model, channels=2):
    def run():
        leaf = torch.randn(2, channels, 6, 6, requires_grad=True)
        return model(leaf), [leaf]

    return find_layout(model, run)


def test_the_first_convolution_and_the_last_layer_change_the_order():
    model = network(Mean())
    found = layout_of(model)
    assert found.entered == (model[0],) and found.met == (model[3],)
    assert found.shapes[model[2]] == ((2, 4, 6, 6), (2, 6, 4, 4))
    assert not any(module._forward_hooks for module in model.modules())
    model[0].weight.data = by_channels(model[0].weight.data)
    model[0].register_forward_pre_hook(leave_gradient)
    model[3].register_forward_hook(meet_gradient)
    orders = {}

    def look(module, given, output):
        output.register_hook(lambda gradient: orders.update({module: is_by_channels(gradient)}))

    for layer in (model[1], model[2]):
        layer.register_forward_hook(look)
    inputs = torch.randn(3, 2, 6, 6, requires_grad=True)
    (gradient,) = torch.autograd.grad(model(inputs).square().sum(), inputs)
    assert orders == {model[1]: True, model[2]: True} and gradient.is_contiguous()
    assert layout_of(model).entered == layout_of(model).met == ()
    other = network(Mean())
    (expected,) = torch.autograd.grad(other(inputs).square().sum(), inputs)
    torch.testing.assert_close(gradient, expected)


def test_what_views_maps_as_rows_says_so():
    with pytest.raises(RuntimeError, match="view"):
        layout_of(network(Rows()))


def test_one_channel_has_both_orders_and_strides_say_which():
    one = torch.randn(3, 1, 5, 5)
    assert is_by_channels(one) and one.stride() == (25, 25, 5, 1)
    assert by_channels(one).stride() == (25, 1, 5, 1)
    assert not is_by_channels(torch.randn(3, 2, 5, 5)) and not is_by_channels("maps")


@pytest.mark.parametrize(
    "inputs",
    [
        torch.zeros(2, 3, 4),
        torch.zeros(2, 1, 4, 4, dtype=torch.float64),
        torch.zeros(2, 3, 4, 4).to("meta"),
    ],
)
def test_other_inputs_stay(inputs):
    assert not is_faster_by_channels(inputs)


def test_a_leaf_that_is_given_again_and_again_keeps_one_hook():
    leaf = torch.rand(2, 1, 8, 8, requires_grad=True)
    for _ in range(3):
        leave_gradient(nn.Conv2d(1, 1, 1), (leaf,))
    assert len(leaf._backward_hooks) == 1
    (leaf.to(memory_format=torch.channels_last) * 2).sum().backward()
    assert leaf.grad.is_contiguous()
