"""The arithmetic of a forward pass, counted and not timed.

One multiply-add (MAC) is two floating-point operations (FLOPs): ResNet-50 at 224 px is 4.1 GMAC,
8.2 GFLOP. What is counted is the work of matrix products, convolutions and attention, with those
inside recurrent cells; additions of biases, activations, normalisation and pooling are not.
"""

from __future__ import annotations

import contextlib
import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

# Heavy operators for which torch's counter has no formula; a pass that calls one is under-counted.
UNCOUNTED = (
    "mkldnn_rnn",
    "_thnn_fused",
    "_cudnn_rnn",
    "miopen_rnn",
    "_flash_attention_for_cpu",
    "_native_multi_head_attention",
    "_transformer_encoder_layer_fwd",
    "_cdist",
    "_euclidean_dist",
    "_fft",
    "linalg",
    "_trilinear",
    "quantized",
)


@dataclass(frozen=True)
class FlopCount:
    """FLOPs of one forward pass.

    flops: 2 x multiply-adds. by_operator: the same, by the operator's name ("aten.addmm").
    notes: in words, what the count does not hold or how it had to be taken; () where it is whole.
    """

    flops: int
    by_operator: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def multiply_adds(self) -> int:
        """MACs: half of the FLOPs."""
        return self.flops // 2


@dataclass(frozen=True)
class ParameterCount:
    """Numbers in a model.

    total, trainable: parameters, a shared one counted once. parameter_bytes, buffer_bytes: what
    they take in memory.
    """

    total: int
    trainable: int
    parameter_bytes: int
    buffer_bytes: int


def count_parameters(model: torch.nn.Module) -> ParameterCount:
    """Count the parameters of `model` and the bytes of its parameters and buffers."""
    parameters = list(model.parameters())
    return ParameterCount(
        total=sum(p.numel() for p in parameters),
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        parameter_bytes=sum(p.numel() * p.element_size() for p in parameters),
        buffer_bytes=sum(b.numel() * b.element_size() for b in model.buffers()),
    )


def count_flops(model: torch.nn.Module, input_shape: tuple[int, ...]) -> FlopCount:
    """Count the FLOPs of one example's forward pass in eval mode; `model` is left as it is.

    A copy of the model runs on the meta device: there recurrent layers and attention fall apart
    into the matrix products that torch's counter knows, where real kernels hide them. A model that
    reads values (and so cannot run without them) is counted on zeros on the CPU instead, with the
    fused recurrent and attention kernels off, and a note says so.

    input_shape: of one example, without the batch.
    """
    try:
        return _count(model, input_shape, "meta")
    except (RuntimeError, NotImplementedError) as error:
        count = _count(model, input_shape, "cpu")
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        note = f"counted on real tensors: the model does not run on the meta device ({reason})"
        return FlopCount(count.flops, count.by_operator, (note, *count.notes))


def _count(model: torch.nn.Module, input_shape: tuple[int, ...], device: str) -> FlopCount:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import FlopCounterMode

    called: Counter[str] = Counter()

    class Listen(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """Notes the names of the operators that are called."""

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            called[str(func)] += 1
            return func(*args, **(kwargs or {}))

    moved = copy.deepcopy(model).to(device).eval()
    inputs = torch.zeros((1, *input_shape), device=device)
    counter, listener = FlopCounterMode(display=False), Listen()  # type: ignore[no-untyped-call]
    with torch.no_grad(), _no_fused_kernels(), listener, counter:
        moved(inputs)
    by_operator = {
        str(name): int(flops) for name, flops in counter.get_flop_counts().get("Global", {}).items()
    }
    missed = sorted({name for name in called for word in UNCOUNTED if word in name})
    notes = (f"not counted: {', '.join(missed)}",) if missed else ()
    return FlopCount(int(counter.get_total_flops()), by_operator, notes)


@contextlib.contextmanager
def _no_fused_kernels() -> Iterator[None]:
    """Let attention and recurrent layers run as separate products; settings are put back."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    fast_path = torch.backends.mha.get_fastpath_enabled()
    mkldnn = torch._C._get_mkldnn_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    # Not torch.backends.mkldnn.flags: putting its other settings back warns without an Intel GPU.
    torch._C._set_mkldnn_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch._C._set_mkldnn_enabled(mkldnn)
        torch.backends.mha.set_fastpath_enabled(fast_path)
