"""`mixup`: train on blends of two examples."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from harness.api import Draws
from harness_training.blends import blended_loss, draw_partners, draw_shares
from harness_training.options import MixupOptions


def build(
    options: MixupOptions,
) -> Callable[[nn.Module, Tensor, Tensor, Draws], tuple[Tensor, None]]:
    """Return a function of a batch that gives the mean loss in nats, and no logits.

    Zhang, Cisse, Dauphin & Lopez-Paz 2018, "mixup: Beyond empirical risk minimization", equation 1:
    x = l x_i + (1 - l) x_j, and the loss is l CE(f(x), y_i) + (1 - l) CE(f(x), y_j), where j is a
    random permutation of the batch. Each pair has a share l of its own, as in the paper's text (its
    code draws one for the batch).
    """

    def mixup(
        model: nn.Module, inputs: Tensor, targets: Tensor, draws: Draws
    ) -> tuple[Tensor, None]:
        shares = draw_shares(draws, options.alpha, "mixup").to(inputs.device)
        partner = draw_partners(draws, "mixup").to(inputs.device)
        weights = shares.to(inputs.dtype).view(-1, *[1] * (inputs.dim() - 1))
        logits = model(weights * inputs + (1 - weights) * inputs[partner])
        return blended_loss(logits, targets, partner, shares, options.label_smoothing), None

    return mixup
