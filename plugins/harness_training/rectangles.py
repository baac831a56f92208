"""Rectangles in images, one for each example."""

from __future__ import annotations

import torch
from torch import Tensor


def inside(
    top: Tensor, bottom: Tensor, left: Tensor, right: Tensor, rows: int, columns: int
) -> Tensor:
    """Return which pixels lie in each rectangle, bool ``(batch, 1, rows, columns)``.

    top, left: of the first pixel ``(batch,)``. bottom, right: of the first pixel behind.
    """
    row = torch.arange(rows, device=top.device)
    column = torch.arange(columns, device=top.device)
    down = (row >= top[:, None]) & (row < bottom[:, None])
    across = (column >= left[:, None]) & (column < right[:, None])
    return (down[:, :, None] & across[:, None, :])[:, None]
