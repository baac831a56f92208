"""What is said of data themselves: each fault planted by itself, and none where there is none."""

import numpy as np
import pytest
from data_cases import images, prepared, table

from harness.catalogue.finding import Finding, read_findings
from harness.data.column_statistics import merged_share
from harness.data.data_findings import MERGED, find_merged


def found(folder, values, **changes) -> dict[str, Finding]:
    folder.mkdir(exist_ok=True)
    prepared(folder, values, **changes)
    return {one.code: one for one in read_findings(folder) or ()}


@pytest.mark.parametrize("values", [images(), table(), table(problem="regression")])
def test_nothing_is_said_of_data_as_they_should_be(tmp_path, values):
    assert found(tmp_path, values) == {}


def test_test_rows_copied_from_training(tmp_path):
    inputs = np.random.default_rng(0).normal(size=(120, 4))
    inputs[100:] = inputs[:20]
    split = ["train"] * 80 + ["validation"] * 20 + ["test"] * 20
    one = found(tmp_path, table(n=120), inputs=inputs, split=split)["copies-in-test"]
    assert one.flag == "test examples are in training"
    assert (one.numbers["copies"], one.numbers["same_target"]) == (20, 20)
    assert one.sentence == (
        "20 of 20 test examples (100%) have exactly the inputs of a training example, such as "
        "example 100 those of example 0; all have the same target, too."
    )


def _copied(folder, copies: int, tested: int, split: str = "test", other: int = 0) -> Finding:
    """The finding about `copies` of `tested` examples, `other` of which have another target."""
    inputs = np.random.default_rng(0).normal(size=(tested + 200, 3))
    inputs[200 : 200 + copies] = inputs[:copies]
    targets = np.arange(tested + 200) % 2
    targets[200 : 200 + other] = 1 - targets[:other]
    cut = ["train"] * 180 + ["validation" if split == "test" else "test"] * 20 + [split] * tested
    codes = found(folder, table(n=tested + 200), inputs=inputs, targets=targets, split=cut)
    return codes[f"copies-in-{split}"]


def test_copies_for_validation_influence_choices_and_make_no_figure_doubtful(tmp_path):
    """1 of 80 rows, with another target, made "all figures" doubtful once."""
    one = _copied(tmp_path, 1, 80, "validation", other=1)
    assert one.flag == ""
    assert one.sentence == (
        "1 of 80 validation examples (1%) has exactly the inputs of a training example, example 200 those of "
        "example 0; its target is another one."
    )
    assert one.advice.startswith("Figures are of test and do not change. Copies influence what is")
    assert _copied(tmp_path / "many", 80, 80, "validation").flag == ""


@pytest.mark.parametrize(
    ("copies", "tested", "other", "doubtful"),
    [
        (1, 80, 0, False),  # over 1 %, but less than chance makes of 80
        (4, 80, 0, False),
        (5, 80, 0, True),  # over sqrt(80) / 2
        (9, 80, 5, False),  # those of another target help no model
        (60, 6400, 0, False),  # over sqrt(6400) / 2, but not over 1 %
        (65, 6400, 0, True),
    ],
)
def test_copies_make_figures_doubtful_where_their_share_matters(
    tmp_path, copies, tested, other, doubtful
):
    one = _copied(tmp_path, copies, tested, other=other)
    assert bool(one.flag) == doubtful
    assert one.advice.startswith("Remove" if doubtful else "Nothing for the figures")


def test_of_copies_it_is_said_how_many_have_the_target_too(tmp_path):
    assert _copied(tmp_path / "a", 9, 80, other=5).sentence.endswith(
        "; 4 have the same target, too, 5 another one."
    )
    assert _copied(tmp_path / "b", 3, 80, other=3).sentence.endswith("; all have another target.")
    small = _copied(tmp_path / "c", 3, 6400).sentence
    assert small.startswith("3 of 6,400 test examples have exactly")


