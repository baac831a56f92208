"""Another data set, made ready as examples of this one, as measures are given it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from harness.data.prepared import SplitExamples


@dataclass(frozen=True)
class OtherPart:
    """A part of a data set: what it holds for ({"shift": "fog", "severity": 3}; {} of the only one), and its examples."""

    where: Mapping[str, Any]
    examples: SplitExamples


@dataclass(frozen=True)
class OtherData:
    """Examples of another data set, in the shape and the range of the data; all are for testing.

    parts: in their order; targets number the classes of `classes`.
    classes: for each of its classes the classes of the data that it stands for; () where labels do not count.
    paired: whether the examples of each part bear the ids of the test examples that they were made of. note: why not,
        where the data set says of which ones they were made.
    shared: where labels do not count, the names of the classes of its examples that are names of the data's classes, too.
    """

    parts: tuple[OtherPart, ...]
    classes: tuple[tuple[int, ...], ...]
    paired: bool
    note: str
    shared: tuple[str, ...] = ()

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield (inputs, targets, ids) of all parts, one after the other."""
        for part in self.parts:
            yield from part.examples.batches(batch_size)
