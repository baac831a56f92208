"""`fcos`: its count of parameters, its sizes, and that it learns where a square is."""

import pytest
import torch

from harness_architectures.fcos import build
from harness_architectures.options import FcosOptions


def small(**options):
    torch.manual_seed(0)
    return build(1, 3, FcosOptions(**{"width": 4, "depth": 1} | options)).eval()


def test_its_parameters_are_counted():
    with torch.device("meta"):
        model = build(1, 10, FcosOptions())
    wide = 64
    wanted = 9 * 16 + 2 * 16
    for given, made in ((16, 32), (32, 64), (64, 64), (64, 64)):
        wanted += 9 * (given * made + made * made) + given * made + 6 * made
    wanted += 3 * (wide * wide + wide)  # beside
    wanted += 2 * 2 * (9 * wide * wide + 2 * wide)  # towers
    wanted += 9 * wide * 15 + 15
    assert sum(p.numel() for p in model.parameters()) == wanted == 397_951


@pytest.mark.parametrize("size", [(8, 8), (7, 10), (1, 1), (33, 5), (64, 32)])
def test_it_answers_for_each_four_by_four_pixels_of_an_image_of_any_size(size):
    with torch.no_grad():
        found = small()(torch.rand(2, 1, *size))
    assert found.shape == (2, 8, -(-size[0] // 4), -(-size[1] // 4))


def test_without_a_pyramid_a_place_sees_no_farther_than_its_own_map():
    images = torch.rand(1, 1, 64, 64, requires_grad=True)
    reach = []
    for pyramid in (False, True):
        found = small(pyramid=pyramid, depth=0)(images)  # group norm sees all
        (slope,) = torch.autograd.grad(found[0, :, 8, 8].sum(), images)
        reach.append(int((slope[0, 0].abs().sum(0) > 0).sum()))
    assert reach[0] < 40 < reach[1]


def test_classes_begin_at_one_in_a_hundred():
    with torch.no_grad():
        found = small()(torch.rand(2, 1, 16, 16))[:, 5:].sigmoid()
    assert float(found.median()) == pytest.approx(0.01, rel=0.3)
