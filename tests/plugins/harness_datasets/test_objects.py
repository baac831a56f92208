"""Rows of objects, filled up."""

import pytest

from harness.api import DataError
from harness_datasets.objects import as_targets


def test_rows_are_filled_up_and_more_than_a_hundred_are_refused():
    found = as_targets([[], [(0, 1, 2, 3, 4, 1)]], str)
    assert found.shape == (2, 100, 6) and found[1, 0].tolist() == [0, 1, 2, 3, 4, 1]
    assert (found[0, :, 4] == -1).all() and (found[1, 1:, 4] == -1).all()
    with pytest.raises(DataError, match="a.png has 101 boxes; 100 are the most"):
        as_targets([[(0, 1, 2, 3, 4, 1)] * 101], lambda place: "a.png")
