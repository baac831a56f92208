"""Pooling against timm's blur and closed forms, and the networks that are built with each."""

import pytest
import torch
from timm.layers import BlurPool2d
from torch import nn

from harness_architectures.lenet import Lenet
from harness_architectures.options import LenetOptions
from harness_architectures.pooling import Blur, halved, pool

KINDS = ("max", "average", "max-blur", "strided")


@pytest.mark.parametrize("sides", [(8, 8), (7, 4), (2, 3)])
def test_the_blur_is_timms(sides):
    maps = torch.randn(2, 5, *sides)
    torch.testing.assert_close(Blur()(maps), BlurPool2d(5)(maps))


def test_a_blur_keeps_what_is_level_and_has_nothing_to_learn_or_to_store():
    blur = Blur()
    torch.testing.assert_close(blur(torch.full((1, 2, 6, 6), 3.0)), torch.full((1, 2, 3, 3), 3.0))
    assert not list(blur.parameters()) and not blur.state_dict()


def test_what_is_kept_of_four_pixels():
    maps = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    assert pool("max")(maps).tolist() == [[[[6.0]]]]
    assert pool("average")(maps).tolist() == [[[[3.0]]]]
    assert pool("strided")(maps) is maps


def test_a_point_that_moves_by_a_pixel_changes_blurred_maxima_less():
    def change(kind: str) -> float:
        here, there = torch.zeros(1, 1, 12, 12), torch.zeros(1, 1, 12, 12)
        here[..., 5, 5], there[..., 5, 6] = 1, 1
        before, after = pool(kind)(here), pool(kind)(there)
        return float((before - after).norm() / before.norm())

    assert change("max") == pytest.approx(2**0.5)
    assert change("max-blur") == pytest.approx(0.8**0.5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("readout", ["flat", "mean"])
def test_lenet_of_any_size_has_each(kind, readout):
    options = LenetOptions(pooling=kind, readout=readout)
    for shape in [(1, 8, 8), (3, 9, 13), (1, 28, 28), (2, 33, 70)]:
        model = Lenet(shape, 10, options)
        assert model(torch.randn(2, *shape)).shape == (2, 10)
        if readout == "mean":
            assert model.linear1.in_features == options.channels2


def test_the_mean_of_the_last_maps_is_read():
    model = Lenet((1, 8, 8), 3, LenetOptions(readout="mean")).eval()
    given = []
    model.linear1.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    maps = []
    model.pool.register_forward_hook(lambda module, inputs, output: maps.append(output))
    model(torch.rand(2, 1, 8, 8))
    torch.testing.assert_close(given[0], maps[1].mean((2, 3)))


def test_a_convolution_in_steps_rounds_up():
    convolution = nn.Conv2d(1, 1, 5, 2, padding=2)
    for side in (4, 5, 8, 9):
        assert convolution(torch.zeros(1, 1, side, side)).shape[-1] == halved(side, "strided")
        assert pool("max-blur")(torch.zeros(1, 1, side, side)).shape[-1] == halved(side, "max-blur")
