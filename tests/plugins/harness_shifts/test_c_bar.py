"""The corruptions of ImageNet-C-bar against their definitions, with the same random numbers."""

import numpy as np
import published_c_bar
import pytest
import torch
from shift_cases import RandomOfOne, photographs, task

from harness.api import Draws
from harness.api.measuring import call
from harness_shifts import BAR, harness_register_shifts
from harness_shifts.c_bar import strength
from harness_shifts.pixels import grey

ITEMS = {item.name: item for item in harness_register_shifts()}
KEY = 11


def apply(name: str, images: torch.Tensor, severity: int, first: int = 100) -> torch.Tensor:
    ids = torch.arange(first, first + len(images))
    given = task(tuple(images.shape[1:]))
    run = ITEMS[name].apply
    return call(
        run, inputs=images, severity=severity, draws=Draws(KEY, ids), task=given, options=None
    )


@pytest.mark.parametrize("side", [32, pytest.param(224, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", BAR)
def test_it_is_what_was_published(name, side):
    image = photographs(1, side)
    amount = published_c_bar.STRENGTH[name][side == 224][3]
    pixels = 255 * image[0].double().numpy().transpose(1, 2, 0)
    expected = getattr(published_c_bar, name)(pixels, amount, RandomOfOne(KEY, 100)).clip(0, 255)
    found = 255 * apply(name, image, 4)[0].double().numpy().transpose(1, 2, 0)
    assert np.abs(found - expected).mean() <= 0.1
    assert np.abs(pixels - expected).mean() > 0.3


@pytest.mark.parametrize("side", [32, 224])
def test_strengths_are_the_published_ones(side):
    image = torch.zeros(1, 3, side, side)
    for name, tables in published_c_bar.STRENGTH.items():
        found = tuple(strength(name, severity, image) for severity in range(1, 6))
        assert found == tables[side == 224]


def test_the_group_is_the_ten_and_its_draws_are_of_each_image():
    assert len(BAR) == 10
    assert {n for n, item in ITEMS.items() if "c-bar" in item.groups} == set(BAR)
    same = photographs(1, 32).expand(3, -1, -1, -1).contiguous()
    for name in BAR:
        found = apply(name, same, 5).flatten(1)
        assert float(torch.cdist(found, found).add(torch.eye(3)).min()) > 0.1, name


@pytest.mark.parametrize("name", sorted({*BAR} - {"brownish_noise"}))
def test_a_grey_image_is_taken_as_one_in_colour(name):
    image = 0.3 + 0.3 * grey(photographs(2, 32))
    found = apply(name, image, 1)
    coloured = grey(apply(name, image.expand(-1, 3, -1, -1).contiguous(), 1))
    assert float((found - coloured).abs().max()) < 1e-5


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 2, 3), (2, 1, 9), (4, 5, 40)], ids=str)
@pytest.mark.parametrize("name", BAR)
def test_images_may_be_small_and_oblong(name, shape):
    images = torch.rand((3, *shape), generator=torch.Generator().manual_seed(1))
    for severity in (1, 5):
        found = apply(name, images, severity)
        assert found.shape == images.shape and bool(found.isfinite().all())
        assert torch.equal(apply(name, images[1:], severity, first=101), found[1:])
