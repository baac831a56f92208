"""How long a fit goes on where a recipe does not say it, and whether it was enough."""

import math

import pytest
import torch
from torch import nn

from harness.plan.default_length import EPOCHS, STEPS
from harness.train.length import Best, Length, default_length, still_falling


@pytest.mark.parametrize("examples", [1, 54, 90, 128, 618, 1078, 1600])
def test_small_data_is_trained_for_a_floor_of_steps(examples):
    """20 epochs of 90 rows were 40 steps."""
    length = default_length(examples, 64)
    steps = math.ceil(examples / 64) * length.epochs
    assert STEPS <= steps < STEPS + math.ceil(examples / 64)
    assert length.epochs / length.every == pytest.approx(20, abs=10)  # looks


@pytest.mark.parametrize("examples", [1601, 50_000])
def test_large_data_is_trained_for_epochs(examples):
    assert default_length(examples, 64) == Length(EPOCHS, patience=10, every=1)


def rows(losses, accuracies=None):
    return [
        {"epoch": epoch, "validation_loss": loss, "validation_accuracy": accuracy}
        for epoch, (loss, accuracy) in enumerate(
            zip(losses, accuracies or [None] * len(losses), strict=True), start=1
        )
    ]


def best_of(curves, patience=100):
    model, best = nn.Linear(1, 1), Best(patience)
    for row in curves:
        with torch.no_grad():
            model.weight.fill_(float(row["epoch"]))
        if best.stops(model, row):
            break
    best.restore(model)
    return best.epoch, model.weight.item()


def test_the_best_of_classes_is_the_most_often_right_and_of_those_the_surest():
    """At a high learning rate the loss is lowest long before the accuracy is highest."""
    curves = rows([0.4, 0.2, 0.3, 0.31, 0.25], [0.8, 0.94, 0.97, 0.97, 0.96])
    assert best_of(curves) == (3, 3.0)


def test_the_best_of_numbers_has_the_lowest_loss():
    assert best_of(rows([0.4, 0.2, 0.3, 0.21])) == (2, 2.0)


def test_it_stops_by_the_number_of_epochs_and_not_of_looks():
    curves = [row | {"epoch": 10 * row["epoch"]} for row in rows([0.4, 0.2, 0.3, 0.3, 0.3, 0.1])]
    assert best_of(curves, patience=25) == (20, 20.0)
    assert best_of(curves, patience=40) == (60, 60.0)


def test_a_loss_that_has_come_to_rest_is_no_finding():
    # digits, 340 steps at 1e-3 of one-cycle: the last third brings next to nothing
    losses = [2.25, 1.95, 0.9, 0.33, 0.2, 0.16, 0.15, 0.146, 0.14, 0.136, 0.135, 0.134]
    assert still_falling(rows(losses), 12, 20) is None
    assert still_falling(rows([2.0, 1.0, 0.5, 0.4, 0.6, 0.7]), 6, 20) is None  # overfitted
    assert still_falling(rows([2.0, 2.1, 2.2]), 3, 20) is None
    assert still_falling(rows([1.0]), 1, 20) is None  # one look tells nothing
    assert still_falling(rows([None, None]), 2, 20) is None
    assert still_falling([], 0, 20) is None


def test_a_loss_that_still_falls_is_a_finding_with_what_to_do():
    found = still_falling(rows([1.8, 1.7, 1.6, 1.5, 1.4, 1.3]), 6, 20)
    assert found is not None and found.code == "still-falling" and found.flag
    assert "from 1.5 to 1.3 in the last third" in found.sentence
    assert found.advice == (
        "Train longer: epochs = 30, or leave epochs out for 20; or raise the learning rate."
    )


@pytest.mark.parametrize("default", [6, 4])
def test_nobody_is_told_to_leave_out_what_is_left_out_or_longer_than_the_default(default):
    found = still_falling(rows([1.8, 1.7, 1.6, 1.5, 1.4, 1.3]), 6, default)
    assert found is not None
    assert found.advice == "Train longer: epochs = 30; or raise the learning rate."


def test_what_stopped_by_itself_fell_no_more():
    assert still_falling(rows([1.8, 1.6, 1.4, 1.2]), 20, 20) is None


def test_losses_that_fell_by_little_are_written_so_that_it_shows():
    found = still_falling(rows([2.2744, 2.2738, 2.2731, 2.2726, 2.2719, 2.2712]), 6, 20)
    assert found is not None and "from 2.273 to 2.271 in the last third" in found.sentence
