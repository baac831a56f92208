"""What is to be said of gradients that vanish or explode, and what to do about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import nn

from harness.api import Finding

VANISHES, EXPLODES = 1e-3, 1e3  # of the first layer's gradient over the last one's
SATURATING = (nn.Sigmoid, nn.Tanh, nn.Hardsigmoid, nn.Hardtanh, nn.Softsign, nn.LogSigmoid)
NORMALISING = (
    nn.modules.batchnorm._BatchNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.modules.instancenorm._InstanceNorm,
)


@dataclass(frozen=True)
class FlowPoint:
    """The ratio of the first layer's gradient to the last one's at a point of training, and its mean by layer."""

    epoch: int
    ratio: float
    gain: float


def find_flow(
    points: Sequence[FlowPoint], layers: Sequence[str], model: nn.Module
) -> Iterator[Finding]:
    """Yield a finding where gradients vanish or explode.

    They vanish where they still do at the last point: heads and branches that start at zero let nothing through at
    first, as they are meant to. points: of training, in order. layers: the names of those that have weights.
    """
    if not points:
        return
    first, last = points[0], points[-1]
    worst = max(points, key=lambda point: point.ratio)
    if last.ratio < VANISHES:
        before = f" (before training {first.ratio:.2g})" if last.epoch else ""
        yield Finding(
            code="vanishing-gradients",
            sentence=f"Gradients vanish: {_when(last)}, {layers[0]!r}, the first of {len(layers)} layers, has "
            f"{last.ratio:.2g} of the gradient at the last{before}; each layer multiplies it by {last.gain:.2g} on its way back, so "
            "that the first layers hardly learn.",
            advice=_against_vanishing(model),
            numbers={"ratio": last.ratio, "gain": last.gain},
        )
    elif worst.ratio > EXPLODES:
        yield Finding(
            code="exploding-gradients",
            sentence=f"Gradients explode: {_when(worst)}, {layers[0]!r}, the first of {len(layers)} layers, has "
            f"{worst.ratio:.2g} times the gradient at the last; each layer multiplies it by {worst.gain:.2g} on its way back.",
            advice="Start with smaller weights (initialisation kaiming or xavier), put a normalisation between the layers, "
            'bound the steps (techniques = ["clip"]), or lower the learning rate.',
            numbers={"ratio": worst.ratio, "gain": worst.gain},
        )


def _when(point: FlowPoint) -> str:
    if point.epoch == 0:
        return "before training"
    return f"after {point.epoch} epoch{'s' if point.epoch > 1 else ''}"


def _against_vanishing(model: nn.Module) -> str:
    """Return what to do, of what the model does not do yet."""
    kinds = list(model.modules())
    advice = []
    saturating = dict.fromkeys(
        type(one).__name__.lower() for one in kinds if isinstance(one, SATURATING)
    )
    if saturating:
        advice.append(
            f"take relu or gelu in place of {' and '.join(saturating)}, which flatten out"
        )
    else:
        advice.append("start with weights for its activations (initialisation kaiming)")
    if not any(isinstance(one, NORMALISING) for one in kinds):
        advice.append("put a normalisation (batch, layer) between the layers")
    advice.append("let layers add to what they are given (residual), or take fewer of them")
    words = "; ".join(advice)
    return f"{words[0].upper()}{words[1:]}."
