"""torch's fused path of transformer encoders, and whether a model answers otherwise on it.

In eval mode and without gradients `nn.TransformerEncoder`, its layer and `nn.MultiheadAttention` call one
fused kernel with their own weights: a sub-layer that was replaced or wrapped is not called, and what is masked
as padding becomes zero. So accuracy would be of another network than the one that is trained and attacked.
Jobs switch it off; what times a model may take it by an option.
"""

from __future__ import annotations

import contextlib
import math
import textwrap
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.catalogue.finding import Finding

if TYPE_CHECKING:
    import torch

ROUNDING = 1e-3  # of the largest output: fused kernels sum in another order

FLAG = "answers otherwise on torch's fast path"


@contextlib.contextmanager
def fast_path(enabled: bool) -> Iterator[None]:
    """Let encoders take their fused path, or not; the setting is put back."""
    import torch

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(enabled)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def compare_fast_path(
    model: torch.nn.Module, inputs: torch.Tensor, *, taken: bool = False
) -> list[Finding]:
    """Run a batch on both paths, and say where the answers differ by more than rounding.

    inputs: ``(batch, *shape)``. taken: whether the figures are of the fast path, and so are doubtful where it
    differs. A model without such a module is not run; [] where both say the same.
    """
    import torch

    if not any(isinstance(module, _encoders()) for module in model.modules()):
        return []
    with torch.inference_mode():
        with fast_path(False):
            ours = model(inputs).float()
        try:
            with fast_path(True), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that nested tensors, which it uses, are new
                fused = model(inputs).float()
        except (
            Exception
        ) as error:  # the kernel looks into layers that may be others than it expects
            reason = textwrap.shorten(f"{type(error).__name__}: {error}", 120, placeholder=" ...")
            return [_finding(f"raises on a batch of {len(inputs)}: {reason}", {}, taken)]
    ours, fused = (tensor.nan_to_num(nan=math.inf) for tensor in (ours, fused))
    same = ours == fused  # two infinities have no difference
    largest = float((ours - fused).abs().masked_fill(same, 0.0).max())
    scale = float(ours.masked_fill(ours.isinf(), 0.0).abs().max())
    if largest <= ROUNDING * max(1.0, scale):
        return []
    numbers = {"largest_difference": largest}
    words = f"gives other outputs, by up to {largest:.3g} where the largest is {scale:.3g}"
    if ours.shape[1] > 1:
        changed = int((ours.argmax(1) != fused.argmax(1)).sum())
        words += f"; {changed} of {len(inputs)} examples get another class"
        numbers["changed_classes"] = float(changed)
    return [_finding(words, numbers, taken)]


def _encoders() -> tuple[type[torch.nn.Module], ...]:
    from torch import nn

    return (nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention)


def _finding(words: str, numbers: dict[str, float], taken: bool) -> Finding:
    here = "These figures are of that path." if taken else "All figures here are without that path."
    return Finding(
        code="fast-path",
        sentence=f"On torch's fused path of transformer encoders, which torch takes by itself in eval mode without "
        f"gradients, the model {words}. A replaced or wrapped layer is not called there, and padded positions "
        f"become zero. {here}",
        advice="Where you use the model, call torch.backends.mha.set_fastpath_enabled(False).",
        numbers=numbers,
        flag=FLAG if taken else "",
    )
