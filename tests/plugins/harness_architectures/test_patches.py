"""Patches of images by a product of matrices: what a convolution gives."""

import pytest
import torch
from torch import nn

from harness_architectures.patches import Patches


def on_both(patches, images, slope):
    """Return maps, and gradients of images and weights, as this and as the convolution gives them."""
    weights = [images, patches.weight, patches.bias]
    for maps in (patches(images), nn.Conv2d.forward(patches, images)):
        yield (maps, *torch.autograd.grad(maps, weights, slope))


@pytest.mark.parametrize(("channels", "side", "height", "width"), [(1, 2, 8, 8), (3, 4, 9, 14)])
def test_images_with_a_gradient_are_mapped_as_by_a_convolution(channels, side, height, width):
    torch.manual_seed(0)
    patches = Patches(channels, 6, side)
    images = torch.randn(5, channels, height, width, requires_grad=True)
    assert "Convolution" not in patches(images).grad_fn.name()
    slope = torch.randn(5, 6, height // side, width // side)
    for one, other in zip(*on_both(patches, images, slope), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_large_patches_of_images_without_a_gradient_and_single_images_are_convolved():
    assert "Convolution" in Patches(2, 6, 3)(torch.randn(5, 2, 9, 9)).grad_fn.name()
    patches, images = Patches(1, 6, 2), torch.randn(5, 1, 8, 8)
    assert "Convolution" not in patches(images).grad_fn.name()
    with torch.no_grad():
        assert torch.equal(patches(images.requires_grad_()), nn.Conv2d.forward(patches, images))
    assert patches(images[0]).shape == (6, 4, 4)


@pytest.mark.parametrize("side", [2, 5])
def test_no_gradient_is_looked_at_where_patches_are_read_as_a_graph(side):
    patches, images = Patches(1, 6, side), torch.randn(5, 1, 10, 10, requires_grad=True)
    read = torch.fx.symbolic_trace(
        nn.Sequential(patches)
    )  # a stand-in has no gradient, and to branch on it raises
    assert torch.equal(read(images), nn.Conv2d.forward(patches, images))


def test_they_have_the_names_and_the_start_of_a_convolution():
    torch.manual_seed(0)
    ours = Patches(3, 6, 4).state_dict()
    torch.manual_seed(0)
    theirs = nn.Conv2d(3, 6, 4, 4).state_dict()
    assert {name: one.tolist() for name, one in ours.items()} == {
        name: one.tolist() for name, one in theirs.items()
    }
