"""`ema`: an exponential moving average of the weights is evaluated and kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.api.training import Fitting
from harness_training.averaged import Averaged
from harness_training.options import EmaOptions


class Ema(Averaged):
    """After step t (from 1) the average goes from a to d a + (1 - d) w, weights and running statistics alike.

    d is `decay` or, with `warm_up`, at most (1 + t) / (10 + t), so that the first weights are soon forgotten
    (Polyak & Juditsky 1992; the warm-up is TensorFlow's `ExponentialMovingAverage`). The optimizer goes on from the
    weights that it has made; running statistics of batch norms are averaged as in timm's `ModelEma`.
    """

    def __init__(self, options: EmaOptions) -> None:
        """Take the decay."""
        self.options, self.steps = options, 0

    def begin(self, fitting: Fitting) -> None:
        """Begin with the first weights."""
        super().begin(fitting)
        self.steps = 0

    def after_step(self) -> None:
        """Move the average towards the weights."""
        self.steps += 1
        decay = self.options.decay
        if self.options.warm_up:
            decay = min(decay, (1 + self.steps) / (10 + self.steps))
        self.move(1 - decay)

    def state(self) -> dict[str, Any]:
        """Return the average, and of how many steps it is."""
        return super().state() | {"steps": self.steps}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take an average of so many steps."""
        super().load_state(state)
        self.steps = state["steps"]
