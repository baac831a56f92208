"""Splits: stratified, stable, and the data set's own where it has them."""

import numpy as np
import pytest

from harness.data.splits import TEST, TRAIN, VALIDATION, assign, cut, hash_example
from harness.errors import DataError


def make(n: int, seed: int = 0, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    inputs = generator.integers(0, 256, (n, 6), dtype=np.uint8)
    hashes = np.array([hash_example(row, seed) for row in inputs], dtype=np.uint64)
    return hashes, np.arange(n) % classes


def shares(split: np.ndarray, groups: np.ndarray, group: int) -> list[int]:
    return np.bincount(split[groups == group], minlength=3).tolist()


def test_every_class_is_cut_in_the_same_shares():
    hashes, groups = make(400)
    split = assign(hashes, groups, None)
    assert [shares(split, groups, g) for g in range(4)] == [[60, 20, 20]] * 4


def test_a_rare_class_keeps_a_training_example_and_gives_a_test_example():
    groups = np.array([0] * 20 + [1] * 2 + [2])
    hashes = make(23)[0]
    split = assign(hashes, groups, None)
    assert shares(split, groups, 1) == [1, 0, 1]
    assert shares(split, groups, 2) == [1, 0, 0]


def test_order_does_not_matter():
    hashes, groups = make(200)
    order = np.random.default_rng(0).permutation(200)
    assert np.array_equal(
        assign(hashes[order], groups[order], None), assign(hashes, groups, None)[order]
    )


def test_new_examples_move_few_old_ones():
    hashes, groups = make(420)
    old = assign(hashes[:400], groups[:400], None)
    new = assign(hashes, groups, None)[:400]
    assert 0 < (new == TEST).sum()
    assert (old != new).sum() <= 20  # at most one an added example, where a share is rounded
    assert not ((old == TEST) & (new == TRAIN)).any()


def test_another_seed_is_another_cut():
    (first, groups), (second, _) = make(200), make(200, seed=1)
    assert (assign(first, groups, None) != assign(second, groups, None)).any()
    assert hash_example(np.zeros(3), 0) == hash_example(np.zeros(3), 0)
    assert hash_example(np.zeros(3), 0) != hash_example(np.zeros(3), 1)


def test_fixed_splits_are_kept():
    hashes, groups = make(60)
    given = ["train"] * 30 + ["validation"] * 10 + ["test"] * 20
    assert assign(hashes, groups, given).tolist() == [TRAIN] * 30 + [VALIDATION] * 10 + [TEST] * 20


def test_what_is_missing_is_cut_from_the_training_examples_alone():
    hashes, groups = make(100)
    split = assign(hashes, groups, ["train"] * 80 + ["test"] * 20)
    assert (split[80:] == TEST).all()
    assert np.bincount(split[:80], minlength=3).tolist() == [64, 16, 0]
    split = assign(hashes, groups, np.array(["train"] * 80 + ["validation"] * 20))
    assert (split[80:] == VALIDATION).all()
    assert np.bincount(split[:80], minlength=3).tolist() == [64, 0, 16]


def test_test_only_data_stays_so():
    hashes, groups = make(10)
    assert (assign(hashes, groups, ["test"] * 10) == TEST).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["train"] * 9 + ["holdout"], "'holdout' is none of train, validation, test"),
        (["train"] * 9 + ["validation and more"], "'validation and more' is none"),
        (["train"] * 9, "10 examples, but the split of 9"),
        (["validation"] * 10, "no example to test on"),
    ],
)
def test_bad_splits_are_refused_in_words(given, words):
    hashes, groups = make(10)
    with pytest.raises(DataError, match=words):
        assign(hashes, groups, given)


def test_a_cut_takes_the_smallest_hashes():
    hashes = np.array([5, 3, 9, 1, 7], dtype=np.uint64)
    assert cut(hashes, np.zeros(5), 0.4).tolist() == [False, True, False, True, False]


def test_groups_stay_together_and_keep_the_shares():
    generator = np.random.default_rng(0)
    groups = np.array([f"patient {n}" for n in generator.integers(0, 60, 600)])
    sick = np.array([int(name.split()[1]) % 3 == 0 for name in groups]).astype(int)
    hashes = make(600)[0]
    split = assign(hashes, sick, None, groups=groups)
    for name in np.unique(groups):
        assert len(np.unique(split[groups == name])) == 1
    counts = np.bincount(split, minlength=3) / 600
    np.testing.assert_allclose(counts, [0.6, 0.2, 0.2], atol=0.03)
    for part in range(3):
        assert sick[split == part].mean() == pytest.approx(sick.mean(), abs=0.05)
    order = generator.permutation(600)
    again = assign(hashes[order], sick[order], None, groups=groups[order])
    assert np.array_equal(again, split[order])
    assert (assign(hashes, sick, None, groups=groups, seed=1) != split).any()


def test_a_cut_by_time_has_the_latest_for_testing():
    times = np.random.default_rng(0).permutation(100).astype(float)
    split = assign(make(100)[0], np.zeros(100), None, order=times)
    assert times[split == TRAIN].max() < times[split == VALIDATION].min()
    assert times[split == VALIDATION].max() < times[split == TEST].min()
    assert np.bincount(split).tolist() == [60, 20, 20]


def test_what_is_equally_late_stays_together():
    days = np.repeat(np.arange(10.0), [10, 10, 10, 10, 10, 10, 10, 10, 5, 15])
    split = assign(make(100)[0], np.zeros(100), None, order=days)
    assert [np.unique(split[days == day]).tolist() for day in range(10)] == [[0]] * 6 + [
        [1]
    ] * 2 + [[2]] * 2
    with pytest.raises(DataError, match="all are equally late"):
        assign(make(10)[0], np.zeros(10), None, order=np.zeros(10))


def test_one_group_cannot_be_cut():
    with pytest.raises(DataError, match="the data have not two groups"):
        assign(make(10)[0], np.zeros(10), None, groups=np.zeros(10))
    classes = np.arange(10) // 5
    with pytest.raises(DataError, match="no class has two groups"):
        assign(make(10)[0], classes, None, groups=classes)


def test_copies_are_cut_each_for_itself():
    values = np.arange(400) % 4
    hashes = np.array([hash_example(np.array([v]), 0) for v in values], dtype=np.uint64)
    targets = values // 2
    split = assign(hashes, targets, None)
    for value in range(4):  # all of a value on one side before
        assert (shares(split, values, value) > np.array([45, 10, 10])).all()
    order = np.random.default_rng(0).permutation(400)
    again = assign(hashes[order], targets[order], None)
    for part in range(3):
        assert sorted(values[split == part]) == sorted(values[order][again == part])
