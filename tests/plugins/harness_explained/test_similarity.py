"""Rank correlations against SciPy's."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from harness_explained.similarity import rank_correlations


def test_they_are_scipys_with_ties():
    draws = np.random.default_rng(0)
    first, second = draws.integers(0, 5, (2, 4, 30)).astype(float)
    expected = [spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    assert rank_correlations(first, second) == pytest.approx(expected)


def test_a_map_that_is_the_same_everywhere_is_like_none():
    assert rank_correlations(np.ones((1, 4)), np.arange(4.0)[None]).tolist() == [0.0]
