"""Each example of a batch is one process's own, and the mean of what they weigh is the batch."""

from __future__ import annotations

import pytest
import torch
from train_cases import split

from harness.train.ranks import Ranks
from harness.train.shares import Share, own_shares


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("examples", [8, 9, 10, 11, 16, 23, 40])
def test_shares_come_to_the_batch(count: int, examples: int) -> None:
    """Their weights times the mean of their examples, over the number of processes, is the mean of the batch."""
    data, order = split(examples), torch.randperm(examples)
    everybodys = [list(own_shares(data, order, 8, Ranks(rank, count))) for rank in range(count)]
    for number, batch in enumerate(data.in_order(order, 8)):
        shares = [own[number] for own in everybodys]
        taken = torch.cat([share.batch[2] for share in shares if share.weight])
        assert taken.tolist() == batch[2].tolist()
        assert all(len(share.batch[0]) for share in shares)
        means = [share.weight * share.batch[2].double().mean() for share in shares]
        assert float(sum(means)) / count == pytest.approx(float(batch[2].double().mean()))
        small = min(len(share.batch[0]) for share in shares)
        assert all(share.least == small for share in shares)
        assert small >= min(2, len(batch[0]))


@pytest.mark.parametrize(
    ("size", "least", "asked", "sizes"),
    [
        (8, 8, 1, [8]),
        (8, 8, 3, [3, 3, 2]),
        (8, 7, 100, [3, 3, 2]),
        (3, 3, 2, [3]),
        (1, 1, 4, [1]),
    ],
)
def test_parts_of_a_share(size: int, least: int, asked: int, sizes: list[int]) -> None:
    batch = torch.arange(size), torch.arange(size), torch.arange(size)
    parts = Share(batch, 2.0, least).parts(asked)
    assert [len(part.batch[0]) for part in parts] == sizes
    assert torch.cat([part.batch[2] for part in parts]).tolist() == list(range(size))
    assert sum(part.weight for part in parts) == pytest.approx(2.0)
