"""A convolution as one product: the same maps and gradients, whatever the settings and the order of its inputs."""

import pytest
import torch
from torch import nn

from harness.data.convolution_product import ConvolutionProduct, is_product
from harness.data.map_layout import by_channels, is_by_channels
from harness.data.search_twin import SearchTwins


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("turn", [by_channels, torch.clone])
@pytest.mark.parametrize(
    "settings",
    [
        {"padding": 2},
        {"stride": 2, "bias": False},
        {"padding": 2, "dilation": 2},
        {"groups": 4, "padding": "same"},
    ],
)
def test_it_computes_the_same(settings, turn, channels):
    torch.manual_seed(0)
    if settings.get("groups", 1) > channels:
        settings = {**settings, "groups": 1}
    convolution = nn.Conv2d(channels, 8, 5, **settings).requires_grad_(False)
    product = ConvolutionProduct.__new__(ConvolutionProduct)
    inputs = turn(torch.randn(7, channels, 8, 6)).requires_grad_()
    vars(product).update(vars(convolution), given=inputs.shape)
    found, expected = product(inputs), convolution(inputs)
    assert is_by_channels(found)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    gradients = [torch.autograd.grad(maps.square().sum(), inputs)[0] for maps in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(product(inputs[:2]), expected[:2], rtol=1e-5, atol=1e-5)
    wider = torch.randn(2, channels, 9, 8)
    torch.testing.assert_close(product(wider), convolution(wider), rtol=1e-5, atol=1e-5)


class Pyramid(nn.Module):
    """One convolution at two sizes, the smaller one last."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3)

    def forward(self, inputs):
        sizes = inputs, nn.functional.avg_pool2d(inputs, 8)
        return sum(self.convolution(one).mean((2, 3)) for one in sizes)


def test_maps_that_are_larger_than_those_it_pays_for_are_convolved():
    torch.manual_seed(0)
    model, inputs = Pyramid().eval(), torch.randn(3, 1, 64, 64)
    searched = SearchTwins().of(model, inputs)
    assert type(searched.convolution) is ConvolutionProduct
    torch.testing.assert_close(searched(inputs), model(inputs), rtol=1e-5, atol=1e-5)
    assert list(vars(searched.convolution)["_matrices"]) == [((1, 8, 8), True)]


@pytest.mark.parametrize(
    ("given", "made", "kernel", "pays"),
    [
        ((1, 8, 8), (6, 8, 8), 5, True),  # LeNet's on digits
        ((6, 4, 4), (16, 4, 4), 5, True),
        ((1, 28, 28), (6, 28, 28), 5, False),
        ((16, 8, 8), (16, 8, 8), 3, False),
        ((64, 4, 4), (64, 4, 4), 3, False),
    ],
)
def test_it_pays_where_maps_are_small_and_channels_few(given, made, kernel, pays):
    convolution = nn.Conv2d(given[0], made[0], kernel, padding=kernel // 2)
    circular = nn.Conv2d(given[0], made[0], kernel, padding_mode="circular")
    assert not is_product(circular, torch.Size((2, *given)), torch.Size((2, *made)))
    assert is_product(convolution, torch.Size((2, *given)), torch.Size((2, *made))) == pays
