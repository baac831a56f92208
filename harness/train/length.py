"""How long a fit goes on: its default length, when it stops, whose weights it keeps, and whether it was enough."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from harness.catalogue.counts import apart
from harness.catalogue.finding import Finding
from harness.plan.default_length import default_epochs
from harness.train.weights_file import keep_state

Row = Mapping[str, float | None]  # of the curves of a fit

LOOKS = 20  # at most, at the validation examples in a fit of the default length
PATIENCE_SHARE = 0.5  # of its epochs, without a better validation until it stops
LAST_SHARE = 1 / 3  # of the epochs, over which the validation loss must have come to rest
RESTLESS = 0.05  # of what the loss fell in all


@dataclass(frozen=True)
class Length:
    """How long to train.

    epochs: at most. patience: epochs without a better validation until it stops and goes back to the best;
        None: all epochs, and the last weights. every: epochs from one look at the validation examples to the next.
    """

    epochs: int
    patience: int | None = None
    every: int = 1


def default_length(examples: int, batch_size: int) -> Length:
    """Return the length of a fit whose recipe does not say it: the same for every architecture.

    examples: for training.
    """
    epochs = default_epochs(examples, batch_size)
    return Length(epochs, math.ceil(PATIENCE_SHARE * epochs), math.ceil(epochs / LOOKS))


class Best:
    """The best weights so far, where a fit may stop early.

    Better is a higher accuracy, of equal ones the lower loss; of numbers the lower loss. By the loss alone
    a classifier would go back to where it was least sure of itself: at a high learning rate that is long before it
    is most often right.
    """

    def __init__(self, patience: int | None) -> None:
        """Take the epochs without a better validation until it stops; None: never."""
        self.patience, self.epoch = patience, 0
        self.rank: tuple[float, float] = (-math.inf, -math.inf)
        self.weights: dict[str, Any] = {}

    def stops(self, model: nn.Module, row: Row) -> bool:
        """Whether to stop after an epoch; its weights are kept if they are the best so far."""
        loss, epoch = row["validation_loss"], int(row["epoch"] or 0)
        if self.patience is None or loss is None:
            return False
        rank = (row["validation_accuracy"] or 0.0, -loss)
        if rank > self.rank:
            self.epoch, self.rank = epoch, rank
            self.weights = keep_state(model)
        return epoch - self.epoch >= self.patience

    def restore(self, model: nn.Module) -> None:
        """Put the best weights back, where some were kept."""
        if self.weights:
            model.load_state_dict(self.weights)


def still_falling(curves: Sequence[Row], planned: int, default: int) -> Finding | None:
    """Return a finding where the validation loss had not come to rest when training ended.

    planned: epochs. default: those where a recipe leaves them out. It had not if its lowest in the last third of them is lower than its lowest before by more than
    5 % of all that it fell; a schedule that brings the learning rate down lowers the loss a little at the
    end even of the longest training.
    """
    losses = [(row["epoch"] or 0, row["validation_loss"]) for row in curves]
    known = [(epoch, loss) for epoch, loss in losses if loss is not None and math.isfinite(loss)]
    if not known or known[-1][0] < planned:  # it stopped by itself
        return None
    border = (1 - LAST_SHARE) * planned
    before = min((loss for epoch, loss in known if epoch <= border), default=math.inf)
    last = min(loss for epoch, loss in known if epoch > border)
    fell = known[0][1] - last
    if not (math.isfinite(before) and fell > 0 and before - last > RESTLESS * fell):
        return None
    losses_said = " to ".join(apart(before, last, lambda loss, more: f"{loss:.{3 + more}g}"))
    left_out = f", or leave epochs out for {default}" if planned < default else ""
    return Finding(
        code="still-falling",
        sentence=f"The validation loss was still falling when training ended after {planned} epochs: from "
        f"{losses_said} in the last third of them.",
        advice=f"Train longer: epochs = {5 * planned}{left_out}; or raise the learning rate.",
        numbers={"epochs": planned, "before": before, "last": last},
        flag="validation loss still falling",
    )
