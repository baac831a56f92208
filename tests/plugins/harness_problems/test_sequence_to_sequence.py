"""Targets that answer a source: what is refused, and the share that is right token for token, by hand."""

import numpy as np
import pytest
import torch

from harness.api import DataError, LoadedData, Task
from harness_problems import sequence_labelling
from harness_problems import sequence_to_sequence as problem

NOT = problem.IGNORE


def loaded(targets, source=2, **more) -> LoadedData:
    given = {"details": {"source_steps": source}} | more
    return LoadedData(
        modality="tokens",
        problem="sequence_to_sequence",
        inputs=np.zeros((len(targets), 4), dtype=np.uint8),
        targets=targets,
        high=5.0,
        **given,
    )


def test_an_example_is_right_where_all_that_is_asked_is():
    targets = torch.tensor([[NOT, NOT, 1, 2], [NOT, NOT, 3, NOT], [NOT, NOT, 0, 1]])
    said = torch.tensor([[0, 0, 1, 2], [0, 0, 3, 0], [0, 0, 0, 0]])
    outputs = torch.nn.functional.one_hot(said, 6).float()
    tallies = sequence_labelling.tally(outputs, targets).numpy()
    counts = np.array([[1, 1, 1], [2, 0, 2]])
    assert problem.exact_match(tallies, counts).tolist() == pytest.approx([2 / 3, 1 / 2])
    assert sequence_labelling.sum_up(tallies, counts).tolist() == pytest.approx([4 / 5, 6 / 8])


def test_it_is_compared_by_exact_match_of_the_whole_vocabulary():
    task = Task(
        modality="tokens", problem="sequence_to_sequence", input_shape=(4,), outputs=6, low=0, high=5
    )  # fmt: skip
    assert task.output_shape == (4, 6) and task.headline == "exact_match"
    targets = np.array([[NOT, NOT, 1, 2]], dtype=np.int16)
    assert problem.check(targets, loaded(targets)).dtype == np.int64


@pytest.mark.parametrize(
    ("targets", "source", "words"),
    [
        ([[NOT, NOT, 1]], 2, "examples have 4 steps and 3 targets"),
        ([[NOT, NOT, 1, 2]], 4, "is 4; wanted is how many of the 4 steps are the source, 1 to 3"),
        ([[NOT, NOT, 1, 2]], None, "is None; wanted is how many"),
        ([[NOT, NOT, 1.5, 2]], 2, "whole ones from 0; got float64"),
        ([[NOT, NOT, 1, 2], [NOT, 3, 1, 2]], 2, "step 1 of example 1 has the target 3; it is of"),
        ([[NOT, NOT, 1, 6]], 2, "step 3 of example 0 has the target 6; allowed: 0 to 5"),
        ([[NOT, NOT, -1, 5]], 2, "step 2 of example 0 has the target -1; allowed: 0 to 5"),
    ],
)
def test_what_is_no_target_is_refused(targets, source, words):
    array = np.array(targets)
    with pytest.raises(DataError, match=words):
        problem.check(array, loaded(array, source))


def test_an_example_without_a_target_is_refused():
    targets = np.array([[NOT, NOT, 1, 2], [NOT] * 4])
    problem.check_split(targets, loaded(targets), np.array([0, 1]))
    with pytest.raises(DataError, match="example 1, of the test examples, has no target"):
        problem.check_split(targets, loaded(targets), np.array([0, 2]))
