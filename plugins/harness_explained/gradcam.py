"""`gradcam`: which places of the last maps of convolutions an answer is due to."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.api import NotApplicable
from harness_explained.recording import record


def gradcam(model: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
    """Return a map for each image ``(batch, height, width)``, 0 or more.

    relu(sum over channels of w A), where A are the last maps of more than one pixel that convolutions make, and w the mean of
    the gradient of the class's logit over a map; enlarged bilinearly. Selvaraju et al. 2017, "Grad-CAM: Visual explanations from
    deep networks via gradient-based localization", equations 1 and 2, arXiv:1610.02391.

    Raises:
        NotApplicable: The network has no such maps, attention comes after them, or answers have no gradient there.
    """
    seen = record(model, inputs)
    if seen.maps is None:
        raise NotApplicable("it reads the maps of convolutions, and this network has none")
    if seen.attended or seen.windowed:
        raise NotApplicable(
            "it reads the last maps of convolutions; here attention comes after them"
        )
    chosen = seen.logits.gather(1, classes[:, None]).sum()
    gradient = None
    if chosen.requires_grad and seen.maps.requires_grad:
        (gradient,) = torch.autograd.grad(chosen, seen.maps, allow_unused=True)
    if gradient is None:
        raise NotApplicable("the model's answers have no gradient with respect to its last maps")
    weights = gradient.mean((2, 3), keepdim=True)
    found = functional.relu((weights * seen.maps.detach()).sum(1, keepdim=True))
    size = [int(side) for side in inputs.shape[-2:]]
    enlarged = functional.interpolate(found, size, mode="bilinear", align_corners=False)
    return enlarged[:, 0]
