"""The paired interval of a change: it covers what it should, and is as published."""

import numpy as np
import pytest

from harness.measure.changes import change_interval, mean_change_interval
from harness.measure.intervals import wilson
from harness_quality.intervals import clustered_wilson


def verdicts(both: int, lost: int, won: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    before = np.repeat([True, True, False, False], [both, lost, won, neither])
    after = np.repeat([True, False, True, False], [both, lost, won, neither])
    return before, after


def test_the_change_is_what_was_won_less_what_was_lost():
    change, low, high = change_interval(*verdicts(70, 12, 4, 14))
    assert change == pytest.approx(-0.08)
    assert low < change < high


def test_the_other_way_round_is_the_mirror_image():
    one = change_interval(*verdicts(70, 12, 4, 14))
    other = change_interval(*verdicts(70, 4, 12, 14))
    assert np.allclose(one, -np.array(other)[[0, 2, 1]])


def test_where_nothing_changed_the_interval_has_width_yet():
    change, low, high = change_interval(*verdicts(80, 0, 0, 20))
    assert change == 0.0 and -0.06 < low < 0.0 < high < 0.06
    change, low, high = change_interval(*verdicts(50, 0, 0, 0))
    assert change == 0.0 and low < 0.0 < high
    assert change_interval(*verdicts(0, 9, 0, 0))[0] == -1.0


def test_without_correlation_it_is_the_interval_of_two_shares():
    """Newcombe 1998, 17:873: 56/70 and 48/80 as two samples give 0.0524 to 0.3339; here each of 70."""
    before, after = verdicts(49, 21, 0, 0)  # one side is the same for all: phi is 0
    change, low, high = change_interval(before, after)
    share_low, share_high = 0.58, 0.795  # Wilson's of 49/70, to three digits
    assert change == pytest.approx(-0.3)
    assert low == pytest.approx(-0.3 - np.hypot(0.7 - share_low, 0.0), abs=6e-3)
    assert high == pytest.approx(-0.3 + np.hypot(share_high - 0.7, 1 - 0.948), abs=1.5e-2)


@pytest.mark.parametrize("shares", [(0.9, 0.02, 0.01, 0.07), (0.5, 0.2, 0.05, 0.25)])
@pytest.mark.parametrize("n", [40, 400])
def test_it_covers_the_true_change(shares, n):
    generator = np.random.default_rng(5)
    truth = shares[2] - shares[1]
    covered = 0
    for counts in generator.multinomial(n, shares, size=1500):
        _, low, high = change_interval(*verdicts(*counts))
        covered += low <= truth <= high
    assert 0.935 <= covered / 1500


def as_shares(after: np.ndarray, copies: int) -> tuple:
    share = float(after.mean())
    return (share, *wilson(share, len(after))), np.stack([after] * copies).mean(axis=0)


def test_several_answers_that_are_all_the_same_are_one():
    before, after = verdicts(70, 12, 4, 14)
    found = mean_change_interval(before, *as_shares(after, 3))
    assert found == pytest.approx(change_interval(before, after))


@pytest.mark.parametrize("counts", [(80, 0, 0, 20), (50, 0, 0, 50), (50, 0, 0, 0)])
def test_several_answers_that_change_nothing_have_width_yet(counts):
    before, after = verdicts(*counts)
    change, low, high = mean_change_interval(before, *as_shares(after, 4))
    assert change == pytest.approx(0.0) and low < -0.005 and high > 0.0


def test_it_covers_the_true_change_of_a_mean_of_several_answers():
    generator = np.random.default_rng(6)
    covered = 0
    for _ in range(1000):
        hard = generator.random(60)  # how hard each is: what is hard once is hard again
        before = hard + 0.2 * generator.random(60) < 0.8
        after = np.stack([hard + 0.4 * generator.random(60) < 0.8 for _ in range(5)])
        mean = clustered_wilson(after)
        _, low, high = mean_change_interval(before, mean, after.mean(axis=0))
        covered += low <= 0.6 - 0.7 <= high
    assert 0.93 <= covered / 1000
