"""Statistics against scipy's own, closed forms, definitions by brute force, and simulated truth."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from harness.measure.intervals import wilson
from harness.measure.time_blocks import InTime
from harness.statistics.crossed import SEED_SD, cross
from harness.statistics.inference import holm, mean_over_seeds, paired, paired_p_value, proportion
from harness.statistics.letter_display import letters, rank_range


@pytest.mark.parametrize("n", [1, 2, 10, 359, 5000])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.98, 1.0])
def test_wilson_is_scipys(share, n):
    right = round(share * n)
    expected = stats.binomtest(right, n).proportion_ci(method="wilson")
    low, high = wilson(right / n, n, stats.norm.ppf(0.975))
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0.0 <= low <= right / n <= high <= 1.0 or right in (0, n)


# -- proportions


@pytest.mark.parametrize("right", [0, 1, 180, 358, 359])
def test_loaded_weights_have_nearly_wilsons_interval(right):
    correct = np.zeros((1, 359))
    correct[0, :right] = 1
    found = proportion(correct, seed_sd=0.0)
    expected = stats.binomtest(right, 359).proportion_ci(method="wilson")
    assert found.value == pytest.approx(right / 359) and found.n == 359
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=2e-3)
    assert found.low <= found.value <= found.high
    trained = proportion(correct)
    assert trained.low < found.low or right == 0
    assert trained.high > found.high or right == 359


def test_equal_seeds_bring_no_certainty_beyond_what_was_assumed_of_seeds():
    correct = (np.random.default_rng(0).random((1, 300)) < 0.8).astype(float)
    one, five = proportion(correct), proportion(np.repeat(correct, 5, axis=0))
    assert five.value == pytest.approx(one.value) and five.n == 1500
    loaded = proportion(correct, seed_sd=0.0)
    assert one.high - one.low > five.high - five.low > 0.99 * (loaded.high - loaded.low)


def test_seeds_that_differ_widen_the_interval():
    generator = np.random.default_rng(0)
    alike = generator.random((3, 300)) < 0.8
    apart = generator.random((3, 300)) < np.array([[0.6], [0.8], [1.0]])
    narrow, wide = proportion(alike), proportion(apart)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_the_interval_narrows_with_seeds_and_with_examples():
    """Of 36 test rows at 97 %, as a small table has: one seed, two and five; and more rows."""
    from interval_cases import mean_width

    for examples in (36, 360, 3600):
        widths = [mean_width(0.97, seeds, examples, 0.004, draws=60) for seeds in (1, 2, 5)]
        assert widths == sorted(widths, reverse=True)
    by_examples = [mean_width(0.97, 2, examples, 0.004, draws=60) for examples in (36, 360, 3600)]
    assert by_examples == sorted(by_examples, reverse=True)


def test_a_vector_is_one_seed():
    values = np.array([1, 0, 1, 1])
    assert proportion(values) == proportion(values[None])


@pytest.mark.parametrize(
    ("share", "seeds", "examples", "spread"),
    [
        (0.9, 1, 200, 0.0),
        (0.9, 1, 2000, 0.0135),
        (0.5, 3, 100, 0.0),
        (0.9, 3, 2000, 0.0135),
        (0.9, 2, 500, 0.0135),
    ],
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


def test_the_interval_of_a_mean_stays_inside_its_unit():
    found = mean_over_seeds([0.65, 0.824], bounds=(0.0, 1.0))  # was [-37.4, 184.9] %
    assert (found.low, found.high) == (0.0, 1.0)
    seconds = mean_over_seeds([0.1, 0.4], bounds=(0.0, math.inf))  # was -1.66 s
    assert seconds.low == 0.0 and seconds.high > 0.4


def test_equal_values_are_no_certainty():
    alike = mean_over_seeds([0.8, 0.8])  # was 80.0 +- 0.0
    assert alike.value == 0.8 and math.isnan(alike.low) and math.isnan(alike.high)
    own = mean_over_seeds([0.8, 0.8], own=[(0.7, 0.9), (0.7, 0.9)])
    assert (own.low, own.high) == pytest.approx((0.7, 0.9))
    apart = mean_over_seeds([0.7, 0.9], own=[(0.6, 0.8), (0.8, 1.0)], bounds=(0.0, 1.0))
    assert apart.low < 0.7 and 0.9 < apart.high <= 1.0


# -- tests of pairs


def test_loaded_weights_have_the_exact_test_of_mcnemar():
    generator = np.random.default_rng(0)
    for share in (0.5, 0.8, 0.95):
        first, second = generator.random(200) < share, generator.random(200) < 0.8
        better = int((first & ~second).sum())
        worse = int((second & ~first).sum())
        expected = stats.binomtest(better, better + worse).pvalue
        assert paired_p_value(first, second, 0.0) == pytest.approx(expected, rel=1e-9)
        assert paired_p_value(second, first, 0.0) == pytest.approx(expected, rel=1e-9)


def test_regular_losses_of_one_seed_are_nearly_students_paired_test():
    generator = np.random.default_rng(0)
    first, second = generator.random((2, 90))
    found = paired_p_value(2 + first, 2 + second)  # losses: no shares, of which more is known
    assert found == pytest.approx(stats.ttest_rel(first, second).pvalue, rel=0.01)


def test_several_seeds_by_the_formula():
    generator = np.random.default_rng(0)
    first, second = generator.random((3, 90)) < 0.9, generator.random((3, 90)) < 0.85
    difference = first.astype(float) - second
    means = np.append(difference.mean(0), (1.0, -1.0))
    smoothed = [(90 * side.mean() + 1) / 92 for side in (first, second)]
    prior = SEED_SD**2 * sum((share * (1 - share)) ** 2 for share in smoothed)
    expected = cross(difference, prior, means.var(ddof=1) / 90).p_value(difference.mean())
    assert paired_p_value(first, second) == pytest.approx(expected)
    assert expected > stats.ttest_1samp(difference.mean(0), 0).pvalue  # as seeds vary too


def test_windows_in_time_are_compared_by_the_variance_of_their_blocks():
    first, second = np.random.default_rng(0).normal(size=(2, 3, 90))
    alone = InTime(np.arange(90), 1)
    usual = stats.ttest_rel(first[0], second[0]).pvalue
    assert paired_p_value(first[0], second[0], 0.0, alone) == pytest.approx(usual)
    difference = first - second
    assert vars(paired(first, second, 0.0, alone)) == pytest.approx(
        vars(paired(first, second, 0.0))
    )
    blocks = InTime(np.arange(90), 6)
    found = paired(first, second, 0.0, blocks)
    assert found.of_examples == blocks.variance(difference.mean(axis=0))
    assert found.example_degrees == 14
    assert paired_p_value(first, second, 0.0, blocks) == found.p_value(difference.mean())
    assert paired_p_value(first, second, 0.0, InTime(np.arange(90), 46)) == 1.0  # not two blocks


@pytest.mark.parametrize("seeds", [1, 3])
def test_equally_good_forecasts_on_windows_that_overlap_are_seldom_told_apart(seeds):
    """Of 60 windows of 9 steps, 3 of them to come, each a step on; in blocks 5 % of alarms are promised."""
    draw, rounds, alarms = np.random.default_rng(0), 200, np.zeros(2)
    time = InTime.of(np.arange(60), 9)
    for _ in range(rounds):
        steps = draw.normal(size=(2, seeds, 62)) + draw.normal(size=(2, 1, 62))
        errors = np.lib.stride_tricks.sliding_window_view(np.abs(steps), 3, axis=-1).mean(axis=-1)
        alarms += [paired_p_value(*errors, 0.0, when) < 0.05 for when in (None, time)]
    assert alarms[0] >= 0.12 * rounds
    assert 0.01 * rounds <= alarms[1] <= 0.08 * rounds


def test_models_that_agree_are_not_told_apart():
    same = np.random.default_rng(0).random((3, 50)) < 0.5
    assert paired_p_value(same, same) == 1.0
    assert paired_p_value(np.ones((2, 1)), np.zeros((2, 1))) > 0.05  # two seeds of one example
    assert paired_p_value(np.array([[0.5]]), np.array([[0.25]])) == 1.0  # one observation


def test_false_alarms_are_rare():
    """Two models of one truth, examples of unequal difficulty: at most about 5 % differ."""
    from interval_cases import false_alarms

    for seeds, spread in ((1, 0.0), (1, 0.01), (2, 0.02), (3, 0.0), (3, 0.02)):
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
