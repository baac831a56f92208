"""What objectives that join two examples share: who is blended with whom, by which share, and the loss of two labels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from harness.api import Draws


def draw_shares(draws: Draws, alpha: float, stream: str) -> Tensor:
    """Return shares ``(batch,)``, float32, that follow Beta(alpha, alpha).

    A uniform draw goes through the inverse of the distribution function, so that an example's share
    depends on the example and not on its batch.
    """
    from scipy.special import betaincinv

    uniform = draws.uniform(f"{stream}/share").cpu().numpy()
    shares = betaincinv(alpha, alpha, uniform.astype("float64"))
    return torch.from_numpy(shares.astype("float32"))


def draw_partners(draws: Draws, stream: str) -> Tensor:
    """Return for each example the position of another one in the batch ``(batch,)``: a random permutation."""
    return draws.uniform(f"{stream}/partner").argsort()


def blended_loss(
    logits: Tensor, targets: Tensor, partner: Tensor, shares: Tensor, label_smoothing: float
) -> Tensor:
    """Return the mean over the batch of l CE(f(x), y_i) + (1 - l) CE(f(x), y_j), in nats, float32.

    logits: ``(batch, classes)``. shares: l ``(batch,)``, of the example's own label.
    """

    def losses(labels: Tensor) -> Tensor:
        return functional.cross_entropy(
            logits.float(), labels, reduction="none", label_smoothing=label_smoothing
        )

    return (shares * losses(targets) + (1 - shares) * losses(targets[partner])).mean()
