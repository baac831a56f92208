"""`gru`: a gated recurrent network."""

from __future__ import annotations

from torch import Tensor, nn

from harness.api import Task
from harness_architectures.options import GruOptions


class Gru(nn.Module):
    """Gated recurrent units (Cho et al. 2014, equations 5 to 8) and a linear head.

    ``(batch, time, features)`` -> ``(batch, num_classes)``. The head reads the mean of the states
    over time, so that the gradient reaches every step directly, or with `pool` the last state of each direction. Where each
    step is asked for it reads the state of each: ``(batch, time, num_classes)``.
    """

    def __init__(
        self, features: int, num_classes: int, options: GruOptions, *, each_step: bool = False
    ) -> None:
        """Build for steps of `features`."""
        super().__init__()
        self.each_step = each_step
        self.recurrent = nn.GRU(
            features,
            options.hidden,
            options.layers,
            batch_first=True,
            bidirectional=options.bidirectional,
            dropout=options.dropout if options.layers > 1 else 0.0,
        )
        self.pool = options.pool
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(options.hidden * (2 if options.bidirectional else 1), num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``, or ``(batch, time, num_classes)``."""
        states, last = self.recurrent(inputs)  # (batch, time, hidden * directions)
        directions = 2 if self.recurrent.bidirectional else 1
        ends = last[-directions:].transpose(0, 1).flatten(1)  # (batch, hidden * directions)
        pooled = states.mean(1) if self.pool == "mean" else ends
        logits: Tensor = self.head(self.dropout(states if self.each_step else pooled))
        return logits


def build(task: Task, input_shape: tuple[int, ...], num_classes: int, options: GruOptions) -> Gru:
    """Build a `Gru` for inputs ``(time, features)``."""
    return Gru(input_shape[-1], num_classes, options, each_step=len(task.output_shape) > 1)
