"""Which examples of each batch are a process's own, and what their mean loss weighs in that of the batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from harness.train.ranks import Ranks

if TYPE_CHECKING:
    from harness.train.fit import TrainingExamples

_FEWEST = 2  # examples of a share where a batch is cut: batch norm cannot take one alone


class Share(NamedTuple):  # one is made each step: a frozen dataclass takes thrice the time
    """A part of a batch. weight: of the mean loss of its examples, so that all parts come to the mean of the batch.

    A share of weight 0 is of a process that has none of the batch's examples, but must take the step with the others:
    it is given some that are another's. least: examples of the smallest share of the batch.
    """

    batch: tuple[Tensor, Tensor, Tensor]  # as `fit.Batch`
    weight: float
    least: int

    def parts(self, count: int) -> list[Share]:
        """Return the share in so many parts or, where one of any process would be too small, in fewer."""
        if count == 1:
            return [self]
        size = len(self.batch[0])
        count = max(1, min(count, self.least // _FEWEST))
        if count == 1:
            return [self]
        cut = zip(*(torch.tensor_split(one, count) for one in self.batch), strict=True)
        return [Share((x, y, ids), self.weight * len(x) / size, len(x)) for x, y, ids in cut]


def own_shares(
    examples: TrainingExamples, order: Tensor, batch_size: int, ranks: Ranks
) -> Iterator[Share]:
    """Yield a process's share of each batch of the examples at the positions `order`.

    Batches are cut into neighbours of nearly equal number, as `torch.tensor_split` does. What is left over for a last batch
    is cut into fewer shares, where they would be of one example.

    A share's weight is its part of the batch times the number of processes: the mean of their gradients is then that of the batch.
    """
    if ranks.count == 1:
        for batch in examples.in_order(order, batch_size):
            yield Share(batch, 1.0, len(batch[0]))
        return
    whole = len(order) - len(order) % batch_size
    if whole:
        first, past = _bounds(batch_size, ranks.count, ranks.rank)
        own = order[:whole].view(-1, batch_size)[:, first:past]
        weight = (past - first) * ranks.count / batch_size
        for batch in examples.in_order(own.flatten(), past - first):
            yield Share(batch, weight, batch_size // ranks.count)
    last = order[whole:]
    if len(last):
        sharing = min(ranks.count, max(1, len(last) // _FEWEST))
        rank = min(ranks.rank, sharing - 1)
        first, past = _bounds(len(last), sharing, rank)
        weight = (past - first) * ranks.count / len(last) if rank == ranks.rank else 0.0
        for batch in examples.in_order(last[first:past], past - first):
            yield Share(batch, weight, len(last) // sharing)


def _bounds(size: int, shares: int, number: int) -> tuple[int, int]:
    """Return where a share of a batch begins and ends."""
    each, more = divmod(size, shares)
    first = number * each + min(number, more)
    return first, first + each + (number < more)
