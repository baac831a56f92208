"""`gru`: a gated recurrent network."""

from __future__ import annotations

from torch import Tensor, nn

from harness_architectures.options import GruOptions


class Gru(nn.Module):
    """Gated recurrent units (Cho et al. 2014, equations 5 to 8) and a linear head.

    ``(batch, time, features)`` -> ``(batch, num_classes)``. The head reads the mean of the states
    over time, so that the gradient reaches every step directly.
    """

    def __init__(self, features: int, num_classes: int, options: GruOptions) -> None:
        """Build for steps of `features`."""
        super().__init__()
        self.recurrent = nn.GRU(
            features,
            options.hidden,
            options.layers,
            batch_first=True,
            bidirectional=options.bidirectional,
            dropout=options.dropout if options.layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(options.hidden * (2 if options.bidirectional else 1), num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits ``(batch, num_classes)``."""
        states, _ = self.recurrent(inputs)  # (batch, time, hidden * directions)
        logits: Tensor = self.head(self.dropout(states.mean(1)))
        return logits


def build(input_shape: tuple[int, ...], num_classes: int, options: GruOptions) -> Gru:
    """Build a `Gru` for inputs ``(time, features)``."""
    return Gru(input_shape[-1], num_classes, options)
