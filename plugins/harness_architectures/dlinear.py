"""`dlinear`: a moving average and what is left of a sequence, a linear layer for each."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from harness.api import UsageError
from harness_architectures.options import DlinearOptions


class Dlinear(nn.Module):
    """Zeng, Chen, Zhang & Xu 2023, "Are transformers effective for time series forecasting?", arXiv:2205.13504, section 4.1.

    ``(batch, time, features)`` -> ``(batch, num_classes)``: the trend is the mean of `kernel` steps around each, the first and
    the last step repeated beyond the ends. With outputs that are steps of the same features (`each`) a layer maps the time of
    each feature by itself, with the same weights for all, as in the paper; else all features at once.
    """

    def __init__(
        self, steps: int, features: int, num_classes: int, options: DlinearOptions
    ) -> None:
        """Build for sequences of `steps`."""
        super().__init__()
        self.kernel = min(options.kernel, steps - 1 + steps % 2)  # odd
        self.each = options.each
        inputs, outputs = (
            (steps, num_classes // features) if self.each else (steps * features, num_classes)
        )
        self.trend, self.rest = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return ``(batch, num_classes)``, of steps ahead the features one after another at each step."""
        across = inputs.transpose(1, 2)  # (batch, features, time)
        beyond = (self.kernel - 1) // 2
        padded = functional.pad(across, (beyond, beyond), mode="replicate")
        trend = functional.avg_pool1d(padded, self.kernel, stride=1)
        parts = (trend, across - trend)
        if not self.each:
            parts = (parts[0].flatten(1), parts[1].flatten(1))
        found: Tensor = self.trend(parts[0]) + self.rest(parts[1])
        return found.transpose(1, 2).flatten(1) if self.each else found


def build(input_shape: tuple[int, ...], num_classes: int, options: DlinearOptions) -> Dlinear:
    """Build a `Dlinear` for inputs ``(time, features)``.

    Raises:
        UsageError: Each feature is to be mapped by itself, and the outputs are not steps of them.
    """
    steps, features = input_shape
    if options.each and num_classes % features:
        raise UsageError(
            f"dlinear: each=true is for outputs that are steps of the {features} features; {num_classes} are not so many times "
            f"{features}"
        )
    return Dlinear(steps, features, num_classes, options)
