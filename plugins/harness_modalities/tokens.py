"""Numbers of things of a vocabulary, ``(time,)``: bytes of a text, words, symbols."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.api import Task
from harness.api.reporting import counted

WIDTH = 64  # of an embedding, where a network wants steps of real numbers


class ShareOfEach(nn.Module):
    """How often an example has each thing, over how often it would if all were as frequent: a bag of words."""

    def __init__(self, vocabulary: int) -> None:
        """Take the number of things."""
        super().__init__()
        self.vocabulary = vocabulary

    def forward(self, inputs: Tensor) -> Tensor:
        """``(batch, time)`` -> ``(batch, vocabulary)``: 1 where a thing is as frequent as if all were."""
        shares = torch.zeros(len(inputs), self.vocabulary, device=inputs.device)
        once = torch.ones_like(inputs, dtype=shares.dtype)
        return shares.scatter_add_(1, inputs, once) * (self.vocabulary / inputs.shape[1])

    def extra_repr(self) -> str:
        """Say of how many."""
        return f"of {self.vocabulary}"


def embedded_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of an example whose things are embedded."""
    return (*shape, WIDTH)


def embedding(task: Task) -> nn.Module:
    """``(batch, time)`` -> ``(batch, time, 64)``, learnt."""
    return nn.Embedding(task.vocabulary, WIDTH)


def bag_shape(task: Task) -> tuple[int, ...]:
    """Return the shape of an example that is a share of each thing."""
    return (task.vocabulary,)


def bag(task: Task) -> nn.Module:
    """``(batch, time)`` -> ``(batch, vocabulary)``."""
    return ShareOfEach(task.vocabulary)


def sizes(shape: tuple[int, ...], task: Task) -> dict[str, int]:
    """Return its sizes, for classes of a person's own."""
    return {"steps": shape[0], "vocabulary": task.vocabulary}


def describe(shape: tuple[int, ...]) -> str:
    """Return its shape in words."""
    return counted(shape[0], "token")
