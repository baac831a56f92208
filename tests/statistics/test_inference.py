"""Statistics against scipy's own, closed forms, definitions by brute force, and simulated truth."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from harness.measure.intervals import wilson
from harness.statistics.inference import (
    Crossed,
    holm,
    letters,
    mean_over_seeds,
    paired_p_value,
    proportion,
    rank_range,
    t_quantile,
)


@pytest.mark.parametrize("n", [1, 2, 10, 359, 5000])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.98, 1.0])
def test_wilson_is_scipys(share, n):
    right = round(share * n)
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    low, high = wilson(right / n, n, stats.norm.ppf(0.975))
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0.0 <= low <= right / n <= high <= 1.0 or right in (0, n)


@pytest.mark.parametrize("degrees", [1, 2, 2.5, 10, 358, 1e6])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_quantiles_are_scipys(degrees, confidence):
    assert t_quantile(degrees, confidence) == pytest.approx(
        stats.t.ppf(0.5 + confidence / 2, degrees)
    )


def test_the_quantile_of_infinite_degrees_is_the_normals():
    assert t_quantile(math.inf) == pytest.approx(stats.norm.ppf(0.975))


# -- variance over seeds and examples


def test_the_variance_by_the_formula():
    values = np.random.default_rng(0).random((3, 50))
    found = Crossed.of(values)
    seeds, examples = values.mean(1), values.mean(0)
    assert found.of_seeds == pytest.approx(sum((m - seeds.mean()) ** 2 for m in seeds) / 2 / 3)
    assert found.of_examples == pytest.approx(
        sum((m - examples.mean()) ** 2 for m in examples) / 49 / 50
    )
    assert found.variance == found.of_seeds + found.of_examples
    expected = math.sqrt(
        stats.t.ppf(0.975, 2) ** 2 * found.of_seeds
        + stats.t.ppf(0.975, 49) ** 2 * found.of_examples
    )
    assert found.half_width() == pytest.approx(expected)


def test_one_seed_is_students_interval_of_the_mean():
    values = np.random.default_rng(0).random((1, 80))
    found = Crossed.of(values)
    low, high = stats.t.interval(0.95, 79, loc=values.mean(), scale=stats.sem(values[0]))
    assert found.half_width() == pytest.approx((high - low) / 2)
    assert Crossed.of(np.ones((3, 5))).variance == 0.0


def test_one_example_is_students_interval_over_seeds():
    values = np.random.default_rng(0).random((6, 1))
    low, high = stats.t.interval(0.95, 5, loc=values.mean(), scale=stats.sem(values[:, 0]))
    assert Crossed.of(values).half_width() == pytest.approx((high - low) / 2)


@pytest.mark.parametrize("mean", [1e-4, 0.01, 0.05, 0.1, 0.3, 30.0])
def test_the_p_value_is_where_the_interval_reaches_the_mean(mean):
    found = Crossed.of(np.random.default_rng(0).random((3, 50)))
    p_value = found.p_value(mean)
    assert found.p_value(-mean) == p_value and 0.0 < p_value < 1.0
    if p_value > 1e-12:
        assert found.half_width(1 - p_value) == pytest.approx(mean, rel=1e-4)


def test_the_variance_is_on_average_at_least_the_true_one():
    """y = seed effect + example effect + noise: Var(mean) = s2/S + e2/N + n2/SN."""
    generator = np.random.default_rng(0)
    seeds, examples, runs = 4, 30, 4000
    effects = generator.normal(0, 0.2, (runs, seeds, 1)) + generator.normal(
        0, 1, (runs, 1, examples)
    )
    values = effects + generator.normal(0, 0.5, (runs, seeds, examples))
    true = 0.2**2 / seeds + 1 / examples + 0.5**2 / (seeds * examples)
    mean = np.mean([Crossed.of(v).variance for v in values])
    assert true < mean < true + 1.2 * 0.5**2 / (seeds * examples)  # "slightly too large"


# -- proportions


@pytest.mark.parametrize("right", [0, 1, 180, 358, 359])
def test_one_seed_is_nearly_wilsons_interval(right):
    correct = np.zeros((1, 359))
    correct[0, :right] = 1
    found = proportion(correct)
    expected = stats.binomtest(right, 359).proportion_ci(method="wilson")
    assert found.value == pytest.approx(right / 359) and found.n == 359
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=2e-3)
    assert found.low <= found.value <= found.high


def test_repeated_seeds_bring_no_certainty():
    correct = (np.random.default_rng(0).random((1, 300)) < 0.8).astype(float)
    one, five = proportion(correct), proportion(np.repeat(correct, 5, axis=0))
    assert five.value == pytest.approx(one.value) and five.n == 1500
    assert five.high - five.low == pytest.approx(one.high - one.low, rel=1e-6)


def test_seeds_that_differ_widen_the_interval():
    generator = np.random.default_rng(0)
    alike = generator.random((3, 300)) < 0.8
    apart = generator.random((3, 300)) < np.array([[0.6], [0.8], [1.0]])
    narrow, wide = proportion(alike), proportion(apart)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_a_vector_is_one_seed():
    values = np.array([1, 0, 1, 1])
    assert proportion(values) == proportion(values[None])


@pytest.mark.parametrize(
    ("share", "seeds", "examples", "spread"),
    [(0.9, 1, 200, 0.0), (0.5, 3, 100, 0.0), (0.9, 3, 2000, 0.02), (0.9, 2, 500, 0.02)],
)
def test_coverage_of_the_intervals(share, seeds, examples, spread):
    """Of 300 intervals at 95 % at least 92 % hold the truth (evidence/interval_coverage.py: 3000)."""
    from interval_cases import coverage

    assert coverage(share, seeds, examples, spread, draws=300) >= 0.92


def test_mean_over_seeds_is_students_interval():
    values = [3.0, 4.0, 8.0, 5.0]
    found = mean_over_seeds(values)
    expected = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected) and found.n == 4
    alone = mean_over_seeds([3.0])
    assert alone.value == 3.0 and math.isnan(alone.low) and alone.n == 1


# -- tests of pairs


def test_one_seed_is_the_exact_test_of_mcnemar():
    generator = np.random.default_rng(0)
    for share in (0.5, 0.8, 0.95):
        first, second = generator.random(200) < share, generator.random(200) < 0.8
        better = int((first & ~second).sum())
        worse = int((second & ~first).sum())
        expected = stats.binomtest(better, better + worse).pvalue
        assert paired_p_value(first, second) == pytest.approx(expected, rel=1e-9)
        assert paired_p_value(second, first) == pytest.approx(expected, rel=1e-9)


def test_losses_of_one_seed_are_students_paired_test():
    generator = np.random.default_rng(0)
    first, second = generator.random((2, 90))
    assert paired_p_value(first, second) == pytest.approx(stats.ttest_rel(first, second).pvalue)


def test_several_seeds_by_the_formula():
    generator = np.random.default_rng(0)
    first, second = generator.random((3, 90)) < 0.9, generator.random((3, 90)) < 0.85
    difference = first.astype(float) - second
    expected = Crossed.of(difference).p_value(difference.mean())
    assert paired_p_value(first, second) == expected
    seeds = stats.ttest_1samp(difference.mean(1), 0).pvalue
    examples = stats.ttest_1samp(difference.mean(0), 0).pvalue
    assert expected > max(seeds, examples)  # as both vary


def test_models_that_agree_are_not_told_apart():
    same = np.random.default_rng(0).random((3, 50)) < 0.5
    assert paired_p_value(same, same) == 1.0
    assert paired_p_value(np.ones((2, 1)), np.zeros((2, 1))) < 1e-12  # two seeds that agree
    assert paired_p_value(np.array([[0.5]]), np.array([[0.25]])) == 1.0  # one observation


def test_false_alarms_are_rare():
    """Two models of one truth, examples of unequal difficulty: at most about 5 % differ."""
    from interval_cases import false_alarms

    for seeds, spread in ((1, 0.0), (2, 0.02), (3, 0.0), (3, 0.02)):
        assert false_alarms(0.9, seeds, 300, spread, draws=300) <= 0.08


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.02]) == [0.02]


# -- letters and ranks


def random_relations():
    return list(generate_relations())


def generate_relations():
    generator = np.random.default_rng(0)
    for count in (1, 2, 3, 4, 5, 6, 8):
        names = [f"m{i}" for i in range(count)]
        pairs = list(itertools.combinations(names, 2))
        for density in (0.0, 0.3, 0.6, 0.9, 1.0):
            yield names, {pair: bool(generator.random() < density) for pair in pairs}
        values = generator.random(count)  # a consistent one: apart if further than a threshold
        order = dict(zip(names, sorted(values, reverse=True), strict=True))
        yield names, {(a, b): order[a] - order[b] > 0.3 for a, b in pairs}


@pytest.mark.parametrize(("names", "differs"), random_relations())
def test_letters_are_shared_by_just_those_that_do_not_differ(names, differs):
    found = {name: set(text.split()) for name, text in letters(names, differs).items()}
    assert all(found.values())
    for (first, second), apart in differs.items():
        assert bool(found[first] & found[second]) != apart
    groups = {
        letter: {n for n in names if letter in found[n]} for letter in set.union(*found.values())
    }
    for one, other in itertools.permutations(groups.values(), 2):
        assert not one <= other  # no letter is superfluous
    assert "a" in found[names[0]]


def test_letters_of_a_chain():
    differs = {("x", "y"): False, ("y", "z"): False, ("x", "z"): True}
    assert letters(["x", "y", "z"], differs) == {"x": "a", "y": "a b", "z": "b"}


def test_letters_go_on_after_z():
    names = [f"m{i:02}" for i in range(30)]
    found = letters(names, dict.fromkeys(itertools.combinations(names, 2), True))
    assert [found[n] for n in (names[0], names[25], names[26], names[29])] == ["a", "z", "aa", "ad"]


def test_many_models_are_quick():
    import time

    names = [f"m{i:03}" for i in range(100)]
    differs = {(a, b): int(b[1:]) - int(a[1:]) > 10 for a, b in itertools.combinations(names, 2)}
    started = time.process_time()
    found = letters(names, differs)
    assert time.process_time() - started < 5
    assert found["m000"] == "a"


@pytest.mark.parametrize(("names", "differs"), random_relations())
def test_ranks_by_definition(names, differs):
    for place, name in enumerate(names):
        better = sum(differs[other, name] for other in names[:place])
        worse = sum(differs[name, other] for other in names[place + 1 :])
        assert rank_range(names, differs)[name] == (1 + better, len(names) - worse)


def test_ranks_where_all_or_none_differ():
    names = ["x", "y", "z"]
    pairs = list(itertools.combinations(names, 2))
    assert rank_range(names, dict.fromkeys(pairs, False)) == dict.fromkeys(names, (1, 3))
    assert rank_range(names, dict.fromkeys(pairs, True)) == {"x": (1, 1), "y": (2, 2), "z": (3, 3)}
