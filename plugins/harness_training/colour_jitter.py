"""`colour-jitter`: change brightness, contrast and saturation."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from harness.api import Draws, Task
from harness_training.options import ColourJitterOptions

LUMA = (0.2989, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601, as torchvision rounds it


def build(task: Task, options: ColourJitterOptions) -> Callable[[Tensor, Draws], Tensor]:
    """Return a function of images ``(batch, channels, height, width)`` that changes their colours, each image by its own factors.

    A factor f is uniform between 1 - o and 1 + o, o the option, and an image x goes to f x + (1 - f) y, cut to the
    task's range, one after another: brightness with y black, contrast with y the mean of the image's luminance, saturation
    with y each pixel's luminance (Howard 2013, "Some improvements on deep convolutional neural network based image
    classification"; torchvision's ColorJitter, which draws their order too). Saturation is for three channels.
    """

    def jitter(inputs: Tensor, draws: Draws) -> Tensor:
        images = inputs
        for name in ("brightness", "contrast", "saturation"):
            spread = getattr(options, name)
            if not spread or (name == "saturation" and images.shape[1] != 3):
                continue
            drawn = draws.uniform(f"colour/{name}", (1, 1, 1)).to(images)
            factor = 1 + spread * (2 * drawn - 1)
            images = (factor * images + (1 - factor) * _other(name, images, task)).clamp(
                task.low, task.high
            )
        return images

    return jitter


def _other(name: str, images: Tensor, task: Task) -> Tensor:
    """Return what a factor below 1 goes towards."""
    if name == "brightness":
        return images.new_full((1, 1, 1, 1), task.low)
    if images.shape[1] == 3:
        weights = images.new_tensor(LUMA).view(1, 3, 1, 1)
        luminance = task.low + ((images - task.low) * weights).sum(1, keepdim=True)
    else:
        luminance = images.mean(1, keepdim=True)
    return luminance if name == "saturation" else luminance.mean((1, 2, 3), keepdim=True)
