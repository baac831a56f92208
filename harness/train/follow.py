"""Training that somebody looks at: told of every step, and ended after so many epochs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from torch import nn

from harness.train.fit import Training, TrainingExamples, fit
from harness.train.techniques import Fitting, TrainingHooks


class _Enough(Exception):
    """Training has gone as far as it is to be followed."""


class _Until(TrainingHooks):
    """Ends a fit after so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def begin(self, fitting: Fitting) -> None:
        if self.epochs == 0:
            raise _Enough

    def after_epoch(self, epoch: int) -> None:
        if epoch >= self.epochs:
            raise _Enough


def follow(
    model: nn.Module,
    training: Training,
    train: TrainingExamples,
    validation: TrainingExamples | None,
    hooks: TrainingHooks,
    epochs: int,
) -> None:
    """Train a model in place for the first `epochs` epochs of a training, which goes as `fit` would.

    hooks: told before the techniques of the training; of 0 epochs, that it begins.
    """
    made: list[Callable[[], TrainingHooks]] = [lambda: hooks, *training.techniques]
    with suppress(_Enough):
        fit(
            model, replace(training, techniques=[*made, partial(_Until, epochs)]), train, validation
        )
