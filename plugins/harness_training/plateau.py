"""`plateau`: lower the learning rate where the loss no longer falls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness_training.options import PlateauOptions
from harness_training.warm_up import warm_up_steps, warmed_up


def build(
    steps: int, curves: Sequence[Mapping[str, float | None]], options: PlateauOptions
) -> Callable[[int], float]:
    """Return a function from the step to gamma ** (number of plateaus so far), after the warm-up if there is one.

    The rule of torch's ReduceLROnPlateau, in epochs: a plateau is there after more than `patience` epochs since the lowest
    validation loss (without validation examples: training loss), or since the last plateau, where only a loss that is lower by a
    share `threshold` counts. It depends on what was seen alone, so that a fit that is killed goes on with it.
    """

    def factor(step: int) -> float:
        return float(options.gamma ** count_plateaus(curves, options))

    return warmed_up(warm_up_steps(steps, options.warm_up), factor)


def count_plateaus(curves: Sequence[Mapping[str, float | None]], options: PlateauOptions) -> int:
    """Return how many plateaus there are in the rows of a fit."""
    lowest, since, found = float("inf"), 0.0, 0
    for row in curves:
        epoch, loss = row["epoch"] or 0.0, row["validation_loss"]
        if loss is None:
            loss = row["train_loss"] or 0.0
        if loss < lowest * (1 - options.threshold):
            lowest, since = loss, epoch
        elif epoch - since > options.patience:
            found, since = found + 1, epoch
    return found
