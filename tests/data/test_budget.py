"""The norm ball and the box."""

import pytest
import torch

from harness.data.budget import NORMS as EVERY
from harness.data.budget import Budget
from harness.data.draws import Draws
from harness.data.text_code import TextCode

DELTA = torch.randn((50, 2, 3, 3), generator=torch.Generator().manual_seed(0))

NORMS = [norm for norm in EVERY if norm != "edits"]  # of real numbers


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


@pytest.mark.parametrize("norm", NORMS)
def test_each_perturbation_may_have_a_ball_of_its_own(norm):
    radii = torch.tensor([0.0, 0.4, 1.0, 2.0, 3.0, 7.0, 18.0, 40.0, torch.inf, 1.0])
    delta = DELTA[:10]
    found = Budget(norm, 9.0, -10, 10).project(delta, radii)
    for index, radius in enumerate(radii.tolist()):
        alone = Budget(norm, radius, -10, 10).project(delta[index : index + 1])
        torch.testing.assert_close(found[index : index + 1], alone, rtol=1e-6, atol=0)
    assert torch.equal(found[0], torch.zeros_like(delta[0]))
    assert torch.equal(found[8], delta[8])


@pytest.mark.parametrize("radius", [0.05, 3.0, 80.0, 2000.0, 1e6])
def test_projection_on_a_large_l1_ball_is_by_the_definition(radius):
    """Shrink all by t >= 0, the t that makes the sum epsilon: by bisection, however many are left."""
    delta = torch.randn((20, 3000), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    low, high = torch.zeros(20, 1), delta.abs().amax(1, keepdim=True)
    for _ in range(80):
        middle = (low + high) / 2
        outside = (delta.abs() - middle).clamp_min(0).sum(1, keepdim=True) > radius
        low, high = torch.where(outside, middle, low), torch.where(outside, high, middle)
    expected = delta.sign() * (delta.abs() - low).clamp_min(0)
    found = Budget("l1", radius, -10, 10).project(delta)
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)


def test_of_equal_coordinates_the_first_stay_whatever_other_rows_keep():
    delta = torch.tensor([[1.0, -2.0, 2.0, 2.0, 0.5], [3.0, 3.0, -3.0, 3.0, 3.0]])
    found = Budget("l0", 9, 0, 1).project(delta, torch.tensor([2.0, 4.0]))
    assert found.tolist() == [[0.0, -2.0, 2.0, 0.0, 0.0], [3.0, 3.0, -3.0, 3.0, 0.0]]
    assert torch.equal(Budget("l0", 2, 0, 1).project(delta)[:1], found[:1])


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


def draws(count: int, key: int = 3) -> Draws:
    return Draws(key, torch.arange(count) + 100)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0, 2.0, 100.0, float("inf")])
def test_random_points_are_in_ball_and_box(norm, epsilon):
    budget = Budget(norm, epsilon, -0.5, 1.0)
    inputs = 1.5 * torch.rand((50, 2, 3, 3), generator=torch.Generator().manual_seed(1)) - 0.5
    found = budget.random(inputs, draws(50))
    assert found.shape == inputs.shape and found.dtype == inputs.dtype
    assert found.min() >= -0.5 and found.max() <= 1
    assert budget.size(found - inputs).max() <= epsilon * (1 + 1e-5) + 1e-6
    moves = epsilon >= (1 if norm == "l0" else 0.3)
    assert torch.equal(found, inputs) != moves


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_random_points_fill_the_ball_evenly(norm):
    """P(size <= r epsilon) = r^d; no axis, sign or pair of axes is preferred."""
    from scipy import stats

    count, dimensions = 6000, 3
    budget = Budget(norm, 0.5, -9.0, 9.0)
    found = budget.random(torch.zeros(count, dimensions), draws(count))
    volumes = ((budget.size(found) / 0.5) ** dimensions).double().numpy()
    assert stats.kstest(volumes, "uniform").pvalue > 1e-3
    assert found.mean(0).abs().max() < 0.015
    variance = {"linf": 1 / 3, "l2": 1 / 5, "l1": 1 / 10}[norm] * 0.25  # of a coordinate, d = 3
    moments = found.T @ found / count
    torch.testing.assert_close(moments, variance * torch.eye(3), rtol=0.06, atol=0.003)


def test_coordinates_of_a_uniform_l1_ball():
    """In d dimensions a coordinate has the density (d / 2) (1 - |x|)^(d - 1)."""
    from scipy import stats

    found = Budget("l1", 1.0, -9.0, 9.0).random(torch.zeros(4000, 4), draws(4000))
    sizes = found[:, 2].abs().double().numpy()
    assert stats.kstest(sizes, stats.beta(1, 4).cdf).pvalue > 1e-3


def test_random_points_in_l0_change_that_many_coordinates():
    from scipy import stats

    budget = Budget("l0", 2.0, -1.0, 3.0)
    found = budget.random(torch.zeros(6000, 1, 5), draws(6000)).flatten(1)
    changed = found != 0
    assert (changed.sum(1) == 2).all()
    assert (changed.float().mean(0) - 2 / 5).abs().max() < 0.03
    values = ((found[changed] + 1) / 4).double().numpy()
    assert stats.kstest(values, "uniform").pvalue > 1e-3


def test_a_random_point_of_an_infinite_ball_is_uniform_in_the_box():
    from scipy import stats

    found = Budget("l2", float("inf"), -1.0, 3.0).random(torch.zeros(2000, 2), draws(2000))
    assert stats.kstest(((found.flatten() + 1) / 4).double().numpy(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_random_points_belong_to_the_example(norm, dtype):
    budget = Budget(norm, 3.0, 0.0, 1.0)
    inputs = torch.full((9, 1, 4, 4), 0.5, dtype=dtype)
    together = budget.random(inputs, draws(9))
    index = torch.tensor([7, 2])
    assert torch.equal(budget.random(inputs[index], draws(9).select(index)), together[index])
    assert not torch.equal(budget.random(inputs, draws(9, key=4)), together)
    assert together.dtype == dtype


def test_in_edits_a_text_outside_of_the_ball_is_given_back():
    words = torch.tensor([[1, 2, 3, 4, 0, 0]] * 4)
    changed = torch.tensor(
        [[2, 1, 3, 4, 0, 0], [1, 3, 4, 0, 0, 0], [1, 2, 9, 3, 4, 0], [4, 3, 2, 1, 0, 0]]
    )
    ball = Budget("edits", 1, 0, 9, TextCode(by="characters", things=("",) * 10, padding=0))
    assert ball.distance(words, changed).tolist() == [1, 1, 1, 3]
    assert ball.clip(words, changed).tolist() == [*changed[:3].tolist(), words[0].tolist()]
    wide = torch.tensor([0.0, 1.0, 2.0, 3.0])
    assert ball.clip(words, changed, wide).tolist() == [words[0].tolist(), *changed[1:].tolist()]
