"""The arithmetic of a forward and of a backward pass, counted and not timed.

One multiply-add (MAC) is two floating-point operations (FLOPs): ResNet-50 at 224 px is 4.1 GMAC,
8.2 GFLOP. What is counted is the work of products of matrices and vectors, convolutions and attention, with
those inside recurrent cells; outer products are matrix products over an axis of one. Additions of biases,
activations, normalisation, pooling and multiplications element by element are not counted, nor are those that a sum
follows (``(a * b).sum()``), which no operator tells from scaling; torch's FlopCounterMode and fvcore give
``aten::mul`` no FLOPs either. An operator that is neither known to `flop_formulas` or torch's counter nor free of
products is named in a note.
"""

from __future__ import annotations

import contextlib
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from harness.measure.flop_formulas import formulas
from harness.measure.model_copy import copy_model
from harness.measure.owners import Owners
from harness.measure.product_free import is_product_free

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class FlopCount:
    """FLOPs of one forward or backward pass.

    flops: 2 x multiply-adds. by_module: the same, by the type of the innermost module at work
    ("Linear"); types without FLOPs are left out. notes: in words, what the count does not hold or how it had to be taken; ()
    where it is whole.
    """

    flops: int
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
    model: torch.nn.Module,
    input_shape: tuple[int, ...],
    *,
    backward: bool = False,
    input_type: str = "float32",
) -> FlopCount:
    """Count the FLOPs of one example's forward or backward pass; `model` is left as it is.

    A copy of the model runs on the meta device: there recurrent layers and attention fall apart
    into the matrix products that the counter knows, where real kernels hide them. A model that
    cannot run there, since it reads values or holds sparse tensors, is counted on zeros on the CPU instead, and
    a note says so; the fused recurrent and attention kernels are off then, and any other would be named. The copy (`copy_model`) is in eval mode: the
    products are those of training, and batch normalisation would refuse a batch of one.

    input_shape: of one example, without the batch; `input_type` is the type of its numbers. backward: count the backward pass alone, from
    the outputs to every parameter that can have a gradient, frozen ones too; the inputs need none.
    """
    try:
        return _count(model, input_shape, "meta", backward, input_type)
    except Exception as error:  # whatever a model raises that finds no values
        count = _count(model, input_shape, "cpu", backward, input_type)
        reason = textwrap.shorten(f"{type(error).__name__}: {error}", 120, placeholder=" ...")
        note = f"counted on zeros on the CPU: the model does not run on the meta device ({reason})"
        return replace(count, notes=(note, *count.notes))


def _count(
    model: torch.nn.Module,
    input_shape: tuple[int, ...],
    device: str,
    backward: bool,
    input_type: str,
) -> FlopCount:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves
    from torch.utils.flop_counter import FlopCounterMode

    called: set[Any] = set()
    by_module: Counter[str] = Counter()

    def moved_to_device(tensor: torch.Tensor) -> torch.Tensor:
        values = tensor.detach().to(device, copy=True)
        trains = backward and (tensor.is_floating_point() or tensor.is_complex())
        return (
            torch.nn.Parameter(values, trains) if isinstance(tensor, torch.nn.Parameter) else values
        )

    moved = copy_model(model, moved_to_device).eval()
    owners = Owners(moved)
    counter = FlopCounterMode(display=False, custom_mapping=formulas())

    class Listen(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """Notes the operators that are called, as the counter splits them."""

        supports_higher_order_operators = True

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            called.add(func)
            return func(*args, **(kwargs or {}))

    class Attribute(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """Gives what the counter adds for an operator to the module that called it."""

        supports_higher_order_operators = True

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            before = counter.get_total_flops()
            result = func(*args, **(kwargs or {}))
            added = counter.get_total_flops() - before
            if added:
                by_module[owners.current] += added
            return result

    inputs = torch.zeros((1, *input_shape), dtype=getattr(torch, input_type), device=device)
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
    total = sum(_by_operator(counter).values()) - sum(forward.values())
    known = counter.flop_registry
    missed = {
        str(operator)
        for operator in called
        if getattr(operator, "_overloadpacket", operator) not in known
        and not is_product_free(operator)
    }
    if forward.get("aten.mul") or forward.get("aten.addcmul"):
        missed.add("the backward pass of outer products")
    notes = (f"not counted: {', '.join(sorted(missed))}",) if missed else ()
    return FlopCount(total, dict(by_module), notes)


def _by_operator(counter: Any) -> dict[str, int]:
    counts = counter.get_flop_counts().get("Global", {})
    return {str(name): int(flops) for name, flops in counts.items()}


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
