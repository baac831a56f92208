"""The inputs of a few examples, found by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.measure.context import Examples

if TYPE_CHECKING:
    from torch import Tensor

_AT_ONCE = 64


def take_inputs(examples: Examples, ids: Sequence[int]) -> Tensor:
    """Return the inputs ``(ids, *shape)`` of examples, in the order of `ids`, on the CPU; it reads no farther than the last of them.

    Raises:
        KeyError: There is no example of an id.
    """
    import torch

    wanted = set(ids)
    found: dict[int, Tensor] = {}
    for inputs, _, there in examples.batches(_AT_ONCE):
        for at, one in enumerate(there.tolist()):
            if one in wanted:
                found[one] = inputs[at].cpu()
        if len(found) == len(wanted):
            break
    return torch.stack([found[one] for one in ids])
