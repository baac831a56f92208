"""`swa`: the mean of the weights at the ends of the last epochs is evaluated and kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.api.training import Fitting
from harness_training.averaged import Averaged
from harness_training.options import SwaOptions
from harness_training.running_statistics import take_anew


class Swa(Averaged):
    """Stochastic weight averaging: Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization",
    algorithm 1 with a cycle of one epoch.

    After each epoch past `start` of them, the n-th of those moves the mean by (w - mean) / n. The running
    statistics of batch norms are taken anew with the mean in place (its section 3.2). Give it a schedule that does not come
    down to nothing, such as `constant`.
    """

    def __init__(self, options: SwaOptions) -> None:
        """Take where it starts."""
        self.options, self.count = options, 0

    def begin(self, fitting: Fitting) -> None:
        """Take how long the fit is."""
        super().begin(fitting)
        self.count, self.inputs = 0, fitting.inputs
        self.start = min(self.options.start * fitting.epochs, fitting.epochs - 1)

    def after_epoch(self, epoch: int) -> None:
        """Take the weights into the mean."""
        if epoch > self.start:
            self.count += 1
            self.move(1 / self.count)

    def average(self) -> None:
        """Put the mean in, with statistics of its own; before there is one, all stays as it is."""
        if self.count:
            super().average()
            take_anew(self.model, self.inputs())

    def resume(self) -> None:
        """Put the weights back."""
        if self.count:
            super().resume()

    def state(self) -> dict[str, Any]:
        """Return the mean, and of how many epochs it is."""
        return super().state() | {"count": self.count}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take a mean of so many epochs."""
        super().load_state(state)
        self.count = state["count"]
