"""Curves of insertion and deletion against closed forms."""

import pytest
import torch

from harness_explained.deletion import area, curve, part_counts, rank_parts


def test_the_largest_come_first_and_equal_ones_as_they_are_told():
    ties = torch.tensor([[3, 1, 0, 2], [3, 1, 0, 2]])
    values = torch.tensor([[0.0, 2.0, 1.0, 2.0], [7.0, 7.0, 7.0, 7.0]])
    assert rank_parts(values, ties).tolist() == [[3, 1, 2, 0], [3, 1, 0, 2]]


def test_points_lie_from_none_to_all():
    assert part_counts(36, 4) == [0, 12, 24, 36]
    assert part_counts(2, 11) == [0, 1, 2]


def test_the_share_of_white_pixels_is_followed():
    """A probability that is the mean of the image: it loses what is taken away."""
    given = torch.tensor([[[[0.8, 0.0], [0.4, 0.0]]]]).expand(1, 2, 2, 2)  # two channels alike
    taken = torch.zeros(1, 2, 2, 2)
    order = torch.tensor([[0, 2, 1, 3]])
    found = curve(
        lambda inputs: inputs.mean((1, 2, 3)), given, taken, order, (1, 2, 2), [0, 1, 2, 4]
    )
    torch.testing.assert_close(found, torch.tensor([[0.3, 0.1, 0.0, 0.0]]))
    assert area(found, [0, 1, 2, 4]).item() == pytest.approx(0.25 * (0.2 + 0.05))
    back = curve(
        lambda inputs: inputs.mean((1, 2, 3)), taken, given, order, (1, 2, 2), [0, 1, 2, 4]
    )
    torch.testing.assert_close(back, torch.tensor([[0.0, 0.2, 0.3, 0.3]]))


def test_steps_of_a_sequence_go_with_all_their_features():
    given, taken = torch.ones(1, 3, 2), torch.zeros(1, 3, 2)
    order = torch.tensor([[1, 0, 2]])
    seen = []
    curve(
        lambda inputs: seen.append(inputs.clone()) or inputs.mean((1, 2)),
        given, taken, order, (3, 1), [1],
    )  # fmt: skip
    assert seen[0].tolist() == [[[1, 1], [0, 0], [1, 1]]]
