"""The search of a learning rate, on validation examples."""

import math

import pytest
from torch import nn
from train_cases import CLASSES, SIDE, constant, sgd, small_net, split, training

from harness.train.fit import Diverged, evaluate, fit
from harness.train.rate_search import search_learning_rate


def search(candidates, **changes):
    lines = []
    found = search_learning_rate(
        small_net,
        lambda rate: training(make_optimizer=sgd(rate), **changes),
        candidates,
        split(),
        split(40, seed=1),
        lines.append,
    )
    return found, lines


def test_a_search_takes_the_best_on_validation():
    (rate, rows), lines = search([0.1, 1e-6, 0.01])
    assert [row["learning_rate"] for row in rows] == [1e-6, 0.01, 0.1]
    losses = {row["learning_rate"]: row["validation_loss"] for row in rows}
    assert losses[rate] == min(losses.values()) and rate > 1e-6
    net = small_net()
    fit(net, training(make_optimizer=sgd(0.01)), split())
    assert losses[0.01] == evaluate(net, training(), split(40, seed=1))[0]
    assert lines[0].startswith("learning rate 1e-06: validation loss ")


def test_of_equal_rates_the_smaller_wins():
    (rate, _), _ = search([0.2, 0.1], make_schedule=lambda steps, curves: lambda step: 0.0)
    assert rate == 0.1


def test_divergence_counts_as_infinitely_bad():
    def make():
        return nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, CLASSES))

    def search_plain(candidates):
        return search_learning_rate(
            make,
            lambda rate: training(make_optimizer=sgd(rate), make_schedule=constant),
            candidates,
            split(),
            split(40, seed=1),
        )

    rate, rows = search_plain([0.1, 1e38])
    assert rate == 0.1 and rows[1]["validation_loss"] == math.inf
    with pytest.raises(Diverged, match="training diverged at every learning rate"):
        search_plain([1e37, 1e38])
