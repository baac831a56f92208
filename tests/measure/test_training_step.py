"""Which weights torch's fused optimizers update rightly."""

import pytest
import torch

from harness.measure.training_step import can_fuse

RIGHT = {
    "rows": torch.zeros(4, 8),
    "columns": torch.zeros(8, 4).t(),
    "channels_last": torch.zeros(4, 4, 3, 3).to(memory_format=torch.channels_last),
    "the first rows of a table": torch.zeros(1, 8, 4)[:, :3],
    "one number": torch.tensor(1.0),
}
WRONG = {
    "every second column": torch.zeros(4, 8)[:, ::2],
    "the first columns": torch.zeros(4, 8)[:, :3],
    "one number repeated": torch.zeros(1).expand(10),
    "whole numbers": torch.zeros(4, dtype=torch.int64),
    "no memory": torch.zeros(4, device="meta"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_can_be_fused(name: str) -> None:
    assert can_fuse([RIGHT["rows"], RIGHT[name]])


@pytest.mark.parametrize("name", WRONG)
def test_cannot_be_fused(name: str) -> None:
    assert not can_fuse([RIGHT["rows"], WRONG[name]])
