"""Rows of images made of other rows: interpolation and averages, with few weights for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class WeightedRows:
    """How each of `made` rows comes from rows of an image.

    index: ``(made, parts)`` int64. weight: ``(made, parts)``.
    """

    index: torch.Tensor
    weight: torch.Tensor

    def of(self, images: torch.Tensor) -> torch.Tensor:
        """Return ``(..., made, width)`` of images ``(..., height, width)``."""
        *batch, height, width = images.shape
        rows = images.reshape(-1, width)
        firsts = torch.arange(0, len(rows), height, device=rows.device)
        index = (firsts[:, None, None] + self.index.to(rows.device)).flatten(0, 1)
        weight = self.weight.to(rows).expand(len(firsts), -1, -1).flatten(0, 1)
        made = functional.embedding_bag(index, rows, mode="sum", per_sample_weights=weight)
        return made.view(*batch, -1, width)


def turned(images: torch.Tensor) -> torch.Tensor:
    """Return images with columns as rows, so in memory too."""
    if images.device.type == "cpu":  # numpy takes two thirds of the time
        return torch.from_numpy(np.ascontiguousarray(images.numpy().swapaxes(-1, -2)))
    return images.mT.contiguous()
