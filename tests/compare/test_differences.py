"""How a figure differs between two runs: estimates, intervals, and how often they err."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness.compare.differences import (
    EXACT,
    SAME_SCORES,
    keep_inside,
    of_exact,
    of_examples,
    of_intervals,
    of_runs,
    of_seeds,
    of_single,
)
from harness.measure.time_blocks import InTime
from harness.statistics.inference import paired_shares_interval
from harness.statistics.model_groups import Scores
from harness.statistics.spread import (
    DEFAULT_SD,
    LEAST_DEGREES,
    Spread,
    estimate_spreads,
)


def of_verdicts(a, b):
    """Compare scores behind shares, as `choose_difference` does."""
    return of_examples(a, b, tuple(float(side.values.mean()) for side in (a, b)))


def scores(values, seeds=None):
    values = np.atleast_2d(np.asarray(values, dtype=float))
    return Scores(tuple(seeds or range(len(values))), np.arange(values.shape[1]), values)


def test_counts_are_equal_or_not():
    assert of_exact([5.0], [5.0], "count").p_value == 1.0
    more = of_exact([100.0], [110.0], "count")
    assert (more.p_value, more.relative, more.method) == (0.0, True, EXACT)
    assert more.value == pytest.approx(0.1)
    zero = of_exact([0.0], [2.0], "count")
    assert (zero.relative, zero.value) == (False, 2.0)  # a share of nothing has no meaning


def test_nothing_is_claimed_of_single_observations():
    found = of_single(2.0, 3.0, "bytes")
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high, found.p_value) == (None, None, None)
    assert of_intervals((0.5, None, None), (0.6, 0.5, 0.7)) is None


def test_loaded_weights_are_mcnemar():
    a = np.r_[np.ones(60), np.zeros(40)]
    b = a.copy()
    b[:12], b[60:63] = 0, 1  # twelve lost, three gained
    found = of_verdicts(replace(scores(a), seed_sd=0.0), replace(scores(b), seed_sd=0.0))
    assert found.value == pytest.approx(-0.09)
    assert found.p_value == pytest.approx(stats.binomtest(3, 15).pvalue)
    assert found.low < -0.09 < found.high < 0
    trained = of_verdicts(scores(a), scores(b))
    assert trained.low < found.low and trained.p_value > found.p_value
    fits = [replace(scores(side), fits=("one fit",)) for side in (a, b)]
    assert of_verdicts(*fits) == found  # measured twice, so no seed lies between them
    same = of_verdicts(scores(a), scores(a))
    assert (same.value, same.p_value) == (0.0, 1.0)
    assert same.low < -0.015 and same.high > 0.015  # all the same is not sure to be the same


def test_the_interval_of_two_shares_covers_them():
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):  # 100 examples, 8 % better, 3 % worse
        better, worse, _ = generator.multinomial(100, [0.08, 0.03, 0.89])
        low, high = paired_shares_interval(int(better), int(worse), 100)
        covered += low <= 0.05 <= high
    assert 0.94 <= covered / 2000 <= 0.985


def test_several_seeds_are_compared_over_seeds_and_examples():
    generator = np.random.default_rng(1)
    alarms = 0
    for _ in range(300):
        easy = generator.random(150)
        draw = lambda: generator.random((4, 150)) < 0.5 + easy / 2  # noqa: B023
        found = of_verdicts(scores(draw()), scores(draw()))
        alarms += found.p_value < 0.05
        assert found.method.startswith("moderated t test over seeds and examples")
        assert found.low <= found.value <= found.high
    assert alarms <= 0.05 * 300 + 3 * math.sqrt(0.05 * 0.95 * 300)


def test_only_common_examples_and_seeds_are_compared():
    a = Scores((0, 1), np.array([1, 2, 3]), np.array([[1.0, 1, 1], [1, 1, 1]]))
    b = Scores((1, 2), np.array([2, 3, 4]), np.array([[0.0, 1, 0], [0, 0, 0]]))
    found = of_verdicts(a, b)
    assert found.value == -0.5  # seed 1, examples 2 and 3
    assert (found.a, found.b) == (1.0, 0.5)
    assert found.subset == "the 2 examples that both have (A 3, B 3)"
    assert of_verdicts(a, Scores((0,), np.array([7]), np.array([[1.0]]))) is None


def test_a_difference_of_squared_errors_is_shown_in_r2():
    """R2 = 1 - MSE / variance, so the interval is scaled with the difference."""
    generator = np.random.default_rng(4)
    errors = generator.normal(0, 1, (2, 3, 50)) * np.array([1.0, 1.2])[:, None, None]
    a, b = (scores(-np.square(side)) for side in errors)
    variance = 4.0
    figures = tuple(1 + float(side.values.mean()) / variance for side in (a, b))
    found, plain = of_examples(a, b, figures), of_verdicts(a, b)
    assert (found.a, found.b) == figures and found.value == pytest.approx(figures[1] - figures[0])
    assert found.low == pytest.approx(plain.low / variance)
    assert found.high == pytest.approx(plain.high / variance)
    assert found.p_value == plain.p_value and not found.subset
    fewer = Scores(b.seeds, b.ids[:40], b.values[:, :40])
    assert of_examples(a, fewer, figures) is None  # its R2 on 40 examples is not known
    same = of_examples(a, a, (0.75, 0.75))
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    assert (same.method, same.p_value) == (SAME_SCORES, 1.0)


def test_the_same_losses_in_time_are_of_the_same_model():
    one = scores(-np.random.default_rng(0).random((1, 8)))
    for length in (2, 8):  # four blocks, and one
        in_time = replace(one, time=InTime(np.arange(8), length))
        found = of_verdicts(in_time, in_time)
        assert (found.method, found.low, found.high) == (SAME_SCORES, 0.0, 0.0)


def test_windows_in_time_are_compared_by_their_blocks():
    walks = np.random.default_rng(0).normal(size=(2, 1, 80)).cumsum(axis=-1)
    a, b = (scores(-np.abs(walk)) for walk in walks)
    plain = of_verdicts(a, b)
    in_time = [replace(side, time=InTime(np.arange(80), 8)) for side in (a, b)]
    found = of_verdicts(*in_time)
    assert found.method == "moderated t test over seeds and blocks of examples in time, paired"
    assert (found.a, found.b, found.value) == (plain.a, plain.b, plain.value)
    assert found.high - found.low > 1.5 * (plain.high - plain.low)
    assert found.low == pytest.approx(found.value - (found.high - found.low) / 2)
    some = Scores(b.seeds, b.ids[:40], b.values[:, :40])  # of another run, which did not keep it
    assert "in time" in of_verdicts(in_time[0], some).method
    few = [replace(side, time=InTime(np.arange(80), 41)) for side in (a, b)]
    none = of_verdicts(*few)
    assert (none.low, none.high, none.p_value) == (None, None, None)
    assert none.method.startswith("fewer than two blocks")


DIFFERENCES = {
    "exact": of_exact([100.0, 102.0], [110.0, 110.0], "count"),
    "one": of_single(2.0, 3.0, "bytes"),
    "verdicts": of_verdicts(scores(np.eye(3)), scores(np.ones((3, 3)))),
    "paired by seed": of_seeds({0: 1.0, 1: 4.0, 2: 3.0}, {0: 1.1, 1: 9.2, 5: 3.36}, "s"),
    "paired in its own unit": of_seeds({0: 1.0, 1: 4.0}, {0: 1.1, 1: 9.2}, "nats"),
    "welch": of_seeds({0: 1.0, 1: 4.0}, {2: 1.1, 3: 9.2}, "bytes"),
    "equal changes": of_seeds({0: 1.0, 1: 2.0, 4: 9.0}, {0: 2.0, 1: 3.0}, ""),
    "runs": of_runs((2.0, 1.9, 2.1), (3.0, 2.9, 3.1), "s", Spread()),
    "intervals": of_intervals((0.5, 0.4, 0.6), (0.6, 0.5, 0.7)),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_change_agrees_with_the_a_and_b_beside_it(name):
    found = DIFFERENCES[name]
    expected = found.b / found.a - 1 if found.relative else found.b - found.a
    assert found.value == pytest.approx(expected, abs=1e-12)


def test_equal_differences_of_seeds_are_no_certainty():
    found = of_seeds({0: 0.5, 1: 0.6}, {0: 0.55, 1: 0.65}, "")
    assert found.p_value is None or found.p_value > 0.0
    found = of_seeds({0: 1.0, 1: 2.0}, {0: 2.0, 1: 3.0}, "")
    assert found.value == 1.0 and found.p_value is None


def test_equal_figures_of_seeds_are_no_certainty():
    alike = of_seeds({0: 0.8, 1: 0.8}, {0: 0.8, 1: 0.8}, "fraction")
    assert (alike.value, alike.low, alike.p_value) == (0.0, None, None)
    apart = of_seeds({0: 0.8, 1: 0.8}, {2: 0.9, 3: 0.9}, "fraction")
    assert apart.value == pytest.approx(0.1)
    assert (apart.low, apart.p_value) == (None, None)  # not p = 0
    assert "do not tell their spread" in apart.method


def test_an_interval_of_a_difference_stays_inside_what_the_figures_can_be():
    wild = of_seeds({0: 0.1, 1: 0.9}, {0: 0.9, 1: 0.2}, "fraction")
    assert wild.low < -1.0 and wild.high > 1.0
    kept = keep_inside(wild, (0.0, 1.0))
    assert (kept.low, kept.high) == (-1.0, 1.0) and kept.value == wild.value
    assert keep_inside(wild, (-math.inf, math.inf)) == wild
    assert keep_inside(wild, (0.0, math.inf)) == wild
    relative = DIFFERENCES["welch"]
    assert keep_inside(relative, (0.0, 0.5)) == relative


def test_seeds_are_paired_where_they_are_common():
    a, b = {0: 1.0, 1: 2.0, 2: 3.0}, {0: 1.1, 1: 2.2, 2: 3.36}
    found = of_seeds(a, b, "s")
    expected = stats.ttest_rel(np.log(list(b.values())), np.log(list(a.values())))
    assert found.p_value == pytest.approx(expected.pvalue)
    ends = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((math.expm1(ends.low), math.expm1(ends.high)))
    apart = of_seeds(a, {5: 1.1, 6: 2.2, 7: 3.36}, "")
    expected = stats.ttest_ind([1.1, 2.2, 3.36], [1, 2, 3], equal_var=False)
    assert apart.p_value == pytest.approx(expected.pvalue) and not apart.relative
    assert of_seeds({0: 1.0}, {0: 2.0}, "").p_value is None


def test_two_runs_differ_by_more_than_their_own_noise():
    narrow = (1000.0, 999.0, 1001.0)
    found = of_runs(narrow, (950.0, 949.0, 951.0), "1/s", Spread())
    assert found.value == pytest.approx(-0.05)
    assert found.p_value > 0.3 and found.low < -0.15 and found.high > 0.05
    known = of_runs(narrow, (950.0, 949.0, 951.0), "1/s", Spread(0.005, 12.0, holds_noise=True))
    assert known.p_value < 0.001 and known.high < 0
    assert "assumed" in found.method and "from 12 repeats" in known.method


def test_spread_is_pooled_over_what_was_repeated():
    generator = np.random.default_rng(2)
    repeats = [
        ("throughput", f"model {key}", float(level * np.exp(generator.normal(0, 0.03))))
        for key, level in enumerate((1e3, 5e4, 20.0))
        for _ in range(40)
    ]
    repeats += [("latency_p50", "one", 1.0), ("latency_p50", "one", 1.1)]  # too few
    found = estimate_spreads(repeats)
    assert found.keys() == {"throughput"}
    assert found["throughput"].sd == pytest.approx(0.03, rel=0.15)
    assert found["throughput"].degrees == 3 * 39
    assert not Spread().holds_noise and Spread().sd == DEFAULT_SD
    assert not estimate_spreads([("a", "k", 1.0 + i / 100) for i in range(LEAST_DEGREES)])


def test_equal_runs_are_told_apart_rarely():
    """The alarms of `of_runs` with an estimated spread are at their level."""
    generator = np.random.default_rng(3)
    alarms = 0
    for _ in range(2000):
        repeats = [("t", "k", float(np.exp(generator.normal(0, 0.04)))) for _ in range(8)]
        spread = estimate_spreads(repeats)["t"]
        a, b = (float(np.exp(generator.normal(0, 0.04))) for _ in range(2))
        found = of_runs((a, None, None), (b, None, None), "s", spread)
        alarms += found.p_value < 0.05
    assert alarms / 2000 == pytest.approx(0.05, abs=0.015)


def test_two_seeds_that_do_not_tell_say_how_many_would():
    undecided = of_seeds({0: 1.0, 1: 2.0}, {0: 2.0, 1: 3.6}, "nats")
    assert undecided.low < 0 < undecided.high and undecided.seeds_needed == 3
    assert of_seeds({0: 1.0, 1: 2.0}, {0: 2.0, 1: 3.01}, "nats").seeds_needed == 0
