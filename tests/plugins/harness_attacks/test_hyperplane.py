"""Shortest steps to a hyperplane in a box: against linear programs, a bisection, and the authors' code."""

import numpy as np
import pytest
import torch
from pyautoattack import fab_projections
from scipy.optimize import linprog

from harness_attacks.hyperplane import shortest_steps

NORMS = ("linf", "l2", "l1")
ORDER = {"linf": torch.inf, "l2": 2, "l1": 1}
LOW, HIGH = -2.0, 3.0


def cases(rows: int = 40, width: int = 9) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Points, normals and gaps in float64; some coordinates at the box, some normals zero, both signs."""
    generator = torch.Generator().manual_seed(0)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    points = LOW + (HIGH - LOW) * rand(rows, width)
    points[rand(rows, width) < 0.15] = LOW
    points[rand(rows, width) < 0.15] = HIGH
    normals = (rand(rows, width) - 0.5) * 10 ** (2 * rand(rows, 1) - 1)
    normals[rand(rows, width) < 0.2] = 0.0
    signs = torch.where(rand(rows) < 0.5, -1.0, 1.0)
    reach = reachable(points, normals, signs)
    return points, normals, signs * reach * (0.02 + 0.97 * rand(rows))


def reachable(points: torch.Tensor, normals: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    """How far the height falls (sign 1) or rises (-1) when every coordinate goes to its side of the box."""
    downhill = -signs[:, None] * normals
    corner = torch.where(downhill > 0, HIGH, LOW)
    return (downhill * (corner - points)).sum(1)


def least_norm(points: np.ndarray, normal: np.ndarray, gap: float, norm: str) -> float:
    """The norm of the shortest step, by a linear program or, in L2, by bisection of the multiplier."""
    width = len(points)
    low, high = LOW - points, HIGH - points
    if norm == "l2":
        below, above = 0.0, 1e9
        for _ in range(300):
            middle = (below + above) / 2
            step = np.clip(-np.sign(gap) * middle * normal, low, high)
            below, above = (middle, above) if abs(step @ normal) < abs(gap) else (below, middle)
        return float(np.linalg.norm(step))
    eye = np.eye(width)
    if norm == "l1":  # step = up - down
        found = linprog(
            np.ones(2 * width),
            A_eq=np.r_[normal, -normal][None],
            b_eq=[-gap],
            bounds=[(0, h) for h in high] + [(0, -low_) for low_ in low],
        )
    else:  # minimise the last variable, t, with -t <= step <= t
        rim = np.ones((width, 1))
        found = linprog(
            np.r_[np.zeros(width), 1],
            A_ub=np.r_[np.c_[eye, -rim], np.c_[-eye, -rim]],
            b_ub=np.zeros(2 * width),
            A_eq=np.r_[normal, 0][None],
            b_eq=[-gap],
            bounds=[*zip(low, high, strict=True), (0, None)],
        )
    assert found.success
    return float(found.fun)


@pytest.mark.parametrize("norm", NORMS)
def test_steps_are_on_the_hyperplane_in_the_box_and_of_least_norm(norm):
    points, normals, gaps = cases()
    (steps,) = shortest_steps(normals, [(points, gaps)], norm, LOW, HIGH)
    torch.testing.assert_close((steps * normals).sum(1), -gaps, atol=1e-11, rtol=1e-11)
    assert (points + steps).min() >= LOW - 1e-14 and (points + steps).max() <= HIGH + 1e-14
    sizes = torch.linalg.vector_norm(steps, ORDER[norm], dim=1)
    expected = [
        least_norm(point, normal, gap, norm)
        for point, normal, gap in zip(points.numpy(), normals.numpy(), gaps.tolist(), strict=True)
    ]
    torch.testing.assert_close(sizes, torch.tensor(expected).double(), atol=1e-9, rtol=1e-7)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("width", [7, 300])
def test_against_the_authors_projections(norm, width):
    generator = torch.Generator().manual_seed(width)
    points = torch.rand((64, width), generator=generator)
    points[torch.rand((64, width), generator=generator) < 0.2] = 0.0
    normals = torch.randn((64, width), generator=generator)
    gaps = 0.1 * width**0.5 * torch.randn(64, generator=generator)
    offsets = (normals * points).sum(1) - gaps
    theirs = getattr(fab_projections, f"projection_{norm}")(points, normals, offsets)
    (ours,) = shortest_steps(normals, [(points, gaps)], norm, 0.0, 1.0)
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)


@pytest.mark.parametrize("norm", NORMS)
def test_two_starts_share_a_normal(norm):
    points, normals, gaps = cases()
    other = points.flip(0)
    signs = torch.where(gaps >= 0, -1.0, 1.0)
    there = 0.5 * signs * reachable(other, normals, signs)
    both = shortest_steps(normals, [(points, gaps), (other, there)], norm, LOW, HIGH)
    for step, start in zip(both, [(points, gaps), (other, there)], strict=True):
        assert torch.equal(step, shortest_steps(normals, [start], norm, LOW, HIGH)[0])


@pytest.mark.parametrize("norm", NORMS)
def test_where_the_box_does_not_reach_it_goes_to_the_corner(norm):
    points, normals, gaps = cases()
    signs = gaps.sign()
    beyond = 1.001 * signs * reachable(points, normals, signs)
    (steps,) = shortest_steps(normals, [(points, beyond)], norm, LOW, HIGH)
    downhill = -signs[:, None] * normals
    corner = torch.where(downhill > 0, HIGH, torch.where(downhill < 0, LOW, points))
    torch.testing.assert_close(points + steps, corner, atol=1e-12, rtol=0)


@pytest.mark.parametrize("norm", NORMS)
def test_no_step_on_the_hyperplane_or_where_the_normal_is_zero(norm):
    points, normals, gaps = cases()
    gaps[::2] = 0.0
    normals[1::2] = 0.0
    for dtype in (torch.float32, torch.float64):
        starts = [(points.to(dtype), gaps.to(dtype))]
        (steps,) = shortest_steps(normals.to(dtype), starts, norm, LOW, HIGH)
        assert torch.equal(steps, torch.zeros_like(steps))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_the_scale_of_the_normal_does_not_matter(norm, scale):
    points, normals, gaps = (tensor.float() for tensor in cases())
    (plain,) = shortest_steps(normals, [(points, gaps)], norm, LOW, HIGH)
    (scaled,) = shortest_steps(normals * scale, [(points, gaps * scale)], norm, LOW, HIGH)
    torch.testing.assert_close(scaled, plain, atol=2e-5, rtol=0)


@pytest.mark.parametrize("norm", NORMS)
def test_without_looking_at_values_the_steps_are_the_same(norm):
    points, normals, gaps = cases(rows=100, width=700)
    starts = [(points, gaps), (points.flip(1), 0.3 * gaps)]
    for eager, blind in zip(
        shortest_steps(normals, starts, norm, LOW, HIGH),
        shortest_steps(normals, starts, norm, LOW, HIGH, waits=False),
        strict=True,
    ):
        torch.testing.assert_close(blind, eager, atol=1e-9, rtol=0)


def test_equal_sizes_in_l1_are_filled_one_after_the_other_whoever_is_in_the_batch():
    width = 400
    normals = torch.ones(3, width).double()
    normals[:, ::2] = -1.0
    points = torch.full((3, width), 0.5).double()
    gaps = torch.tensor([3.0, -190.0, 300.0]).double()  # 6 and 380 coordinates; more than there are
    (steps,) = shortest_steps(normals, [(points, gaps)], "l1", 0.0, 1.0)
    torch.testing.assert_close(steps.abs().sum(1), torch.tensor([3.0, 190.0, 200.0]).double())
    assert (steps.abs() > 0).sum(1).tolist() == [6, 380, width]
    for row in range(3):
        alone = [(points[row : row + 1], gaps[row : row + 1])]
        assert torch.equal(
            shortest_steps(normals[row : row + 1], alone, "l1", 0.0, 1.0)[0][0], steps[row]
        )
