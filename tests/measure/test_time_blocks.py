"""Intervals of means of windows of time series: by hand, beside draws of blocks, and how often they hold the truth."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import stdtrit

from harness.measure.time_blocks import InTime
from harness_quality.intervals import mean_interval


def half(ends: tuple[float, float] | None) -> float:
    assert ends is not None
    return (ends[1] - ends[0]) / 2


def test_blocks_are_windows_that_share_a_step() -> None:
    assert InTime.of(np.arange(0, 60, 3), 9).block == 3
    assert InTime.of(np.arange(0, 60, 3), 10).block == 4
    assert InTime.of(np.arange(0, 300 * 20, 20), 10).block == 7  # of 300 times
    unlike = np.concatenate([np.arange(0, 60, 6), np.arange(1, 60, 6)])  # two series, a step apart
    assert InTime.of(unlike, 18).block == 6
    several = InTime.of(np.array([6, 0, 3, 0, 6, 9]), 6)
    assert several.places.tolist() == [2, 0, 1, 0, 2, 3] and several.block == 2
    assert several.some(np.array([1, 0, 0, 0, 1, 1], dtype=bool)).places.tolist() == [0, 0, 1]


def test_the_interval_is_that_of_the_circular_block_bootstrap() -> None:
    values = np.array([1.0, 3.0, 2.0, 5.0, 4.0, 9.0])
    found = InTime(np.arange(6), 2).mean_interval(values)
    off = values - 4.0
    squares = sum((off[k] + off[(k + 1) % 6]) ** 2 for k in range(6))
    by_hand = stdtrit(2, 0.975) * math.sqrt(squares / 2 * 3 / 2) / 6
    assert found == pytest.approx((4.0 - by_hand, 4.0 + by_hand))
    draw = np.random.default_rng(0)
    starts = draw.integers(0, 6, (40_000, 3, 1))
    means = values[(starts + np.arange(2)) % 6].mean(axis=(1, 2))
    assert means.var() == pytest.approx(squares / 2 / 36, rel=0.02)


def test_means_of_drawn_blocks_vary_as_is_known_without_drawing() -> None:
    draw = np.random.default_rng(0)
    values = lfilter([1.0], [1.0, -0.7], draw.normal(size=120))
    time = InTime(draw.permutation(np.arange(120) // 2), 5)  # two series at 60 times
    counts = time.drawn_counts(20_000)
    assert counts.shape == (20_000, 120) and (counts.sum(axis=1) == 120).all()
    assert (counts @ values / 120).var() == pytest.approx(time.variance(values) * 11 / 12, rel=0.04)


def test_blocks_of_one_window_are_the_usual_interval() -> None:
    values = np.random.default_rng(0).normal(size=500)
    _, low, high = mean_interval(values)
    assert half(InTime(np.arange(500), 1).mean_interval(values)) == pytest.approx(
        (high - low) / 2, rel=0.005
    )


def test_series_at_the_same_times_count_as_one_where_they_err_alike() -> None:
    values = np.random.default_rng(0).normal(size=200)
    alone = InTime(np.arange(200), 2).mean_interval(values)
    four = InTime(np.tile(np.arange(200), 4), 2).mean_interval(np.tile(values, 4))
    assert four == pytest.approx(alone)


def test_blocks_grow_where_values_hang_together_for_longer() -> None:
    draw = np.random.default_rng(0)
    noise = draw.normal(size=600)
    time = InTime(np.arange(600), 3)
    assert time.fitted(noise).block == 3
    slow = lfilter([1.0], [1.0, -0.9], noise)
    # Of an AR(1) the best length is (2 (2 phi / (1 - phi^2))^2 / (4 / 3) n)^(1/3): 43 for 0.9 and 13 for 0.5.
    assert 25 <= time.fitted(slow).block <= 60
    assert 8 <= time.fitted(lfilter([1.0], [1.0, -0.5], noise)).block <= 20
    assert InTime(np.arange(24), 3).fitted(np.arange(24.0)).block == 6  # a quarter of them
    assert InTime(np.arange(600), 150).fitted(slow).block == 150
    assert time.fitted(np.ones(600)).block == 3
    four = InTime(np.tile(np.arange(600), 4), 3)
    assert four.fitted(np.tile(slow, 4)).block == time.fitted(slow).block


def test_too_few_times_for_two_blocks_have_no_interval() -> None:
    assert InTime(np.arange(5), 3).mean_interval(np.arange(5.0)) is None


@pytest.mark.parametrize(("phi", "least", "independent"), [(0.0, 0.93, 0.97), (0.8, 0.9, 0.88)])
def test_the_mean_error_on_an_autoregressive_series_is_held(
    phi: float, least: float, independent: float
) -> None:
    """The mean of |y| under a forecast of 0, windows of 6 and 3 to come, 100 of them; 95 % are promised."""
    draw, horizon, windows, rounds = np.random.default_rng(0), 3, 100, 400
    noise = draw.normal(size=(rounds, 200 + windows * horizon)) * math.sqrt(1 - phi**2)
    series = lfilter([1.0], [1.0, -phi], noise)[:, 200:]
    errors = np.abs(series).reshape(rounds, windows, horizon).mean(axis=2)
    truth, time = math.sqrt(2 / math.pi), InTime.of(np.arange(windows) * horizon, 6 + horizon)

    def holds(ends: tuple[float, float] | None) -> bool:
        assert ends is not None
        return ends[0] <= truth <= ends[1]

    assert least <= np.mean([holds(time.mean_interval(row)) for row in errors]) <= 0.98
    assert np.mean([holds(mean_interval(row)[1:]) for row in errors]) <= independent
