"""`attention-rollout`: from which patches what an answer reads has come, through all layers of attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.api import NotApplicable
from harness_explained.recording import Recording, record

READ = 1e-6  # of the largest gradient: a token with less is not read


def attention_rollout(model: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
    """Return a map for each image ``(batch, height, width)``: the shares that its patches have in what is read; bilinear.

    The product over layers of (A + 1) / 2, A the mean of the heads' attention, as each block adds to what it was given; its
    rows are averaged over the tokens that the logits read (a class token, or those that are pooled). Abnar & Zuidema 2020,
    "Quantifying attention flow in transformers", section 3, arXiv:2005.00928. It is the same for all classes.

    Raises:
        NotApplicable: The network does not attend, or not over all patches of an image.
    """
    seen = record(model, inputs)
    if seen.windowed:
        raise NotApplicable(
            "it takes attention over all patches of an image; here it is among some"
        )
    if not seen.attention:
        raise NotApplicable("it reads attention, and this network has none")
    grid, count = seen.grid, seen.attention[0].shape[-1]
    same = all(layer.shape[-1] == count for layer in seen.attention)
    if grid is None or not same or grid[0] * grid[1] > count:
        raise NotApplicable(
            "it needs one token for each pixel of a convolution, as many in each layer"
        )
    rows = read_rows(seen, classes)
    shares = torch.einsum("bt,btp->bp", rows, roll_out(seen.attention))
    found = shares[:, -grid[0] * grid[1] :].reshape(-1, 1, *grid)  # other tokens come first
    size = [int(side) for side in inputs.shape[-2:]]
    return functional.interpolate(found, size, mode="bilinear", align_corners=False)[:, 0]


def roll_out(attention: list[Tensor]) -> Tensor:
    """Return the shares that tokens before all layers have in those after them ``(batch, tokens, tokens)``; rows sum up to 1."""
    found = torch.eye(attention[0].shape[-1], device=attention[0].device)
    for layer in attention:
        mean = layer.float().mean(1)
        found = (mean + torch.eye(mean.shape[-1], device=mean.device)) / 2 @ found
    return found


def read_rows(seen: Recording, classes: Tensor) -> Tensor:
    """Return equal shares of the tokens that the logits read, ``(batch, tokens)``: those with a gradient.

    Raises:
        NotApplicable: No module returns the last attention's tokens.
    """
    if seen.tokens is None:
        raise NotApplicable("no module returns the tokens attended to")
    chosen = seen.logits.gather(1, classes[:, None]).sum()
    (gradient,) = torch.autograd.grad(chosen, seen.tokens)
    size = gradient.abs().amax(2)
    read = (size > READ * size.amax(1, keepdim=True)).float()
    return read / read.sum(1, keepdim=True).clamp(min=1)
