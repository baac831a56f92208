"""Sets of examples that are out of distribution: made from the test examples, corrupted, or other data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from harness.api import Draws, Examples, MeasureContext, Task
from harness.api.declaring import shift_pairs
from harness.api.measuring import OtherData, corrupted_copies, derive
from harness_uncertainty.options import OodOptions

NEAR, FAR = "near", "far"


@dataclass(frozen=True)
class Outside:
    """A set: its name, whether it is near or far, and its inputs in batches ``(batch, *shape)`` on the device.

    shared: the names of its classes that are classes of the data, too.
    """

    name: str
    sort: str
    batches: Callable[[int], Iterator[Tensor]]
    shared: tuple[str, ...] = ()


def uniform(inputs: Tensor, draws: Draws, task: Task) -> Tensor:
    """Return noise, each number uniform over the range of the data."""
    return task.low + (task.high - task.low) * draws.uniform("uniform", tuple(inputs.shape[1:]))


def permuted(inputs: Tensor, draws: Draws, task: Task) -> Tensor:
    """Return each example with its numbers in a random order: its values stay, its form is lost."""
    flat = inputs.flatten(1)
    order = draws.uniform("order", (flat.shape[1],)).argsort(dim=1)
    return flat.gather(1, order).reshape(inputs.shape)


def inverted(inputs: Tensor, draws: Draws, task: Task) -> Tensor:
    """Return low + high - x: the negative of an image."""
    return task.low + task.high - inputs


MADE = {"uniform": uniform, "permuted": permuted, "inverted": inverted}


def outside_sets(context: MeasureContext, options: OodOptions) -> Iterator[Outside]:
    """Yield the sets of the options; a shift that does not take the data is left out with a warning."""
    for name in options.made:
        yield Outside(name, FAR, _made(context, name))
    for sort, names in ((FAR, options.datasets), (NEAR, options.near_datasets)):
        for dataset in names:
            other = context.other(dataset)
            yield Outside(dataset, sort, _inputs_of(other), other.shared)
    for (shift, severity), examples in corrupted_copies(context, shift_pairs(options)):
        yield Outside(f"{shift} {severity}", NEAR, _inputs_of(examples))


def _made(context: MeasureContext, name: str) -> Callable[[int], Iterator[Tensor]]:
    key = derive(context.seed, "ood", name)

    def batches(size: int) -> Iterator[Tensor]:
        for inputs, _, ids in context.split("test").batches(size):
            yield MADE[name](inputs, Draws(key, ids), context.task)

    return batches


def _inputs_of(examples: Examples | OtherData) -> Callable[[int], Iterator[Tensor]]:
    def batches(size: int) -> Iterator[Tensor]:
        for inputs, _, _ in examples.batches(size):
            yield inputs

    return batches
