"""What is to be kept in mind is in the sequences, where it is said to be."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from harness_datasets.built_in_options import SequenceMemoryOptions
from harness_datasets.sequence_memory import load


@pytest.mark.parametrize("length", [4, 21])
def test_two_numbers_are_marked_one_in_each_half_and_their_sum_is_asked_for(length):
    data = load(SequenceMemoryOptions(length=length, examples=3000))
    numbers, marks = np.moveaxis(np.asarray(data.inputs), 2, 0)
    assert numbers.shape == (3000, length) and (data.modality, data.problem) == (
        "sequence",
        "regression",
    )
    half = length // 2
    assert (marks[:, :half].sum(1) == 1).all() and (marks[:, half:].sum(1) == 1).all()
    assert (marks.mean(0) > 0.5 / length).all()  # at every step
    assert (numbers * marks).sum(1) == pytest.approx(data.targets)
    assert data.targets.var() == pytest.approx(
        1 / 6, rel=0.1
    )  # what the mean of all answers leaves
    # A linear model of all steps cannot multiply; of the products it is exact.
    flat, products = np.asarray(data.inputs).reshape(3000, -1), numbers * marks
    scores = [
        LinearRegression()
        .fit(inputs[:2000], data.targets[:2000])
        .score(inputs[2000:], data.targets[2000:])
        for inputs in (flat, products)
    ]
    assert scores[0] < (0.6 if length == 4 else 0.2) and scores[1] == pytest.approx(1)


def test_the_first_of_many_symbols():
    data = load(SequenceMemoryOptions(problem="classification", length=12, examples=800))
    inputs = np.asarray(data.inputs)
    assert inputs.shape == (800, 12, 8) and (inputs.sum(2) == 1).all()
    assert np.array_equal(inputs[:, 0].argmax(1), data.targets) and data.problem == "classification"
    assert np.bincount(data.targets).min() > 60
    model = LogisticRegression(max_iter=200).fit(inputs[:600].reshape(600, -1), data.targets[:600])
    assert model.score(inputs[600:].reshape(200, -1), data.targets[600:]) > 0.95
    without = LogisticRegression(max_iter=200).fit(
        inputs[:600, 1:].reshape(600, -1), data.targets[:600]
    )
    assert without.score(inputs[600:, 1:].reshape(200, -1), data.targets[600:]) < 0.25
