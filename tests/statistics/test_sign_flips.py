import numpy as np
import pytest
from scipy import stats

from harness.statistics.inference import paired_p_value
from harness.statistics.sign_flips import sign_flip_p_value


def test_differences_of_one_sign_have_two_of_all_flips() -> None:
    assert sign_flip_p_value(np.full(5, 0.3)) == 2.0**-4
    assert sign_flip_p_value(np.array([0.0, -2.0])) == 1.0  # one difference, whatever its sign
    assert sign_flip_p_value(np.array([1.0, -1.0])) == sign_flip_p_value(np.zeros(3)) == 1.0


@pytest.mark.parametrize("shift", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("draw", ["standard_normal", "standard_cauchy", "standard_exponential"])
def test_the_tail_is_that_of_flipped_signs(draw: str, shift: float) -> None:
    draws = np.random.default_rng(3)
    found = getattr(draws, draw)(60) * draws.choice([-1, 1], 60) + shift
    flipped = stats.permutation_test(
        (found,), np.mean, permutation_type="samples", n_resamples=99_999, rng=draws
    )
    error = 4 * (flipped.pvalue / 1e5) ** 0.5
    assert sign_flip_p_value(found) == pytest.approx(flipped.pvalue, rel=0.15, abs=error)


def test_one_example_with_most_of_the_loss_hides_nothing_of_the_others() -> None:
    """A net's squared errors on 40 rows of a table out of statsmodels are such; t is 1.1."""
    draws = np.random.default_rng(0)
    losses = np.append(draws.normal(0.012, 0.02, 39), 1.0)
    assert stats.ttest_1samp(losses, 0).pvalue > 0.1
    assert sign_flip_p_value(losses) < 0.005
    assert paired_p_value(-losses[None] - 1.0, np.zeros((1, 40)) - 1.0) < 0.005


def test_it_is_wrong_no_more_often_than_it_says() -> None:
    draws = np.random.default_rng(1)
    nets = draws.standard_t(2, (2, 1000, 30)) ** 2
    found = np.array([sign_flip_p_value(row) for row in nets[0] - nets[1]])
    assert 0.02 < (found < 0.05).mean() < 0.065
