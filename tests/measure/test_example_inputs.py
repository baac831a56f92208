"""Inputs of examples are found by their ids."""

from collections.abc import Iterator

import pytest
import torch

from harness.measure.example_inputs import take_inputs


class Counted:
    """Examples whose inputs are their ids, from the largest down; counts the batches that are read."""

    read = 0

    def __len__(self) -> int:
        return 200

    def batches(self, batch_size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        for ids in torch.arange(200).flip(0).split(batch_size):
            self.read += 1
            yield ids.float()[:, None], ids, ids


def test_they_come_in_the_order_that_is_asked_for_and_no_more_is_read():
    examples = Counted()
    assert take_inputs(examples, [150, 199, 160]).tolist() == [[150.0], [199.0], [160.0]]
    assert examples.read == 1


def test_an_id_that_is_not_there_is_an_error():
    with pytest.raises(KeyError):
        take_inputs(Counted(), [3, 1000])
