"""The maps of convolutional networks with their channels side by side in memory ("channels_last"), where a CPU is faster so.

oneDNN's convolutions copy other maps into blocks of channels and back, torch's maxima and batch norms go through them number by
number. A convolution that is given maps in one order returns them in it, so it is enough that the first ones see to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    Run = Callable[[], tuple[Tensor, Sequence[Tensor]]]


@dataclass(frozen=True)
class MapLayout:
    """Where the order in memory is to be changed, so that it is this one throughout.

    entered: convolutions that are given maps in another order. met: layers without weights to which the gradient of their maps
    comes back in another order; what has both orders before it, as a rectifier's gradient, takes thirty times as long.
    shapes: of what each convolution that may change the order is given, and returns.
    """

    entered: tuple[nn.Conv2d, ...] = ()
    met: tuple[nn.Module, ...] = ()
    shapes: Mapping[nn.Conv2d, tuple[torch.Size, torch.Size]] = field(default_factory=dict)


def is_faster_by_channels(inputs: Tensor) -> bool:
    """Whether convolutions of these inputs ``(batch, ...)`` gain: float32 images on an x86 CPU, where torch takes oneDNN's.

    The machine is asked what it is, never how fast it was just now, so that a run repeated on it has the same bits.
    """
    import torch

    return (
        inputs.dim() == 4
        and inputs.dtype == torch.float32
        and inputs.device.type == "cpu"
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and torch._C._get_mkldnn_enabled()
        and torch.backends.cpu.get_cpu_capability().startswith("AVX")
    )


def takes_other_orders(module: nn.Module) -> bool:
    """Whether a layer is torch's own convolution of images, which nobody listens to or changes."""
    from torch import nn

    return type(module) is nn.Conv2d and not is_listened_to(module)


def is_listened_to(module: nn.Module) -> bool:
    """Whether a module has hooks, or a `forward` of its own."""
    kinds = ("forward", "forward_pre", "backward", "backward_pre")
    return "forward" in vars(module) or any(vars(module)[f"_{kind}_hooks"] for kind in kinds)


def find_layout(model: nn.Module, run: Run) -> MapLayout:
    """Return where the order is to be changed in a model, from one pass through it and back; it is as before afterwards.

    run: computes something of the model, and returns it with leaves of its graph whose gradient is asked for.

    Raises:
        Exception: What the model raises where maps lie in this order, such as that it cannot `view` them as rows.
    """
    import torch

    may = [one for one in model.modules() if takes_other_orders(one)]
    entered: dict[nn.Conv2d, None] = {}
    met: dict[nn.Module, None] = {}
    shapes: dict[nn.Conv2d, tuple[torch.Size, torch.Size]] = {}

    def after_convolution(
        module: nn.Conv2d, given: tuple[Any, ...], named: dict[str, Any], output: Tensor
    ) -> Tensor | None:
        shapes[module] = (given or (named["input"],))[0].shape, output.shape
        if is_by_channels(output):
            return None
        entered[module] = None
        return by_channels(output)

    def after_layer(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, torch.Tensor) and output.requires_grad and is_by_channels(output):
            output.register_hook(partial(gradient_of, module))  # type: ignore[no-untyped-call]

    def gradient_of(module: nn.Module, gradient: Tensor) -> Tensor:
        if not is_by_channels(gradient):
            met[module] = None
        return by_channels(gradient)

    hooks = [one.register_forward_hook(after_convolution, with_kwargs=True) for one in may]
    hooks += [
        one.register_forward_hook(after_layer)
        for one in model.modules()
        if not any(True for _ in one.children()) and not any(True for _ in one.parameters())
    ]
    try:
        found, leaves = run()
        torch.autograd.grad(found.sum(), leaves, allow_unused=True)
    finally:
        for hook in hooks:
            hook.remove()
    return MapLayout(tuple(entered), tuple(met), shapes)


def is_by_channels(maps: Any) -> bool:
    """Whether something is maps ``(batch, channels, height, width)`` in this order; of one channel or one pixel, too."""
    import torch

    if not isinstance(maps, torch.Tensor) or maps.dim() != 4:
        return False
    return maps.is_contiguous(memory_format=torch.channels_last)


def by_channels(maps: Tensor) -> Tensor:
    """Return maps in this order, so by their strides, too, where there is one channel."""
    import torch

    return maps.to(memory_format=torch.channels_last)


def meet_gradient(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
    """Have the gradient of a layer's maps come in their order: a forward hook."""
    import torch

    if isinstance(output, torch.Tensor) and output.requires_grad and is_by_channels(output):
        output.register_hook(by_channels)  # type: ignore[no-untyped-call]


def leave_gradient(module: nn.Module, given: tuple[Any, ...]) -> None:
    """Have the gradient of what a layer is given go on in the usual order: a hook before a forward pass.

    What follows computes with the inputs, which lie so, and it.
    """
    if not given or not given[0].requires_grad:
        return
    if _contiguous not in (given[0]._backward_hooks or {}).values():  # a leaf is given at each step
        given[0].register_hook(_contiguous)


def _contiguous(gradient: Tensor) -> Tensor:
    return gradient.contiguous()
