"""What becomes of the features of a table between the data that were kept and those that come.

The severities are chosen here, as there is no published table. Deviations are those of training.
"""

from __future__ import annotations

import torch

from harness.api import Draws, Task
from harness_shifts.severity import at_severity

MISSING = (0.05, 0.1, 0.2, 0.3, 0.5)  # of all cells
SHIFTED = (0.1, 0.25, 0.5, 0.75, 1.0)  # deviations
SCALED = (1.1, 1.25, 1.5, 1.75, 2.0)  # factors, or one over them


def missing(inputs: torch.Tensor, severity: int, draws: Draws, task: Task) -> torch.Tensor:
    """Return rows in which cells were not filled in, and the mean of training is put in their place.

    inputs: ``(batch, features)``.
    """
    gone = draws.uniform("missing", tuple(inputs.shape[1:])).to(inputs.device)
    return torch.where(gone < at_severity(MISSING, severity), _row(task.mean, inputs), inputs)


def shifted(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return rows whose features have moved, by turns up and down, as instruments drift: all rows alike.

    inputs: ``(batch, features)``.
    """
    moved = at_severity(SHIFTED, severity) * _by_turns(inputs) * _row(task.std, inputs)
    return (inputs + moved).clamp_(task.low, task.high)


def scaled(inputs: torch.Tensor, severity: int, task: Task) -> torch.Tensor:
    """Return rows whose features spread more about their mean, by turns with those that spread less.

    inputs: ``(batch, features)``.
    """
    factor = at_severity(SCALED, severity) ** _by_turns(inputs)
    mean = _row(task.mean, inputs)
    return (mean + (inputs - mean) * factor).clamp_(task.low, task.high)


def _row(values: tuple[float, ...], inputs: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values, dtype=inputs.dtype, device=inputs.device)


def _by_turns(inputs: torch.Tensor) -> torch.Tensor:
    """Return 1, -1, 1 ... ``(features,)``."""
    turns = torch.ones(inputs.shape[1], dtype=inputs.dtype, device=inputs.device)
    turns[1::2] = -1
    return turns
