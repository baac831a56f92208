"""Images as tokens, one for each patch: what `vit` and `mixer` read."""

from __future__ import annotations

from typing import Literal

from harness.api import InputSpec, Task


def choose_patch(patch: int | Literal["auto"], height: int, width: int) -> int:
    """Return the side of a patch; "auto" is the least power of two p with 2 p^2 >= the larger side.

    So 8 pixels have patches of 2 (16 tokens), 32 of 4 (64 tokens) and 224 of 16 (196 tokens).
    """
    if patch != "auto":
        return patch
    side = 1
    while 2 * side * side < max(height, width):
        side *= 2
    return side


def whole_patches(task: Task, patch: int | Literal["auto"]) -> InputSpec:
    """Return the task's own shape, each side rounded up to a multiple of the patch."""
    channels, height, width = task.input_shape
    side = choose_patch(patch, height, width)
    return InputSpec((channels, -(-height // side) * side, -(-width // side) * side))
