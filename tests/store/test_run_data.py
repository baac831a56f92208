"""What a run has kept of its examples, as figures count them."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import UsageError
from harness.store.run_data import ExampleArrays, open_run
from harness.store.store import Store


def test_when_examples_are_is_read_in_the_order_of_the_ids(tmp_path) -> None:
    time = {"time_places": np.array([0, 1, 2]), "time_block": np.array(2)}
    np.savez(tmp_path / "examples.npz", ids=np.array([9, 4, 7]), grade=np.arange(3.0), **time)
    kept = ExampleArrays.read(tmp_path)
    assert kept is not None and kept.time is not None
    assert kept.time.places.tolist() == [1, 2, 0] and kept.time.block == 2
    assert list(kept.arrays) == ["grade"] and kept.arrays["grade"].tolist() == [1, 2, 0]


def test_grades_count_by_their_sign_verdicts_as_they_are_and_errors_by_their_squares() -> None:
    arrays = {"grade": np.array([1.0, 3.0]), "right": np.array([True, False])}
    kept = ExampleArrays(np.array([4, 5]), arrays)

    def scores(*names: str) -> list[float] | None:
        found = kept.scores(names)
        return None if found is None else found[1].tolist()

    assert scores("+grade") == [1, 3] and scores("-grade") == [-1, -3]
    assert scores("grade") == [-1, -9] and scores("right") == [1, 0]
    assert scores("-grade", "right") == [0, -1.5] and scores("-other") is None


def test_a_path_that_is_no_store_is_told_as_such(tmp_path) -> None:
    Store(tmp_path / "store").close()
    for text in (str(tmp_path / "nowhere"), f"{tmp_path / 'nowhere'}:3", "./nowhere"):
        with pytest.raises(UsageError, match="nowhere' is not there; give the FOLDER of a store"):
            open_run(text, tmp_path / "store")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty' is no store: it has no store.sqlite"):
        open_run(str(tmp_path / "empty"), tmp_path / "store")
    with pytest.raises(UsageError, match="has no run yet"):  # it may be a run's name
        open_run("nowhere", tmp_path / "store")