def test_copies_of_images_are_found_too(tmp_path):
    inputs = images(n=100)["inputs"]
    inputs[80] = inputs[3]
    split = ["train"] * 60 + ["validation"] * 20 + ["test"] * 20
    codes = found(tmp_path, images(n=100), inputs=inputs, split=split)
    assert list(codes) == ["copies-in-test"]
    assert "1 of 20 test examples (5%)" in codes["copies-in-test"].sentence


def test_examples_of_few_values_repeat_by_chance(tmp_path):
    inputs = np.random.default_rng(0).integers(0, 2, (400, 3)).astype(float)
    codes = found(tmp_path, table(n=400), inputs=inputs, split=["train"] * 300 + ["test"] * 100)
    one = codes["copies-in-test"]
    assert one.flag == "" and one.sentence.endswith(
        " Among the 240 training examples, too, 240 share their inputs with another one."
    )


def test_rows_that_are_there_several_times_make_figures_doubtful(tmp_path):
    """Training has copies of its own then, too: 200 rows, each four times, were taken for rows of few values."""
    draw = np.random.default_rng(0)
    inputs = np.repeat(draw.normal(size=(100, 3)).round(2), 4, axis=0)
    targets = np.repeat(draw.integers(0, 2, 100), 4)
    order = draw.permutation(400)
    values = table(n=400) | {"inputs": inputs[order], "targets": targets[order]}
    one = found(tmp_path, values, split=["train"] * 300 + ["test"] * 100)["copies-in-test"]
    assert one.flag == "test examples are in training" and one.advice.startswith("Remove")


def test_rows_that_are_there_several_times_matter_only_where_a_target_is_learnt_from_them(tmp_path):
    draw = np.random.default_rng(0)
    inputs = np.repeat(draw.normal(size=(100, 3)), 4, axis=0)
    order, rare = draw.permutation(400), np.arange(400) % 20 == 0
    values = table(n=400) | {"inputs": inputs[order], "targets": rare[order].astype(int)}
    one = found(tmp_path, values, split=["train"] * 300 + ["test"] * 100)["copies-in-test"]
    assert one.flag == "" and one.numbers["same_target"] > 80


def test_tiny_classes_are_named(tmp_path):
    targets = np.array([0] * 30 + [1] * 27 + [2] * 2 + [3])
    names = ("cat", "dog", "owl", "elk")
    one = found(tmp_path, table(), targets=targets, class_names=names)["tiny-classes"]
    assert one.sentence.startswith("2 of 4 classes have fewer than 5 examples")
    assert "'owl' (2, 1 in test), 'elk' (1, 0 in test)" in one.sentence


def test_classes_that_differ_in_blanks_or_case_are_named(tmp_path):
    names = ("cat", "cat ", "Dog", "dog", "owl")
    one = found(tmp_path, table(), targets=np.arange(60) % 5, class_names=names)["classes-alike"]
    assert one.sentence.endswith("alone: 'cat' and 'cat ', 'Dog' and 'dog'.")


def test_float32_still_merges_what_lies_in_two_far_places(tmp_path):
    values = table(n=100)["inputs"]
    values[:, 1] = np.where(np.arange(100) % 2, 1.7e9, -1.7e9) + np.arange(100)
    codes = found(tmp_path, table(n=100), inputs=values, feature_names=tuple("abcde"))
    assert list(codes) == ["float32-merges"] and "'b' (9" in codes["float32-merges"].sentence


def test_channels_and_sequences_that_float32_merges_are_named(tmp_path):
    pixels = np.random.default_rng(0).random((60, 3, 4, 4))
    assert found(tmp_path / "a", images(), inputs=pixels, scale=1.0) == {}
    pixels[:, 1] = 0.5 + 1e-9 * pixels[:, 1]
    one = found(tmp_path / "b", images(), inputs=pixels, scale=1.0)["float32-merges"]
    assert "values of channel 1 (100%)" in one.sentence and one.flag
    steps = np.random.default_rng(0).normal(size=(60, 8, 2))
    steps[:, :, 1] = np.where(np.arange(60) % 2, 1.7e9, -1.7e9)[:, None] + np.arange(8)
    one = found(tmp_path / "c", {**table(), "modality": "sequence"}, inputs=steps)["float32-merges"]
    assert "values of feature 1 (8" in one.sentence


