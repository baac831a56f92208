"""Find the smallest input that a model of a library accepts, by trying on the meta device."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import nn

from harness.api import UsageError

SIDES = (14, 16, 28, 32, 48, 56, 64, 96, 112, 128, 160, 192, 224)
FRACTIONS = (16, 8, 4, 2, 1)

Shape = tuple[int, int, int]


def find_smallest(
    name: str, make: Callable[[Shape], nn.Module], channels: Sequence[int], own: Shape, side: Shape
) -> Shape:
    """Return the first shape that works: the task's own, then squares that hold it.

    Args:
        name: The model, for the error.
        make: Builds the model for a shape ``(channels, height, width)``.
        channels: Numbers of channels to try, the best first.
        own: The shape that the model was made for.
        side: The task's shape; only its height and width are read.

    Raises:
        UsageError: None works; with what the model said last.
    """
    problem: Exception | None = None
    for count in dict.fromkeys(channels):
        for height, width in candidates(side[1:], own[1:]):
            problem = try_shape(make, (count, height, width))
            if problem is None:
                return (count, height, width)
    raise UsageError(
        f"{name} accepts no input that was tried, from {side[1]} x {side[2]} to "
        f"{own[1]} x {own[2]} pixels: {type(problem).__name__}: {problem}"
    )


def candidates(task: tuple[int, int], own: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the task's size, larger squares in order, and the model's own size at the end.

    The squares have common sides, multiples of 14 and 16 among them, or the model's own side over
    16, 8, 4 and 2, which are multiples of any other patch where the own side is.
    """
    yield task
    parts = {own[0] // part for part in FRACTIONS if own[0] % part == 0}
    for side in sorted({*SIDES, *parts}):
        if side >= max(task) and (side, side) not in (task, own):
            yield (side, side)
    if own != task:
        yield own


def try_shape(make: Callable[[Shape], nn.Module], shape: Shape) -> Exception | None:
    """Return None if the model can be built for a shape and answers a batch of two, else why not.

    Whatever a library's model raises on an input that is too small counts as an answer. Some models
    compute with values while they are built, which the meta device has not; they are built on the
    CPU, without touching the state of the global generator.
    """
    with torch.random.fork_rng(devices=[]):
        problem = _try_on("meta", make, shape)
        if problem is not None and "meta" in str(problem):
            problem = _try_on("cpu", make, shape)
    return problem


def _try_on(device: str, make: Callable[[Shape], nn.Module], shape: Shape) -> Exception | None:
    try:
        with warnings.catch_warnings(), torch.device(device), torch.no_grad():
            warnings.simplefilter("ignore")  # a size that is too small is expected here
            model = make(shape).eval()
            output = model(torch.zeros(2, *shape))
    except Exception as error:
        return error
    if any(parameter.numel() == 0 for parameter in model.parameters()):
        return UsageError("a parameter has no elements")
    patch = _patch(model, shape[0])
    if shape[1] % patch[0] or shape[2] % patch[1]:
        return UsageError(f"its patches of {patch[0]} x {patch[1]} pixels would leave a rim unseen")
    if not isinstance(output, torch.Tensor) or output.dim() != 2 or len(output) != 2:
        return UsageError("its output is not logits of shape (batch, classes)")
    return None


def _patch(model: nn.Module, channels: int) -> tuple[int, int]:
    """Return the size of the patches that a model cuts its input into; (1, 1) if it does not.

    They show as a first convolution whose stride is its kernel. Up to 4 pixels it is the stem of a
    convolutional network, for which a rim of less than 4 pixels does not matter.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.in_channels == channels:
            rows, columns = module.stride
            is_patch = module.kernel_size == module.stride and min(rows, columns) > 4
            return (rows, columns) if is_patch else (1, 1)
    return (1, 1)
