"""Randomized smoothing against its closed forms."""

import math

import pytest
import torch
from scipy import stats
from torch import nn

from harness_certified.options import CertifiedOptions
from harness_certified.smoothing import ABSTAINS, Smoothed, lower_bound


def test_the_radius_where_all_of_100_000_agree_is_that_of_the_paper():
    """Cohen et al. 2019, section 3.2.2: 3.8 sigma is the most that 100,000 copies can give at alpha 0.001."""
    least = lower_bound(100_000, 100_000, 0.001)
    assert least == pytest.approx(0.001 ** (1 / 100_000))
    assert 0.5 * stats.norm.ppf(least) == pytest.approx(1.9057, abs=5e-5)


@pytest.mark.parametrize(("found", "n"), [(0, 10), (60, 100), (99, 100), (997, 1000)])
def test_the_lower_bound_is_clopper_and_pearson_s(found, n):
    bound = lower_bound(found, n, 0.001)
    if found == 0:
        assert bound == 0.0
    else:
        assert stats.binom.sf(found - 1, n, bound) == pytest.approx(0.001, rel=1e-6)


def linear() -> nn.Module:
    model = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    return model


def test_of_a_linear_model_it_nears_the_distance_to_its_boundary():
    """P(vote) = Phi(distance / sigma), so the certified radius is the distance, less what the count is unsure of."""
    options = CertifiedOptions(sigma=0.5, votes=20_000, batch_size=5_000)
    smoothed = Smoothed(linear(), options, 2, seed=0)
    example = torch.tensor([0.3, 0.1])
    distance = float(linear()(example)[0].detach()) / 5.0
    voted = smoothed.certify(example, 7)
    assert voted.answer == 0
    assert distance - 0.03 < voted.radius < distance


def test_on_the_boundary_it_abstains():
    smoothed = Smoothed(linear(), CertifiedOptions(votes=1000), 2, seed=0)
    voted = smoothed.certify(torch.zeros(2), 1)
    assert voted.answer == ABSTAINS and voted.radius == 0.0


def test_a_certificate_is_wrong_no_more_often_than_said():
    """At alpha 0.2 the radius is above the distance for about a fifth of the examples at most."""
    options = CertifiedOptions(sigma=0.5, votes=400, alpha=0.2, first_votes=50, batch_size=500)
    smoothed = Smoothed(linear(), options, 2, seed=3)
    example = torch.tensor([0.2, 0.05])
    distance = float(linear()(example)[0].detach()) / 5.0
    too_wide = sum(smoothed.certify(example, name).radius > distance for name in range(300))
    assert too_wide <= stats.binom.ppf(0.999, 300, 0.2)
    assert too_wide > 20  # nor is the bound idle


def test_noise_belongs_to_the_example_whatever_the_batch():
    counts = [
        Smoothed(linear(), CertifiedOptions(batch_size=size), 2, 0)
        .count(torch.tensor([0.05, 0.0]), 5, 300, "votes")
        .tolist()
        for size in (300, 300)
    ]
    assert counts[0] == counts[1] and sum(counts[0]) == 300
    other = Smoothed(linear(), CertifiedOptions(), 2, 0).count(
        torch.tensor([0.05, 0.0]), 6, 300, "votes"
    )
    assert other.tolist() != counts[0]
    assert math.isclose(counts[0][0] / 300, stats.norm.cdf(0.03 / 0.25), abs_tol=0.1)
