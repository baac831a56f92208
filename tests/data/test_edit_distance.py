"""Edit distances: known words, all rows of a small alphabet against the definition, and rows far apart."""

from functools import cache
from itertools import product

import numpy as np
import pytest

from harness.data.edit_distance import edit_distances


def row(text: str, length: int) -> list[int]:
    return [*text.encode(), *[0] * (length - len(text))]


def by_definition(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    @cache
    def distance(i: int, j: int) -> int:
        if min(i, j) == 0:
            return max(i, j)
        best = min(distance(i - 1, j), distance(i, j - 1)) + 1
        best = min(best, distance(i - 1, j - 1) + (one[i - 1] != other[j - 1]))
        if min(i, j) > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
            best = min(best, distance(i - 2, j - 2) + 1)
        return best

    return distance(len(one), len(other))


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("kitten", "sitting", 3),
        ("the", "teh", 1),
        ("ca", "abc", 3),  # 2 where a part may be edited twice
        ("", "abc", 3),
        ("abc", "", 3),
        ("same", "same", 0),
        ("abcdefghijklmnop", "bcdefghijklmnopq", 2),
        ("a" * 60, "b" * 50, 60),
        ("x" * 70, "", 70),
    ],
)
def test_words_that_are_known(one: str, other: str, edits: int) -> None:
    pair = (np.array([row(text, 80)]) for text in (one, other))
    assert edit_distances(*pair, padding=0).tolist() == [edits]


def test_all_short_rows_are_as_far_apart_as_the_definition_says() -> None:
    rows = [text for size in range(5) for text in product((1, 2, 3), repeat=size)][::3]
    pairs = [(a, b) for a in rows for b in rows]
    filled = np.array([[(*x, 0, 0, 0, 0)[:4] for x in pair] for pair in pairs])
    found = edit_distances(filled[:, 0], filled[:, 1], 0)
    assert found.tolist() == [by_definition(a, b) for a, b in pairs]


def test_padding_is_no_part_wherever_it_is_and_without_it_zero_is_a_thing() -> None:
    one, other = np.array([[0, 5, 0, 6]]), np.array([[5, 6, 0, 0]])
    assert edit_distances(one, other, 0).tolist() == [0]
    assert edit_distances(one, other, None).tolist() == [3]
    random = np.random.default_rng(0).integers(1, 4, (30, 2, 20))
    found = edit_distances(random[:, 0], random[:, 1], None)
    assert found.tolist() == [by_definition(tuple(a), tuple(b)) for a, b in random.tolist()]


def test_what_a_narrow_band_finds_beyond_its_width_is_looked_for_anew() -> None:
    rows = np.random.default_rng(0).integers(0, 4, (20, 60))
    moved = np.roll(rows, 11, axis=1)
    found = edit_distances(rows, moved, 0)
    pairs = [
        tuple(tuple(value for value in one if value) for one in pair)
        for pair in zip(rows.tolist(), moved.tolist(), strict=True)
    ]
    assert found.tolist() == [by_definition(*pair) for pair in pairs]
    assert 8 < found.min() and found.max() < 32  # beyond the first band, within the second
