"""`mixup`: train on blends of two examples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.api import Draws
from harness_training.options import MixupOptions


def draw_shares(draws: Draws, alpha: float) -> Tensor:
    """Return shares ``(batch,)``, float32, that follow Beta(alpha, alpha).

    A uniform draw goes through the inverse of the distribution function, so that an example's share
    depends on the example and not on its batch.
    """
    from scipy.special import betaincinv

    uniform = draws.uniform("mixup/share").cpu().numpy()
    shares = betaincinv(alpha, alpha, uniform.astype("float64"))
    return torch.from_numpy(shares.astype("float32"))


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
        shares = draw_shares(draws, options.alpha).to(inputs.device)
        partner = draws.uniform("mixup/partner").argsort().to(inputs.device)
        weights = shares.to(inputs.dtype).view(-1, *[1] * (inputs.dim() - 1))
        logits = model(weights * inputs + (1 - weights) * inputs[partner]).float()

        def losses(labels: Tensor) -> Tensor:
            return functional.cross_entropy(
                logits, labels, reduction="none", label_smoothing=options.label_smoothing
            )

        blended = shares * losses(targets) + (1 - shares) * losses(targets[partner])
        return blended.mean(), None

    return mixup
