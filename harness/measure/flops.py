"""The arithmetic of a forward and of a backward pass, counted and not timed.

One multiply-add (MAC) is two floating-point operations (FLOPs): ResNet-50 at 224 px is 4.1 GMAC,
8.2 GFLOP. What is counted is the work of matrix products, convolutions and attention, with those
inside recurrent cells; additions of biases, activations, normalisation and pooling are not.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.measure.model_copy import copy_model
from harness.measure.owners import Owners

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
    """FLOPs of one forward or backward pass.

    flops: 2 x multiply-adds. by_operator: the same, by the operator's name ("aten.addmm").
    by_module: the same, by the type of the innermost module at work ("Linear"); types without
    FLOPs are left out. notes: in words, what the count does not hold or how it had to be taken; ()
    where it is whole.
    """

    flops: int
    by_operator: Mapping[str, int] = field(default_factory=dict)
    by_module: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def multiply_adds(self) -> int:
        """MACs: half of the FLOPs."""
        return self.flops // 2


@dataclass(frozen=True)
class ParameterCount:
    """Numbers in a model.

    total, trainable: parameters, a shared one counted once. parameter_bytes, buffer_bytes: what
    they take in memory. by_module: the total, by the type of the module that holds them itself.
    """

    total: int
    trainable: int
    parameter_bytes: int
    buffer_bytes: int
    by_module: Mapping[str, int] = field(default_factory=dict)


def count_parameters(model: torch.nn.Module) -> ParameterCount:
    """Count the parameters of `model` and the bytes of its parameters and buffers."""
    parameters = list(model.parameters())
    by_module: Counter[str] = Counter()
    seen: set[int] = set()
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                by_module[type(module).__name__] += parameter.numel()
    return ParameterCount(
        total=sum(p.numel() for p in parameters),
        trainable=sum(p.numel() for p in parameters if p.requires_grad),
        parameter_bytes=sum(p.numel() * p.element_size() for p in parameters),
        buffer_bytes=sum(b.numel() * b.element_size() for b in model.buffers()),
        by_module=dict(by_module),
    )


def count_flops(
    model: torch.nn.Module, input_shape: tuple[int, ...], *, backward: bool = False
) -> FlopCount:
    """Count the FLOPs of one example's forward or backward pass; `model` is left as it is.

    A copy of the model runs on the meta device: there recurrent layers and attention fall apart
    into the matrix products that torch's counter knows, where real kernels hide them. A model that
    reads values (and so cannot run without them) is counted on zeros on the CPU instead, with the
    fused recurrent and attention kernels off, and a note says so. The copy (`copy_model`) is in eval mode: the
    products are those of training, and batch normalisation would refuse a batch of one.

    input_shape: of one example, without the batch. backward: count the backward pass alone, from
    the outputs to every floating-point parameter, frozen ones too; the inputs need no gradient.
    """
    try:
        return _count(model, input_shape, "meta", backward)
    except (RuntimeError, NotImplementedError) as error:
        count = _count(model, input_shape, "cpu", backward)
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        note = f"counted on real tensors: the model does not run on the meta device ({reason})"
        return replace(count, notes=(note, *count.notes))


def _count(
    model: torch.nn.Module, input_shape: tuple[int, ...], device: str, backward: bool
) -> FlopCount:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves
    from torch.utils.flop_counter import FlopCounterMode

    called: Counter[str] = Counter()
    by_module: Counter[str] = Counter()

    def moved_to_device(tensor: torch.Tensor) -> torch.Tensor:
        values = tensor.detach().to(device, copy=True)
        trains = backward and tensor.is_floating_point()
        return (
            torch.nn.Parameter(values, trains) if isinstance(tensor, torch.nn.Parameter) else values
        )

    moved = copy_model(model, moved_to_device).eval()
    owners = Owners(moved)
    formulas = {torch.ops.aten.convolution_backward: _convolution_backward}
    counter = FlopCounterMode(display=False, custom_mapping=formulas)

    class Listen(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """Notes the names of the operators that are called, as the counter splits them."""

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            called[str(func)] += 1
            return func(*args, **(kwargs or {}))

    class Attribute(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """Gives what the counter adds for an operator to the module that called it."""

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            before = counter.get_total_flops()
            result = func(*args, **(kwargs or {}))
            added = counter.get_total_flops() - before
            if added:
                by_module[owners.current] += added
            return result

    inputs = torch.zeros((1, *input_shape), device=device)
    forward: dict[str, int] = {}
    listener, attribute = Listen(), Attribute()  # type: ignore[no-untyped-call]
    with torch.set_grad_enabled(backward), _no_fused_kernels(), listener, counter, attribute:
        outputs = moved(inputs)
        if backward:
            forward = _by_operator(counter)
            called.clear()
            by_module.clear()
            ends = [end for end in tree_leaves(outputs) if getattr(end, "requires_grad", False)]
            if ends:  # a model without parameters has no backward pass
                torch.autograd.backward(ends, [torch.ones_like(end) for end in ends])
    by_operator = {
        name: flops - forward.get(name, 0)
        for name, flops in _by_operator(counter).items()
        if flops > forward.get(name, 0)
    }
    missed = sorted({name for name in called for word in UNCOUNTED if word in name})
    notes = (f"not counted: {', '.join(missed)}",) if missed else ()
    return FlopCount(sum(by_operator.values()), by_operator, dict(by_module), notes)


def _by_operator(counter: Any) -> dict[str, int]:
    counts = counter.get_flop_counts().get("Global", {})
    return {str(name): int(flops) for name, flops in counts.items()}


def _convolution_backward(outputs: Any, inputs: Any, weight: Any, *others: Any, **_: Any) -> int:
    """Return the FLOPs of a convolution's backward pass from its tensors' shapes.

    The gradients of the inputs and of the weight are each as many multiply-adds as the forward
    pass. torch's own formula takes the weight's for that of a convolution without groups, and so
    counts a grouped one several times over.
    """
    from torch.utils.flop_counter import conv_flop_count

    _bias, _stride, _padding, _dilation, transposed, _output_padding, _groups, wanted = others[:8]
    forward = conv_flop_count(inputs, weight, outputs, transposed=transposed)
    return forward * (bool(wanted[0]) + bool(wanted[1]))


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
