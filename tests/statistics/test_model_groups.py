"""Comparing models on the examples and seeds that they share."""

import math

import numpy as np
import pytest

from harness.statistics.inference import holm, paired_p_value
from harness.statistics.model_groups import ModelComparison, Scores, align_pair, compare_models


def scores(values, ids=None, seeds=None) -> Scores:
    array = np.atleast_2d(np.asarray(values, dtype=float))
    ids = np.arange(array.shape[1]) if ids is None else np.asarray(ids)
    seeds = tuple(range(len(array))) if seeds is None else tuple(seeds)
    return Scores(seeds, ids, array)


def random_scores(share: float, seed: int, seeds: int = 3, n: int = 200) -> Scores:
    return scores(np.random.default_rng(seed).random((seeds, n)) < share)


def test_seeds_are_aligned_to_the_examples_that_all_have():
    found = Scores.align(
        {
            1: (np.array([2, 3, 5]), np.array([1.0, 0.0, 1.0])),
            0: (np.array([1, 2, 5, 7]), np.array([0.0, 0.5, 1.0, 1.0])),
        }
    )
    assert found.seeds == (0, 1) and found.ids.tolist() == [2, 5]
    assert found.values.tolist() == [[0.5, 1.0], [1.0, 1.0]]
    assert found.only([1], np.array([5])).tolist() == [[1.0]]


def test_p_values_are_paired_and_corrected_by_holm():
    models = {"a": random_scores(0.95, 0), "b": random_scores(0.8, 1), "c": random_scores(0.5, 2)}
    found = compare_models(models)
    assert found.names == ("a", "b", "c")
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    raw = [paired_p_value(models[x].values, models[y].values) for x, y in pairs]
    assert [found.p_values[pair] for pair in pairs] == holm(raw)
    assert found.p_value("c", "a") == found.p_value("a", "c")
    assert math.isnan(found.p_value("a", "zebra"))
    assert found.differs == {pair: True for pair in pairs}
    assert found.groups() == {"a": "a", "b": "b", "c": "c"}
    assert found.ranks() == {"a": (1, 1), "b": (2, 2), "c": (3, 3)}


def test_models_that_cannot_be_told_apart_share_letter_and_ranks():
    found = compare_models({"a": random_scores(0.9, 0), "b": random_scores(0.9, 1)})
    assert set(found.groups().values()) == {"a"} and set(found.ranks().values()) == {(1, 2)}


def test_equal_models_are_in_the_order_of_their_names():
    same = random_scores(0.9, 0)
    assert compare_models({"b": same, "a": same}).names == ("a", "b")


def test_each_pair_is_compared_on_what_both_have():
    whole = random_scores(0.9, 0)
    part = scores(whole.values[1:, 50:], ids=whole.ids[50:], seeds=(1, 2))
    assert compare_models({"whole": whole, "part": part}).p_value("whole", "part") == 1.0
    changed = part.values.copy()
    changed[:, :60] = 0
    found = compare_models({"whole": whole, "part": scores(changed, part.ids, part.seeds)})
    assert found.p_value("whole", "part") == paired_p_value(whole.values[1:, 50:], changed)


def test_without_a_seed_in_common_the_means_over_seeds_are_compared():
    first, second = random_scores(0.95, 0), random_scores(0.6, 1)
    other = scores(second.values, seeds=(7, 8, 9))
    expected = paired_p_value(first.values.mean(0), second.values.mean(0))
    assert compare_models({"a": first, "b": other}).p_value("a", "b") == pytest.approx(expected)


def test_without_an_example_in_common_nothing_is_said():
    first, second = random_scores(0.95, 0), random_scores(0.1, 1)
    apart = scores(second.values, ids=second.ids + 1000)
    assert compare_models({"a": first, "b": apart}).p_value("a", "b") == 1.0


def test_a_model_without_examples_is_left_out():
    empty = scores(np.empty((2, 0)))
    assert compare_models({"a": random_scores(0.9, 0), "none": empty}).names == ("a",)
    assert compare_models({}) == ModelComparison((), {})


def test_losses_are_compared_too():
    generator = np.random.default_rng(0)
    good, bad = -generator.random((1, 100)), -2 * generator.random((1, 100)) - 0.5
    found = compare_models({"bad": scores(bad), "good": scores(good)})
    assert found.names == ("good", "bad") and found.differs["good", "bad"]


def test_what_has_no_seeds_is_paired_at_every_seed_of_the_other():
    model = random_scores(0.7, 0)
    floor = Scores((), model.ids, random_scores(0.5, 1, seeds=1).values, seed_sd=0.0)
    for one, other in ((model, floor), (floor, model)):
        first, second = align_pair(one, other)
        assert first.shape == second.shape == (3, 200)
    assert np.array_equal(align_pair(model, floor)[1], np.tile(floor.values, (3, 1)))
    first, second = align_pair(floor, floor)
    assert first.shape == (1, 200) and np.array_equal(first, second)
