"""The share of steps that are right, by hand; labels that are none are refused."""

import math

import numpy as np
import pytest
import torch

from harness.api import DataError, LoadedData, Task
from harness_problems import sequence_labelling as labelling

IGNORE = labelling.IGNORE


def loaded(targets, names=("a", "b", "c")) -> LoadedData:
    inputs = np.zeros((len(targets), 3), dtype=np.uint8)
    return LoadedData(
        modality="tokens", problem="sequence_labelling", inputs=inputs, targets=targets, class_names=names
    )  # fmt: skip


def test_steps_count_alike_and_those_that_are_not_asked_for_not_at_all():
    targets = torch.tensor([[0, 1, 2], [1, IGNORE, IGNORE]])
    outputs = torch.nn.functional.one_hot(torch.tensor([[0, 1, 1], [0, 0, 0]]), 3).float()
    tallies = labelling.tally(outputs, targets)
    assert tallies.tolist() == [[2, 3], [0, 1]]
    counts = np.array([[1, 1], [2, 0], [0, 1], [1, 3]])
    found = labelling.sum_up(tallies.numpy(), counts)
    assert found.tolist() == pytest.approx([2 / 4, 4 / 6, 0, 2 / 6])
    even = labelling.loss(torch.zeros(2, 3, 3), targets)
    assert float(even) == pytest.approx(2 * math.log(3))


def test_the_baseline_is_the_shares_of_sequences():
    targets = np.array([[0, 1, 1], [1, IGNORE, IGNORE]])
    assert np.exp(labelling.baseline(targets, 2)) == pytest.approx([1 / 6, 5 / 6])


def test_outputs_are_logits_of_each_step():
    task = Task(
        modality="tokens", problem="sequence_labelling", input_shape=(5,), outputs=4, low=0, high=3
    )
    assert task.output_shape == (5, 4) and task.headline == "step_accuracy"
    targets = np.array([[0, 2, IGNORE]], dtype=np.int16)
    assert labelling.check(targets, loaded(targets)).dtype == np.int64
    assert labelling.width(targets, loaded(targets, ())) == 3


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ([[0, 1, 2], [0, 3, 1]], "step 1 of example 1 has the label 3; allowed: 0 to 2, and -100"),
        ([[0, -1, 2]], "step 1 of example 0 has the label -1"),
        ([[0, 1]], "examples have 3 steps and 2 labels"),
        ([[0.0, 1.0, 0.5]], "whole numbers of classes from 0; got float64"),
    ],
)
def test_what_is_no_label_is_refused(targets, words):
    array = np.array(targets)
    with pytest.raises(DataError, match=words):
        labelling.check(array, loaded(array))


def test_one_class_alone_is_refused_and_a_label_that_training_lacks_is_found():
    targets = np.array([[0, 0, 1], [0, 2, IGNORE]])
    (found,) = labelling.look(targets, loaded(targets), np.array([0, 2]))
    assert found.sentence == "1 label of test steps is in no training sequence: c."
    assert not list(labelling.look(targets, loaded(targets), np.array([2, 0])[:1].repeat(2)))
    with pytest.raises(DataError, match="all steps are of one class"):
        labelling.check_split(np.array([[0, 0, IGNORE]]), loaded(targets), np.array([0]))
    nothing = np.array([[0, 1, 1], [IGNORE] * 3])
    for part, split in (("test", [0, 2]), ("training", [2, 0])):
        with pytest.raises(DataError, match=f"no {part} sequence has a step of a class"):
            labelling.check_split(nothing, loaded(nothing), np.array(split))
