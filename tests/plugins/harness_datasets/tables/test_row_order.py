"""What neighbouring rows say of how a table came to be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness_datasets.tables.columns import take_columns
from harness_datasets.tables.findings import TableRows
from harness_datasets.tables.options import TableOptions
from harness_datasets.tables.raw import RawTable
from harness_datasets.tables.row_order import find_in_order
from harness_datasets.tables.target import read_target

RANDOM = np.random.default_rng(0)
N = 200
NOISE = RANDOM.normal(size=N)
WALK = RANDOM.normal(size=N).cumsum()
BLOCKS = np.repeat(RANDOM.integers(0, 3, N // 5), 5)
SHUFFLED = RANDOM.permutation(N)


def told(columns: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Return the findings about rows of these columns, the last of which is the target."""
    cells = {name: [str(value) for value in values] for name, values in columns.items()}
    names = tuple(columns)
    table = RawTable(Path("t.csv"), names, tuple(cells.values()), range(N))
    chosen = TableOptions(path="t.csv", **options)
    target = read_target(table, chosen)
    taken = take_columns(table, chosen, [target.name, *filter(None, [chosen.group, chosen.order])])
    rows = TableRows(table, target, np.arange(N) % 2 == 0, taken, chosen)
    return {one.code: one for one in find_in_order(rows)}


@pytest.mark.parametrize(
    ("target", "alike"),
    [
        (WALK, 0.95),  # of neighbours in a random walk: nearly 1
        (BLOCKS, 0.6),  # five of a class in a row: 1 - P(change) / P(difference) is 0.8
    ],
    ids=["numbers", "classes"],
)
def test_targets_like_those_of_the_rows_before(target: np.ndarray, alike: float) -> None:
    found = told({"x": NOISE, "y": target})
    assert alike < found["neighbours-alike"].numbers["alike"] <= 1


@pytest.mark.parametrize(
    "target",
    [
        NOISE,
        RANDOM.integers(0, 3, N),
        np.sort(NOISE),
        np.sort(BLOCKS),
        np.tile(np.arange(2), N // 2),
        np.sort(NOISE)[::-1],
    ],
    ids=["noise", "classes", "sorted", "sorted classes", "in turns", "falling"],
)
def test_targets_in_any_order_or_sorted_are_none(target: np.ndarray) -> None:
    assert told({"x": RANDOM.normal(size=N), "y": target}) == {}


def test_neighbours_by_an_index_in_a_shuffled_file() -> None:
    found = told({"id": SHUFFLED, "x": NOISE, "y": WALK[SHUFFLED]})
    assert "by 'id'" in found["neighbours-alike"].sentence
    assert "order=id" in found["neighbours-alike"].advice


def test_a_column_in_the_order_of_the_rows_is_what_to_cut_by() -> None:
    found = told({"minute": np.arange(N) * 0.5, "x": NOISE, "y": WALK})
    assert "order=minute" in found["neighbours-alike"].advice


def test_who_cuts_by_time_or_group_is_told_nothing() -> None:
    columns = {"minute": np.arange(N) * 0.5, "x": NOISE, "y": WALK}
    assert told(columns, order="minute") == {} == told(columns, order="#")
    assert told({"who": np.arange(N) // 10, **columns}, group="who") == {}
