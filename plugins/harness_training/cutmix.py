"""`cutmix`: train on images that hold a rectangle of another one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from harness.api import Draws
from harness_training.blends import blended_loss, draw_partners, draw_shares
from harness_training.options import CutmixOptions
from harness_training.rectangles import inside


def build(
    options: CutmixOptions,
) -> Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, None]]:
    """Return a function of a batch of images ``(batch, channels, height, width)`` that gives the mean loss in nats, and no logits.

    Yun et al. 2019, "CutMix: Regularization strategy to train strong classifiers with localizable features", section 3.1: a
    rectangle of the sides sqrt(1 - l) of the image's, around a point that is uniform in it, is cut from another image of
    the batch; what falls outside is lost. Labels weigh by area: that of the other image by the share of pixels
    that are its own. l follows Beta(alpha, alpha), for each pair anew (the authors' code draws one for the batch).
    """

    def cutmix(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, None]:
        partner = draw_partners(draws, "cutmix").to(inputs.device)
        cut = draw_cuts(draws, options.alpha, *inputs.shape[2:]).to(inputs.device)
        shares = 1 - cut.float().mean((1, 2, 3))
        logits = model(torch.where(cut, inputs[partner], inputs))
        return blended_loss(logits, targets, partner, shares, options.label_smoothing), None

    return cutmix


def draw_cuts(draws: Draws, alpha: float, rows: int, columns: int) -> Tensor:
    """Return which pixels are another image's, bool ``(batch, 1, rows, columns)``."""
    sides = (1 - draw_shares(draws, alpha, "cutmix")).sqrt()
    centre = draws.uniform("cutmix/centre", (2,)).cpu()

    def edges(place: int, size: int) -> tuple[Tensor, Tensor]:
        middle = (centre[:, place] * size).long()
        half = (sides * size).long() // 2
        return (middle - half).clamp(0, size), (middle + half).clamp(0, size)

    return inside(*edges(0, rows), *edges(1, columns), rows, columns)
