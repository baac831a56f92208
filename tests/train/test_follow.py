"""Training that is followed goes as the fit does, and ends where it is to."""

from dataclasses import replace

import pytest
from train_cases import same_weights, small_net, split, training

from harness.train.fit import fit
from harness.train.follow import follow
from harness.train.techniques import Fitting, TrainingHooks


class Seen(TrainingHooks):
    def __init__(self) -> None:
        self.epochs, self.steps, self.planned = [], 0, 0

    def begin(self, fitting: Fitting) -> None:
        self.planned = fitting.epochs

    def before_step(self) -> None:
        self.steps += 1

    def after_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)


@pytest.mark.parametrize("epochs", [0, 1, 3, 9])
def test_it_is_the_first_epochs_of_the_fit(epochs: int) -> None:
    train, whole, seen = split(), training(epochs=3), Seen()
    followed, fitted = small_net(dropout=0.3), small_net(dropout=0.3)
    follow(followed, whole, train, None, seen, epochs)
    done = min(epochs, 3)
    assert (seen.planned, seen.epochs, seen.steps) == (3, [1, 2, 3][:done], 7 * done)
    assert same_weights(followed, fitted) == (done == 0)
    if done:
        fit(fitted, replace(whole, epochs=done), train)
        assert same_weights(followed, fitted)
