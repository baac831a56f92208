"""Targets that are no labels are said in words; losses and baselines by hand."""

import math

import numpy as np
import pytest
import torch

from harness.api import DataError, LoadedData
from harness_problems.classification import (
    baseline,
    check,
    check_split,
    correct,
    fooled,
    grade,
    loss,
    width,
)


def loaded(targets, class_names=()) -> LoadedData:
    return LoadedData(
        modality="table",
        problem="classification",
        targets=np.asarray(targets),
        class_names=class_names,
        inputs=np.zeros((len(targets), 1)),
    )


@pytest.mark.parametrize(
    ("targets", "names", "words"),
    [
        (["a", "b"], (), "whole numbers from 0; got <U1 values"),
        ([0.0, math.nan], (), "whole numbers from 0; got nan at example 1"),
        ([0.5, 1.0], (), "got float64 values that are not whole"),
        ([0, 2, -1], ("x", "y"), "2 labels are out of range; the first is 2 at example 1"),
    ],
)
def test_what_is_no_label_is_refused(targets, names, words):
    data = loaded(targets, names)
    with pytest.raises(DataError, match=words):
        check(data.targets, data)


def test_labels_are_whole_numbers_and_classes_their_names():
    data = loaded([0.0, 1.0, 1.0])
    found = check(data.targets, data)
    assert found.dtype == np.int64 and found.tolist() == [0, 1, 1]
    assert width(found, data) == 2
    assert width(found, loaded([0, 1], ("a", "b", "c"))) == 3


@pytest.mark.parametrize(
    ("targets", "split", "words"),
    [
        ([0, 0], [0, 2], "there is only one class"),
        ([0, 2], [0, 0], "1 of 3 classes has no example in the data: 1"),
        ([0, 1], [0, 2], "1 of 2 classes has no example in the training examples: 1"),
    ],
)
def test_a_class_without_examples_is_refused(targets, split, words):
    with pytest.raises(DataError, match=words):
        check_split(np.array(targets), loaded(targets), np.array(split))


def test_an_answer_is_right_or_an_adversary_has_what_it_wants():
    outputs = torch.tensor([[2.0, 1.0], [0.0, 3.0]])
    targets = torch.tensor([0, 0])
    assert correct(outputs, targets).tolist() == [True, False]
    assert fooled(outputs, targets).tolist() == [False, True]
    assert grade(outputs, targets).tolist() == [1.0, 0.0]


def test_the_loss_is_the_cross_entropy_in_nats():
    outputs = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])
    found = loss(outputs, torch.tensor([0, 1]))
    assert float(found) == pytest.approx(math.log(4 / 3) + math.log(2))


def test_the_baseline_is_the_logarithm_of_the_shares():
    assert np.exp(baseline(np.array([0, 0, 0, 1]), 2)).tolist() == pytest.approx([0.75, 0.25])
