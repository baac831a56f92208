"""What a search tries next: the same for the same seed and past, inside its space, better than chance."""

import math
import random

import pytest

from harness.train.propose import propose

OVER = {
    "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
    "batch_size": {"low": 8, "high": 64, "log": False},
    "optimizer.nesterov": [True, False],
}


def loss(settings):
    """Lowest, 0, at a learning rate of 1e-2 with nesterov."""
    return abs(math.log10(settings["learning_rate"]) + 2) + 3 * (not settings["optimizer.nesterov"])


def search(trials, seed):
    tried = []
    for number in range(trials):
        settings = propose(OVER, tried, seed * 1000 + number)
        tried.append({"settings": settings, "validation_loss": loss(settings)})
    return tried


def test_points_lie_in_the_space_and_are_the_same_again():
    tried = search(12, 2**40)
    for one in tried:
        settings = one["settings"]
        assert list(settings) == list(OVER) and 1e-4 <= settings["learning_rate"] <= 1.0
        assert 8 <= settings["batch_size"] <= 64 and isinstance(settings["batch_size"], int)
    assert len({one["settings"]["learning_rate"] for one in tried}) == 12
    assert search(12, 2**40) == tried


def test_it_learns_from_what_came_before():
    """After ten at random, its points are better than random ones: 1.99 at the mean of loss."""
    found = [one["validation_loss"] for seed in range(4) for one in search(25, seed)[10:]]
    draw = random.Random(0).uniform
    chance = [
        loss({"learning_rate": 10 ** draw(-4, 0), "optimizer.nesterov": n % 2}) for n in range(60)
    ]
    assert sum(found) / len(found) < 0.6 * sum(chance) / len(chance)


@pytest.mark.parametrize("before", [1, 15])
def test_what_diverged_is_the_worst(before):
    tried = [
        {"settings": propose({"x": [0, 1]}, [], n), "validation_loss": None} for n in range(before)
    ]
    assert propose({"x": [0, 1]}, tried, 3)["x"] in (0, 1)
