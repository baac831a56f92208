"""What chance explains of equal examples: numbers drawn from few values, and copies of rows."""

import numpy as np
import pytest

from harness.data.coincidence import chance_share


def _share(inputs: np.ndarray) -> float:
    rows = np.arange(len(inputs))
    return chance_share(inputs, rows[::2], rows[1::2])


def _categories(draw: np.random.Generator, words: int, rows: int) -> np.ndarray:
    return np.eye(words)[draw.integers(0, words, rows)]


def _make(name: str, draw: np.random.Generator, n: int = 600) -> np.ndarray:
    age = draw.integers(18, 80, n).astype(float)
    if name == "one column":
        return age[:, None]
    if name == "skewed flags":
        return (draw.random((n, 6)) < 0.05).astype(float)
    if name == "categories":
        return np.concatenate([_categories(draw, 4, n), _categories(draw, 3, n)], axis=1)
    if name == "columns that follow":  # the year of birth from the age
        return np.stack([age, 2000 - age, draw.integers(0, 3, n)], axis=1)
    if name == "rounded":  # both are of one number
        share = draw.random(n)
        return np.stack([(1000 * share).round(), (90 * share).round()], axis=1)
    if name == "nearly one":  # the ends of an interval, most often of no length
        return np.stack([age // 2, age // 2 + (draw.random(n) < 0.1)], axis=1)
    if name == "rare":
        return draw.integers(0, 40, (n, 2)).astype(float)
    raise KeyError(name)


@pytest.mark.parametrize(
    "name",
    [
        "one column",
        "skewed flags",
        "categories",
        "columns that follow",
        "rounded",
        "nearly one",
        "rare",
    ],
)
def test_chance_explains_examples_of_few_values(name: str) -> None:
    assert _share(_make(name, np.random.default_rng(1))) > 0.9


@pytest.mark.parametrize("name", ["real", "rounded", "wide"])
def test_chance_does_not_explain_copies(name: str) -> None:
    draw = np.random.default_rng(2)
    rows = draw.normal(size=(150, 2000 if name == "wide" else 3)).round(
        2 if name == "rounded" else 15
    )
    copies = np.repeat(rows, 4, axis=0)[draw.permutation(600)]
    assert _share(copies) < 0.05


def test_at_the_ends_nothing_or_all_is_explained() -> None:
    assert _share(np.random.default_rng(3).normal(size=(40, 2))) == 0.0
    assert _share(np.ones((4, 1))) == 1.0
