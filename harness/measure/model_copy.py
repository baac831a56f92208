"""A copy of a model that may be trained, moved or hooked while the model itself stays as it is.

`copy.deepcopy` refuses what ordinary models hold (old weight norm, pruning, locks, generators), turns
the parameters of scripted modules into plain tensors, and lets a closure of the copy go on calling the
original's layers. So a model that knows how it was built is built anew, and given the same weights.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from harness.errors import NotApplicable
from harness.measure.execution import is_out_of_memory

if TYPE_CHECKING:
    import torch

    Convert = Callable[[torch.Tensor], torch.Tensor]


def copy_model(model: torch.nn.Module, convert: Convert | None = None) -> torch.nn.Module:
    """Return a copy of a model, with its weights, its modes and what is frozen in it.

    A model with a function `build_anew` (as those have that the harness builds) is built by it and
    loaded; any other is copied deeply.

    convert: gives for each parameter, buffer and other tensor of the model what is to hold its place
        in the copy, such as its shape alone; None: a clone, on the same device.

    Raises:
        NotApplicable: It can be copied in neither way.
    """
    copied = _build(model) or _copy_deeply(model)
    made: dict[int, torch.Tensor] = {}  # a tied tensor stays one
    for ours, theirs in zip(model.modules(), copied.modules(), strict=True):
        theirs.training = ours.training
        for (_, key, tensor), (place, _, _) in zip(_held(ours), _held(theirs), strict=True):
            if id(tensor) not in made:
                made[id(tensor)] = _convert(tensor, convert)
            place[key] = made[id(tensor)]
    return copied


def copy_without_scaling(model: torch.nn.Module) -> torch.nn.Module:
    """Return a copy of a model whose network takes the data's values as they are, not in the units it was trained on.

    That is a pipeline in which normalisation was forgotten. The layers that do it have a true attribute
    `scales_inputs` (`harness.data.first_layers`).

    Raises:
        NotApplicable: No layer of the harness scales its inputs, or it cannot be copied.
    """
    from torch import nn

    copied = copy_model(model)
    found = [
        (parent, name)
        for parent in copied.modules()
        for name, child in parent.named_children()
        if getattr(child, "scales_inputs", False)
    ]
    if not found:
        raise NotApplicable("no layer before the network scales its inputs")
    for parent, name in found:
        parent._modules[name] = nn.Identity()
    return copied


def copy_in_float64(model: torch.nn.Module) -> torch.nn.Module:
    """Return a copy of a model that holds its real numbers in float64, and asks for no gradient of them.

    Raises:
        NotApplicable: It cannot be copied.
    """
    import torch

    def cast(tensor: torch.Tensor) -> torch.Tensor:
        made = tensor.detach().clone()
        made = made.double() if made.is_floating_point() else made
        return torch.nn.Parameter(made, False) if isinstance(tensor, torch.nn.Parameter) else made

    return copy_model(model, convert=cast)


def copy_with_random_weights(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Return a copy of a model that knows nothing: the numbers of each weight change places at random.

    A model that knows how it was built has those of its initialisation, and running statistics that nothing was seen
    for; any other has its own.

    Raises:
        NotApplicable: It cannot be copied.
    """
    import torch

    copied = copy_model(model)
    build: Callable[[], torch.nn.Module] | None = getattr(model, "build_anew", None)
    if build is not None:
        with contextlib.suppress(Exception):  # it was changed after it was built, in any way
            copied.load_state_dict(build().state_dict())
    draws = torch.Generator().manual_seed(seed % 2**63)
    with torch.no_grad():
        for parameter in copied.parameters():
            order = torch.randperm(parameter.numel(), generator=draws).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return copied


def _build(model: torch.nn.Module) -> torch.nn.Module | None:
    """Build the model anew and load it; None where that does not lead to the same model."""
    build: Callable[[], torch.nn.Module] | None = getattr(model, "build_anew", None)
    if build is None:
        return None
    try:
        built = build()
        built.load_state_dict(model.state_dict())
    except Exception as error:  # it was changed after it was built, in any way
        if is_out_of_memory(error):
            raise
        return None
    return built if _layout(built) == _layout(model) else None


def _copy_deeply(model: torch.nn.Module) -> torch.nn.Module:
    import torch

    held = (tensor for module in model.modules() for _, _, tensor in _held(module))
    computed = {  # deepcopy takes leaves alone, not what weight norm and pruning compute, and none sparse
        id(tensor): _convert(tensor, None)
        for tensor in held
        if not tensor.is_leaf or tensor.layout is not torch.strided
    }
    try:
        return copy.deepcopy(model, dict[int, Any](computed))
    except Exception as error:
        if is_out_of_memory(error):
            raise
        first_line = (str(error).splitlines() or [""])[0]
        raise NotApplicable(
            f"{type(model).__name__} cannot be copied: {type(error).__name__}: {first_line}"
        ) from error


def _layout(model: torch.nn.Module) -> list[tuple[str, list[str]]]:
    """Return the names of the modules, and of the tensors that each holds itself."""
    return [(name, [key for _, key, _ in _held(module)]) for name, module in model.named_modules()]


def _held(module: torch.nn.Module) -> Iterator[tuple[Any, str, torch.Tensor]]:
    """Yield (mapping to set it in, its key, tensor) of each tensor that a module holds itself."""
    import torch

    for place in (module._parameters, module._buffers, module.__dict__):
        for key, value in list(place.items()):
            if isinstance(value, torch.Tensor):
                yield place, key, value


def _convert(tensor: torch.Tensor, convert: Convert | None) -> torch.Tensor:
    import torch

    if convert is not None:
        return convert(tensor if tensor.is_leaf else tensor.detach())
    cloned = tensor.detach().clone()
    if isinstance(tensor, torch.nn.Parameter):
        return torch.nn.Parameter(cloned, tensor.requires_grad)
    return cloned
