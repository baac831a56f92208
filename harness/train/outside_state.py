"""Tensors that a fitted model holds outside its state dict, and whether it is the same without them.

A buffer that is not persistent, or a tensor in a plain attribute, is no part of `state_dict`: a model that is built
anew and given the weights of a fit has another one, where it was drawn or learnt. What a model holds elsewhere (a number,
a list of tensors) is not known to be state at all. So the model is built again after its fit, as the measures will build it,
and must return the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from harness.data.seeding import seed_generators
from harness.errors import CheckpointError

TOLERANCE = 1e-3  # of the largest output: sums may be taken in another order
_NAMED = 4  # attributes in an error


def keep_outside(
    label: str, model: nn.Module, build: Callable[[], nn.Module], inputs: Tensor
) -> dict[str, Tensor]:
    """Return the tensors outside the state dict that a model is not the same without; mostly none.

    model: a fitted one, in evaluation mode. build: builds it anew and gives it the model's state dict. inputs: a
    few examples ``(n, *shape)``, on the model's device.

    Raises:
        CheckpointError: It is not the same with them either.
    """
    expected = _outputs(model, inputs)
    if expected is None or not _same(expected, _outputs(model, inputs)):
        return {}  # it is random by itself, or counts its calls
    again = build()
    if _same(expected, _outputs(again, inputs)):
        return {}
    again = build()
    found = {name: tensor.detach().clone() for name, tensor in outside(model).items()}
    suspects = list(_other_state(model, again))
    restore(again, found)
    if not _same(expected, _outputs(again, inputs)):
        held = ", ".join(suspects[:_NAMED]) or "nothing of which is a tensor"
        raise CheckpointError(
            f"{label} returns something else when it is built anew and given the weights of its fit: it holds state outside "
            f"of them ({held}); hold it in parameters or buffers (register_buffer), or give it in get_extra_state"
        )
    return found


def outside(model: nn.Module) -> dict[str, Tensor]:
    """Return the tensors that modules hold outside the state dict, by their names."""
    return {
        f"{name}.{key}" if name else key: value
        for name, module in model.named_modules()
        for key, value in (
            *((key, module._buffers[key]) for key in module._non_persistent_buffers_set),
            *vars(module).items(),
        )
        if isinstance(value, Tensor)
    }


def restore(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put tensors where `outside` found them.

    Raises:
        CheckpointError: The model has no such attribute.
    """
    for name, tensor in tensors.items():
        path, _, key = name.rpartition(".")
        try:
            module = model.get_submodule(path)
        except AttributeError:
            module = nn.Module()
        if key in module._non_persistent_buffers_set:
            module._buffers[key] = tensor
        elif isinstance(vars(module).get(key), Tensor | None) and key in vars(module):
            setattr(module, key, tensor)
        else:
            raise CheckpointError(f"{name} is not in the model")


def _outputs(model: nn.Module, inputs: Tensor) -> Tensor | None:
    """Return what a model returns, with the same draws each time; None where it is no tensor."""
    with torch.random.fork_rng(), torch.no_grad():
        seed_generators(0)
        found = model(inputs)
    return found if isinstance(found, Tensor) else None


def _same(one: Tensor, other: Tensor | None) -> bool:
    if other is None or one.shape != other.shape:
        return False
    one, other = one.double(), other.double().to(one.device)
    size = float(one.abs().nan_to_num(0, 0, 0).max()) if one.numel() else 0.0
    return torch.allclose(one, other, rtol=0, atol=TOLERANCE * size, equal_nan=True)


def _other_state(model: nn.Module, again: nn.Module) -> Iterator[str]:
    """Yield the names of attributes that hold numbers that changed, or tensors and modules in containers."""
    fresh = dict(again.named_modules())
    for name, module in model.named_modules():
        before = vars(fresh[name]) if name in fresh else {}
        for key, value in vars(module).items():
            if key.startswith("_"):
                continue
            label = f"{name}.{key}" if name else key
            changed = isinstance(value, int | float | str) and before.get(key) != value
            holds = isinstance(value, list | tuple | dict) and _holds_tensors(value)
            if (changed and key != "training") or holds:
                yield label


def _holds_tensors(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value
    return any(isinstance(part, Tensor | nn.Module) for part in parts)