def test_real_numbers_that_meet_by_chance_are_no_loss(tmp_path):
    inputs = 1 + 0.1 * np.random.default_rng(0).random((400_000, 1))
    assert merged_share(inputs) > MERGED
    task = prepared(tmp_path, table(features=1)).task
    assert not list(find_merged(task, inputs, np.zeros(1)))


def test_float32_still_merges_targets(tmp_path):
    targets = np.where(np.arange(100) % 2, 1e10, -1e10) + np.arange(100)
    codes = found(tmp_path, table(n=100, problem="regression"), targets=targets)
    assert list(codes) == ["float32-merges-targets"]


def test_values_far_outside_training_are_named(tmp_path):
    inputs = np.random.default_rng(0).normal(size=(100, 5))
    split = np.array(["train"] * 80 + ["test"] * 20)
    inputs[90, 2], inputs[95, 2], inputs[3, 4] = 1e4, -30.0, 500.0
    one = found(tmp_path, table(n=100), inputs=inputs, split=split)["far-outside"]
    assert one.sentence == (
        "2 values of 2 examples that are not for training lie more than 20 deviations outside of it: "
        "feature 2, at example 90, example 95."
    )
    assert one.flag == ""  # two of twenty answers change an accuracy by less than chance does


def test_values_far_outside_make_figures_doubtful_where_they_can_decide_them(tmp_path):
    """Of a regression one test example can decide a mean; of a classification, many."""
    inputs = np.random.default_rng(0).normal(size=(100, 5))
    split = np.array(["train"] * 70 + ["validation"] * 10 + ["test"] * 20)
    flags = {}
    for name, rows, problem in (
        ("validation", [75], "regression"),
        ("one", [85], "regression"),
        ("some", [85, 86], "classification"),
        ("many", [85, 86, 87], "classification"),
    ):
        far = inputs.copy()
        far[rows, 2] = 1e4
        values = table(n=100, problem=problem)
        one = found(tmp_path / name, values, inputs=far, split=split)["far-outside"]
        flags[name] = bool(one.flag)
    assert flags == {"validation": False, "one": True, "some": False, "many": True}


def test_targets_that_do_not_vary_in_test_leave_r2_undefined(tmp_path):
    values = table(n=60, problem="regression")
    split = ["train"] * 30 + ["validation"] * 15 + ["test"] * 15
    targets = np.r_[np.arange(45.0), np.full(15, 5.0)]
    one = found(tmp_path, values, targets=targets, split=split)["constant-targets"]
    assert one.sentence.startswith("All 15 test targets are 5: r² is undefined (nan)")
    targets[-1] = 6.0
    assert "constant-targets" not in found(tmp_path / "b", values, targets=targets, split=split)


def test_groups_that_the_data_tear_apart_themselves_are_named(tmp_path):
    split = ["train"] * 40 + ["validation"] * 10 + ["test"] * 10
    groups = np.array(["ann", "bob", "cid", "dan"] * 10 + ["eve"] * 10 + ["ann"] * 4 + ["eve"] * 6)
    codes = found(tmp_path, table(), split=split, groups=groups)
    assert list(codes) == ["groups-in-test"]
    one = codes["groups-in-test"]
    assert one.sentence.startswith(
        "4 of 10 test examples (40%) are of a group that training has, too: 'ann'."
    )
    assert one.flag == "groups of the test are in training"
    assert found(tmp_path / "cut", table(), groups=groups) == {}  # cut here, by groups
