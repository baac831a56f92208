"""The power law of a learning curve: against its closed form, another solver, and intervals that hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from harness_quality.learning_law import fit_law, over_seeds_and_examples

SIZES = np.array([50.0, 100.0, 200.0, 400.0, 800.0, 1600.0])


@pytest.mark.parametrize(("a", "b", "c"), [(0.3, 0.5, 0.0), (0.3, 0.35, 0.02), (0.2, 1.2, 0.05)])
def test_a_law_without_noise_is_found(a, b, c):
    errors = a * (SIZES / 50) ** -b + c
    law = fit_law(SIZES, errors, errors)
    assert law.exponent == pytest.approx(b, rel=0.01)
    assert law.floor == pytest.approx(c, abs=0.003)
    np.testing.assert_allclose(law.at(SIZES), errors, rtol=0.005)
    assert law.at(np.array([3200.0]))[0] == pytest.approx(a * 64**-b + c, rel=0.02)


def test_it_is_the_least_squares_of_another_solver():
    generator = np.random.default_rng(3)
    errors = (0.3 * (SIZES / 50) ** -0.5 + 0.02) * generator.normal(1.0, 0.05, len(SIZES))
    ours = fit_law(SIZES, errors, errors)
    theirs, _ = curve_fit(
        lambda n, a, b, c: a * (n / 1600) ** -b + c,
        SIZES,
        errors,
        p0=(0.1, 0.5, 0.01),
        sigma=np.sqrt(errors),
        bounds=(0, [2, 4, 1]),
    )
    assert [ours.scale, ours.exponent, ours.floor] == pytest.approx(list(theirs), rel=0.02)


def test_many_curves_are_fitted_at_once():
    generator = np.random.default_rng(4)
    errors = generator.uniform(0.05, 0.4, (7, 3, 6))
    every = fit_law(SIZES, errors, errors.mean(axis=(0, 1)))
    one = fit_law(SIZES, errors[5, 2], errors.mean(axis=(0, 1)))
    assert every.exponent.shape == (7, 3)
    np.testing.assert_allclose(every.at(SIZES)[5, 2], one.at(SIZES))
    assert every.exponent[5, 2] == one.exponent


def test_what_does_not_fall_has_no_exponent_and_what_is_0_is_no_trouble():
    rising = fit_law(SIZES, np.linspace(0.1, 0.2, 6), np.linspace(0.1, 0.2, 6))
    assert rising.exponent == 0 and rising.at(SIZES)[0] == pytest.approx(rising.at(SIZES)[-1])
    ends = np.array([0.2, 0.1, 0.05, 0.02, 0.0, 0.0])
    assert np.isfinite(fit_law(SIZES, ends, ends).at(SIZES)).all()
    nothing = fit_law(SIZES, np.zeros(6), np.zeros(6))
    assert nothing.exponent == 0 and nothing.floor == 0


@pytest.mark.slow
def test_intervals_hold_the_exponent_and_the_errors_as_often_as_they_say():
    """Seeds and test examples are drawn anew; 95 % within what 200 trials tell, or more."""
    generator = np.random.default_rng(5)
    truth, held, held_errors = 0.3 * (SIZES / 50) ** -0.5, 0, 0
    trials, seeds, examples = 200, 4, 400
    for _ in range(trials):
        of_seed = truth * np.exp(generator.normal(0, 0.1, (seeds, len(SIZES))))
        hard = generator.uniform(size=examples)  # an example is as hard for all
        wrong = (hard < of_seed[..., None]).astype(float)
        counts = generator.multinomial(examples, np.full(examples, 1 / examples), size=60)
        errors = np.concatenate([wrong.mean(-1)[None], np.einsum("ske,re->rsk", wrong, counts) / examples])  # fmt: skip
        typical = errors[0].mean(axis=0)
        found = over_seeds_and_examples(
            errors, lambda mean, typical=typical: fit_law(SIZES, mean, typical).exponent[..., None]
        )
        held += bool(abs(found.values[0] - 0.5) <= found.half[0])
        of_errors = over_seeds_and_examples(errors, lambda mean: mean)
        held_errors += (np.abs(of_errors.values - truth) <= of_errors.half).mean()
    assert held / trials > 0.91
    assert 0.91 < held_errors / trials <= 1.0


def test_one_seed_has_the_interval_of_examples_alone():
    errors = np.random.default_rng(6).normal(0.2, 0.01, (101, 1, 3))
    found = over_seeds_and_examples(errors, lambda mean: mean)
    np.testing.assert_allclose(found.values, errors[0, 0])
    np.testing.assert_allclose(found.half, 1.96 * errors[1:, 0].std(axis=0, ddof=1), rtol=1e-3)
