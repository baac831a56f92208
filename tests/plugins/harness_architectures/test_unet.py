"""`unet`: its count of parameters, its sizes, and how far a pixel's answer looks."""

import pytest
import torch

from harness_architectures.options import UnetOptions
from harness_architectures.unet import build


def small(**options):
    torch.manual_seed(0)
    return build(1, 3, UnetOptions(**{"width": 4, "depth": 2} | options)).eval()


def test_its_parameters_are_those_of_the_paper():
    with torch.device("meta"):
        model = build(1, 2, UnetOptions(width=64, depth=4))
    kernels = [p for p in model.parameters() if p.dim() == 4]
    wanted = 9 * (64 + 64**2) + 64 * 2  # the first level, the last layer
    for high in (64, 128, 256, 512):
        low = 2 * high
        wanted += 9 * (high * low + low * low) + 4 * low * high + 9 * (low * high + high * high)
    assert sum(p.numel() for p in kernels) == wanted
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(31.03e6, rel=1e-3)


@pytest.mark.parametrize("size", [(8, 8), (7, 10), (1, 1), (33, 5)])
def test_it_answers_for_each_pixel_of_an_image_of_any_size(size):
    with torch.no_grad():
        assert small()(torch.rand(2, 1, *size)).shape == (2, 3, *size)


def test_a_side_that_is_not_divided_is_repeated_at_its_end():
    model, images = small(), torch.rand(1, 1, 8, 6)
    larger = torch.cat([images, images[..., -1:], images[..., -1:]], 3)
    with torch.no_grad():
        assert torch.equal(model(images), model(larger)[..., :6])


def test_without_skips_no_level_reads_the_way_down():
    model, whole = small(skips=False), small()
    first = model.up[-1][0].weight
    assert first.shape[1] == 4 and whole.up[-1][0].weight.shape[1] == 8
    with torch.no_grad():
        assert model(torch.rand(2, 1, 8, 6)).shape == (2, 3, 8, 6)
