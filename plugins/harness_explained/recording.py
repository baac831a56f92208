"""One pass of a network on images, with what Grad-CAM and attention rollout read: maps, attention, and who reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from harness.api.measuring import copy_model

_SOFTMAX = {torch.ops.aten._softmax.default, torch.ops.aten._safe_softmax.default}


@dataclass
class Recording:
    """What happened in a pass.

    logits: ``(batch, classes)``, with their graph. attention: of each layer, from the first on, ``(batch, heads, tokens,
        tokens)``; rows are who attends and sum up to 1. windowed: whether there was attention among parts of an image's tokens, too.
    maps: the last ones ``(batch, channels, height, width)`` of more than one pixel that convolutions made, with what follows
        them at that size (a norm, an activation, a sum); None without any. size: their height and width. attended: whether
        attention follows them.
    grid: the height and width of the last convolution before attention, whose pixels are the last tokens.
    tokens: what the last attention gave ``(batch, tokens, size)``, with its graph; None where no module returned it.
    """

    batch: int
    logits: Tensor = field(default_factory=lambda: torch.empty(0))
    attention: list[Tensor] = field(default_factory=list)
    windowed: bool = False
    maps: Tensor | None = None
    size: tuple[int, int] | None = None
    attended: bool = False
    grid: tuple[int, int] | None = None
    tokens: Tensor | None = None

    def saw_attention(self, shares: Tensor) -> None:
        """Take a softmax over a square, of tokens by tokens."""
        count = shares.shape[-1]
        if len(shares) % self.batch or (shares.dim() == 4 and len(shares) != self.batch):
            self.windowed = True
            return
        self.attention.append(shares.detach().reshape(self.batch, -1, count, count))
        self.attended, self.tokens = True, None

    def saw_output(self, module: nn.Module, inputs: Any, output: Any) -> None:
        """Take what a module has returned: a hook."""
        first = output[0] if isinstance(output, tuple) and output else output
        if not isinstance(first, Tensor) or len(first) != self.batch:
            return
        if first.dim() == 4:
            size = (first.shape[2], first.shape[3])
            if isinstance(module, nn.Conv2d):
                self.size = size if size != (1, 1) else self.size
                self.grid = self.grid if self.attention else size
            if size == self.size:
                self.maps, self.attended = first, False
        elif first.dim() == 3 and self.tokens is None and self.attention:
            is_attended = first.shape[1] == self.attention[-1].shape[-1]
            self.tokens = first if is_attended else None


class _Softmaxes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Shows a recording every softmax over a square."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.recording = recording

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in _SOFTMAX and result.dim() in (3, 4) and result.shape[-1] == result.shape[-2] > 1:
            self.recording.saw_attention(result)
        return result


def record(model: nn.Module, inputs: Tensor) -> Recording:
    """Return what happens in a pass of a copy of the model, with gradients; inputs: ``(batch, *input_shape)``.

    Attention is computed in the open, as a softmax of scores, whichever kernel it has else. A model that runs its examples
    one by one, or in groups, shows nothing.
    """
    hooked, recording = copy_model(model), Recording(len(inputs))
    for module in hooked.modules():
        if not isinstance(module, torch.jit.ScriptModule):  # takes no hooks
            module.register_forward_hook(recording.saw_output)
    leaf = inputs.detach().clone().requires_grad_()
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH), _Softmaxes(recording):
        recording.logits = hooked(leaf)
    return recording
