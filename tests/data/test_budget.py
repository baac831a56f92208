"""The norm ball and the box."""

import pytest
import torch

from harness.data.budget import NORMS, Budget

DELTA = torch.randn((50, 2, 3, 3), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_projection_is_inside_and_leaves_what_is_inside(norm):
    budget = Budget(norm, 1.5, -10, 10)
    found = budget.project(DELTA)
    assert budget.size(found).max() <= 1.5 * (1 + 1e-6)
    inside = budget.size(DELTA) <= 1.5
    torch.testing.assert_close(found[inside], DELTA[inside])
    torch.testing.assert_close(budget.project(found), found)


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_projection_is_the_nearest_point(norm):
    """(delta - p) . (q - p) <= 0 for all q in the ball: Kolmogorov's criterion."""
    budget = Budget(norm, 0.7, -10, 10)
    found = budget.project(DELTA)
    others = budget.project(DELTA.roll(1, 0))
    assert (((DELTA - found) * (others - found)).flatten(1).sum(1) <= 1e-5).all()


def test_sizes_by_hand():
    delta = torch.tensor([[[3.0, -4.0]]])
    assert Budget("linf", 1, 0, 1).size(delta).tolist() == [4.0]
    assert Budget("l2", 1, 0, 1).size(delta).tolist() == [5.0]
    assert Budget("l1", 1, 0, 1).size(delta).tolist() == [7.0]
    assert Budget("l0", 1, 0, 1).size(torch.tensor([[0.0, 2.0, -0.1]])).tolist() == [2.0]


def test_projections_by_hand():
    delta = torch.tensor([[[3.0, -4.0, 0.5]]])
    assert Budget("l1", 5, 0, 1).project(delta).tolist() == [[[2.0, -3.0, 0.0]]]
    assert Budget("l1", 0, 0, 1).project(delta).tolist() == [[[0.0, 0.0, 0.0]]]
    assert Budget("l0", 1, 0, 1).project(delta).tolist() == [[[0.0, -4.0, 0.0]]]
    assert torch.equal(Budget("l0", 3, 0, 1).project(delta), delta)


def test_another_norm_is_refused():
    with pytest.raises(ValueError, match="norm 'l3' is none of linf, l2, l1, l0"):
        Budget("l3", 1, 0, 1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("epsilon", [0.0, 0.3, 2.0])
def test_clipped_points_are_in_ball_and_box(norm, epsilon):
    budget = Budget(norm, epsilon, 0.0, 1.0)
    inputs = torch.rand((50, 2, 3, 3), generator=torch.Generator().manual_seed(1))
    found = budget.clip(inputs, inputs + DELTA)
    assert found.min() >= 0 and found.max() <= 1
    assert budget.size(found - inputs).max() <= epsilon * (1 + 1e-6) + 1e-6
    if epsilon == 0:
        assert torch.equal(found, inputs)


@pytest.mark.parametrize("norm", NORMS)
def test_an_infinite_ball_holds_everything(norm):
    assert torch.equal(Budget(norm, float("inf"), 0, 1).project(DELTA), DELTA)
