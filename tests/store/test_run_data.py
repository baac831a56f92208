"""What a run has kept of its examples, as figures count them."""

from __future__ import annotations

import numpy as np

from harness.store.run_data import ExampleArrays


def test_grades_count_by_their_sign_verdicts_as_they_are_and_errors_by_their_squares() -> None:
    arrays = {"grade": np.array([1.0, 3.0]), "right": np.array([True, False])}
    kept = ExampleArrays(np.array([4, 5]), arrays)

    def scores(*names: str) -> list[float] | None:
        found = kept.scores(names)
        return None if found is None else found[1].tolist()

    assert scores("+grade") == [1, 3] and scores("-grade") == [-1, -3]
    assert scores("grade") == [-1, -9] and scores("right") == [1, 0]
    assert scores("-grade", "right") == [0, -1.5] and scores("-other") is None
