"""Images as tokens, one for each patch: what `vit` and `mixer` read."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from harness.api import InputSpec, Task
from harness_architectures.layers import is_differentiated_on_cpu

SMALL = 16  # numbers of a patch, up to which a product pays whoever is differentiated


class Patches(nn.Conv2d):
    """A linear map of each patch: a convolution whose stride is its side.

    ``(batch, channels, height, width)`` -> ``(batch, dim, height / side, width / side)``. Where the gradient of images is wanted
    on a CPU it is one product of matrices, which takes 0.2 to 0.5 of the convolution there and back, and where patches are
    small in training, too (0.5 to 0.8; `tests/evidence`).
    """

    def __init__(self, channels: int, dim: int, side: int) -> None:
        """Build for patches of ``(channels, side, side)``."""
        super().__init__(channels, dim, side, side)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return maps of patches; pixels beside whole patches are left out."""
        if not self._pays(inputs):
            return super().forward(inputs)
        batch, channels, height, width = inputs.shape
        side = self.stride[0]
        rows, columns = height // side, width // side
        whole = inputs[:, :, : rows * side, : columns * side]
        apart = whole.reshape(batch, channels, rows, side, columns, side)
        flat = apart.permute(0, 2, 4, 1, 3, 5).flatten(3)  # (batch, rows, columns, numbers)
        return functional.linear(flat, self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)

    def _pays(self, inputs: Tensor) -> bool:
        # The device is asked first: torch.fx gives a stand-in for a tensor, whose gradient no branch may rest on.
        if not is_differentiated_on_cpu(inputs):
            return False
        return inputs.dim() == 4 and (inputs.requires_grad or self.weight[0].numel() <= SMALL)


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
