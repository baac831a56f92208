"""The projection on an L1 ball in a box: against bisection, and against the authors of APGD in L1."""

import pytest
import torch
from pyautoattack.autopgd_base import L1_projection

from harness_attacks.l1_box import project_l1_box


def by_bisection(inputs, delta, epsilon, low, high):
    sizes = delta.abs().double()
    room = torch.where(delta > 0, high - inputs, inputs - low).double()
    least, most = torch.zeros(len(delta), 1).double(), sizes.amax(1, keepdim=True)
    fits = torch.minimum(sizes, room).sum(1, keepdim=True) <= epsilon
    for _ in range(100):
        middle = (least + most) / 2
        above = torch.minimum((sizes - middle).clamp_min(0), room).sum(1, keepdim=True) > epsilon
        least, most = torch.where(above, middle, least), torch.where(above, most, middle)
    shrink = torch.where(fits, 0.0, most)
    return delta.sign() * torch.minimum((sizes - shrink).clamp_min(0), room)


def cases():
    generator = torch.Generator().manual_seed(0)
    for n in (1, 2, 6, 64, 300):
        for scale in (1e-3, 0.1, 2.0):
            inputs = 4 * torch.rand(40, n, generator=generator) - 1
            inputs[:10] = inputs[:10].round().clamp(-1, 3)  # at the sides of the box
            delta = scale * torch.randn(40, n, generator=generator)
            delta[::3] *= torch.rand(delta[::3].shape, generator=generator) < 0.2
            delta[5] = 0
            yield inputs, delta


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("epsilon", [0.0, 0.02, 0.5, 12.0])
def test_it_is_the_nearest_point_of_ball_and_box(dtype, epsilon):
    tolerance = 1e-5 if dtype == torch.float32 else 1e-10
    for inputs, delta in cases():
        inputs, delta = inputs.to(dtype), delta.to(dtype)
        found = project_l1_box(inputs, delta, epsilon, -1.0, 3.0)
        assert found.dtype == dtype
        expected = by_bisection(inputs, delta, epsilon, -1.0, 3.0).to(dtype)
        torch.testing.assert_close(found, expected, atol=tolerance, rtol=0)
        assert (found.abs().sum(1) <= epsilon * (1 + 1e-6)).all()


def test_what_is_inside_stays_and_shapes_are_kept():
    inputs, delta = torch.full((2, 3, 4, 4), 0.5), torch.full((2, 3, 4, 4), -0.01)
    assert torch.equal(project_l1_box(inputs, delta, 1.0, 0.0, 1.0), delta)


def test_it_agrees_with_the_authors():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.rand(50, 3, 8, 8, generator=generator)
    for scale in (0.1, 1.0):
        delta = scale * torch.randn(inputs.shape, generator=generator)
        for epsilon in (0.5, 6.0, 100.0):
            theirs = delta + L1_projection(inputs, delta, epsilon)
            ours = project_l1_box(inputs, delta, epsilon, 0.0, 1.0)
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
