"""Independent normal noise on every value."""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.severity import at_severity, at_side

# The noise's standard deviation as a share of the range, high - low. Sequences have no published table
# and take that of small images.
STD = {
    32: (0.04, 0.06, 0.08, 0.09, 0.10),
    64: (0.04, 0.08, 0.12, 0.15, 0.18),
    224: (0.08, 0.12, 0.18, 0.26, 0.38),
}
# The same for tables, as a share of each feature's standard deviation in training (`task.std`),
# because features have units of their own. No published table: chosen here.
TABLE = (0.1, 0.2, 0.3, 0.5, 0.8)


def apply(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return x + s * n, clamped to the range, with n standard normal for every value.

    s is relative to the range, or for tables to each feature's standard deviation.

    inputs: ``(batch, *shape)`` in [task.low, task.high].

    Source: Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common
    corruptions and perturbations".
    """
    noise = draws.normal("gaussian_noise", tuple(inputs.shape[1:])).to(inputs.device, inputs.dtype)
    if task.modality == "table":
        each = torch.tensor(task.std, dtype=inputs.dtype, device=inputs.device)
        noise *= at_severity(TABLE, severity) * each
        return noise.add_(inputs).clamp_(task.low, task.high)
    side = min(inputs.shape[-2:]) if task.modality == "image" else 0
    std = at_side(STD, severity, side) * (task.high - task.low)
    return torch.add(inputs, noise, alpha=std, out=noise).clamp_(task.low, task.high)
