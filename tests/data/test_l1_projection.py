"""The projection on an L1 ball and a box, against independent solvers and its own definition."""

import math

import pytest
import torch
from pyautoattack.autopgd_base import L1_projection
from scipy.optimize import brentq

from harness.data.l1_projection import project_l1

KINDS = ("normal", "wide", "tiny", "sparse", "cubed")


def make(kind: str, dtype: torch.dtype, low=0.0, high=1.0, rows=40, size=(3, 8, 8)):
    """Inputs in the box, many of them at its sides, and points to project."""
    generator = torch.Generator().manual_seed(KINDS.index(kind))
    inputs = torch.rand((rows, *size), generator=generator).to(dtype)
    inputs[inputs < 0.2], inputs[inputs > 0.9] = 0, 1
    noise = torch.randn(inputs.shape, generator=generator).to(dtype)
    if kind == "wide":
        noise *= 30
    elif kind == "tiny":
        noise *= 1e-4
    elif kind == "sparse":
        noise *= torch.rand(inputs.shape, generator=generator) < 0.05
    elif kind == "cubed":
        noise = noise**3
    inputs = low + (high - low) * inputs
    return inputs, inputs + (high - low) * noise


def solve(inputs, perturbed, radius: float, low: float, high: float) -> torch.Tensor:
    """The same by scipy's root finder, row by row in double precision."""
    found = []
    for x, z in zip(inputs.double(), perturbed.double(), strict=True):
        y, room = z - x, (z.clamp(low, high) - x).abs()

        def move(shrink, y=y, room=room):
            return torch.minimum((y.abs() - shrink).clamp_min(0), room)

        if move(0).sum() <= radius:
            found.append(z.clamp(low, high))
            continue

        def excess(shrink, move=move):
            return float(move(shrink).sum()) - radius

        shrink = brentq(excess, 0, float(y.abs().max()), xtol=1e-15, rtol=1e-14)
        found.append(x + y.sign() * move(shrink))
    return torch.stack(found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [0.02, 3.0, 40.0, 1000.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("box", [(0.0, 1.0), (-3.0, 5.0), (-math.inf, math.inf)])
def test_it_is_what_a_root_finder_says(kind, radius, dtype, box):
    finite = (0.0, 1.0) if math.isinf(box[0]) else box
    inputs, perturbed = make(kind, dtype, *finite)
    found = project_l1(inputs, perturbed, radius, *box)
    expected = solve(inputs, perturbed, radius, *box).to(dtype)
    largest = float(perturbed.abs().max())
    accuracy = 4e-7 * max(largest, 3.0) if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(found, expected, atol=accuracy, rtol=0)
    assert found.dtype == dtype and found.min() >= box[0] and found.max() <= box[1]
    sizes = (found.double() - inputs.double()).flatten(1).abs().sum(1)
    rounding = 192 * 3e-7 * max(map(abs, finite)) if dtype == torch.float32 else 1e-12
    assert sizes.max() <= radius * (1 + 1e-6) + rounding


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_what_the_authors_of_autoattack_compute(kind):
    inputs, perturbed = make(kind, torch.float32)
    theirs = perturbed + L1_projection(inputs, perturbed - inputs, 7.0)
    ours = project_l1(inputs, perturbed, 7.0, 0.0, 1.0)
    accuracy = 3e-5 * max(float(perturbed.abs().max()), 1.0)  # of their cumulative sums in float32
    torch.testing.assert_close(ours, theirs, atol=accuracy, rtol=0)


def test_no_point_of_ball_and_box_is_nearer():
    """(z - p) . (q - p) <= 0 for all q in the set: Kolmogorov's criterion."""
    inputs, perturbed = make("normal", torch.float64)
    found = project_l1(inputs, perturbed, 5.0, 0.0, 1.0)
    generator = torch.Generator().manual_seed(9)
    for _ in range(50):
        other = inputs + torch.randn(inputs.shape, generator=generator).double() ** 3
        other = project_l1(inputs, other, 5.0, 0.0, 1.0)
        products = ((perturbed - found) * (other - found)).flatten(1).sum(1)
        assert (products <= 1e-10).all()


def test_each_row_has_its_own_radius_and_its_own_answer():
    inputs, perturbed = make("normal", torch.float32)
    radii = torch.linspace(0, 150, len(inputs))
    radii[3] = torch.inf
    found = project_l1(inputs, perturbed, radii, 0.0, 1.0)
    for row in range(len(inputs)):
        one = slice(row, row + 1)
        alone = project_l1(inputs[one], perturbed[one], float(radii[row]), 0.0, 1.0)
        assert torch.equal(alone, found[one])
    assert torch.equal(found[0], inputs[0])
    torch.testing.assert_close(found[3], perturbed[3].clamp(0, 1))


def test_what_is_shrunk_to_zero_is_the_input_bit_for_bit():
    inputs, perturbed = make("normal", torch.float32)
    found = project_l1(inputs, perturbed, 3.0, 0.0, 1.0)
    moved = (found != inputs).flatten(1).sum(1)
    exact = solve(inputs, perturbed, 3.0, 0.0, 1.0)
    expected = ((exact - inputs.double()).abs() > 1e-7).flatten(1).sum(1)
    assert torch.equal(moved, expected)
    assert moved.max() < 30


@pytest.mark.parametrize("share", [0.001, 0.01])
@pytest.mark.parametrize("radius", [1.0, 12.0])
def test_few_large_coordinates_among_small_ones(share, radius):
    """As a step of APGD has them; the ball is used up by all, whatever the number of rounds."""
    generator = torch.Generator().manual_seed(2)
    inputs = torch.full((50, 3072), 0.5)
    noise = 1e-3 * torch.randn(inputs.shape, generator=generator)
    noise[torch.rand(inputs.shape, generator=generator) < share] = 50.0
    noise[:, 7] = 50.0
    found = project_l1(inputs, inputs + noise, radius)
    sizes = (found.double() - inputs).abs().sum(1)
    assert (sizes - radius).abs().max() < 5e-4 * radius
