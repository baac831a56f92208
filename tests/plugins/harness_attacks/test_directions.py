"""Random directions: of length 1, isotropic, of the example."""

import pytest
import torch

from harness.api import Draws
from harness_attacks.directions import fresh_directions, unit_directions


def made(ids, count: int, size: int, norm: str = "l2") -> torch.Tensor:
    draws = Draws(3, torch.as_tensor(ids))
    return torch.cat(list(unit_directions(draws, count, size, norm, torch.float64)), 1)


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize(("count", "size"), [(1, 1), (70, 7), (33, 4000), (100, 4000), (45, 2999)])
def test_there_are_as_many_of_length_one(norm, count, size):
    found = made([4, 9], count, size, norm)
    assert found.shape == (2, count, size)
    torch.testing.assert_close(found.norm(dim=2), torch.ones(2, count).double())


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_they_are_isotropic_beyond_those_that_are_drawn_afresh(norm):
    size = 4096
    assert fresh_directions(size) == 32
    found = made(range(10), 200, size, norm)
    assert abs(float(found.mean())) < 4 * (2_000 * size) ** -0.5 * size**-0.5
    # the scalar product of two directions has the mean 0 and the variance 1 / size
    products = torch.bmm(found, found.mT) * size**0.5
    others = products[:, ~torch.eye(200, dtype=torch.bool)]
    assert abs(float(others.mean())) < 0.02
    assert float(others.std()) == pytest.approx(1.0, abs=0.08)  # some share their magnitudes
    assert float(others.abs().max()) < 7


def test_the_normal_of_a_half_space_is_found():
    size = 1024
    normal = torch.randn(size, generator=torch.Generator().manual_seed(0)).double()
    found = made(range(20), 1000, size)
    sides = (found @ normal).sign()
    estimate = (found * sides[..., None]).mean(1)
    cosine = torch.cosine_similarity(estimate, normal[None], dim=1)
    expected = (1 + torch.pi * size / (2 * 1000)) ** -0.5
    assert float(cosine.mean()) == pytest.approx(expected, rel=0.05)


def test_they_belong_to_the_example():
    both, alone = made([4, 9], 100, 3000), made([9], 100, 3000)
    assert torch.equal(both[1:], alone)
    assert not torch.equal(both[0], both[1])
