"""GradAlign: how much the gradient at an example differs from the gradient nearby."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from harness.api import Budget, Draws
from harness_training.ball_search import evaluating


def misalignment(
    model: nn.Module, inputs: Tensor, targets: Tensor, budget: Budget, draws: Draws
) -> Tensor:
    """Return the mean of 1 - cos(g(x), g(x')), 0 to 2, with a gradient for the parameters.

    Andriushchenko & Flammarion 2020, "Understanding and improving fast adversarial training",
    section 5: g is the gradient of the cross-entropy with respect to the inputs, and x' is uniform
    in the ball (and moved into the box). Both gradients are differentiated. As in the authors'
    code, an example with a gradient of zero does not count.

    The model is in evaluation mode (the authors' in training mode), as in the search whose one step
    it is to justify; so dropout adds no disagreement, and batch norms learn from no further
    examples. Second derivatives underflow in half precision, so all is computed in the precision
    of the parameters.
    """
    points = torch.cat([inputs.detach(), budget.random(inputs, draws)]).requires_grad_()
    with (
        evaluating(model),
        torch.autocast(inputs.device.type, enabled=False),
        sdpa_kernel(SDPBackend.MATH),  # the fused kernels have no second derivative
    ):
        loss = functional.cross_entropy(model(points), targets.repeat(2), reduction="sum")
        (gradient,) = torch.autograd.grad(loss, points, create_graph=True)
    here, nearby = gradient.flatten(1).chunk(2)
    counts = here.detach().any(1) & nearby.detach().any(1)
    cosine = functional.cosine_similarity(here, nearby, dim=1, eps=1e-12)
    return ((1.0 - cosine) * counts).sum() / counts.sum().clamp_min(1)
