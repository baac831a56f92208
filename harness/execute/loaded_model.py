"""The model of measures that follow one another in a process: loaded once, as long as they leave it as it was."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import torch
from torch import nn

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class LoadedModel:
    """Keeps one model, and what torch's generators say once it is loaded: loading seeds them, and draws."""

    def __init__(self) -> None:
        """Keep none yet."""
        self._model: nn.Module | None = None
        self._mark: object = None
        self._draws: list[torch.Tensor] = []

    def get(self, load: Callable[[], nn.Module]) -> nn.Module:
        """Return the model that `load` returns, with the generators as it leaves them; `load` is called where none is as it was."""
        if self._model is not None and self._mark == _mark(self._model):
            cpu, *gpus = self._draws
            torch.set_rng_state(cpu)
            if gpus:
                torch.cuda.set_rng_state_all(gpus)
            return self._model
        self._model = load()
        gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
        self._draws = [torch.get_rng_state(), *gpus]
        self._mark = _mark(self._model)
        return self._model


def _mark(model: nn.Module) -> list[object]:
    """Return what tells whether a model was changed: its modules, their modes, hooks and attributes, its tensors and their bytes."""
    found: list[object] = []
    for name, module in model.named_modules(remove_duplicate=False):
        hooks = [len(getattr(module, one)) for one in _HOOKS]
        found.append((name, id(module), hooks, list(map(_attribute_mark, vars(module).items()))))
        held = (*module._parameters.items(), *module._buffers.items())
        found += [(key, None if one is None else _tensor_mark(one)) for key, one in held]
    return found


def _attribute_mark(attribute: tuple[str, object]) -> tuple[object, ...]:
    name, value = attribute
    return name, type(value), value if isinstance(value, bool | int | float | str) else id(value)


def _tensor_mark(tensor: torch.Tensor) -> tuple[object, ...]:
    return (
        id(tensor),
        tensor.dtype,
        tensor.device,
        tensor.requires_grad,
        tensor.grad is None,
        [
            len(hooks or ())
            for hooks in (tensor._backward_hooks, tensor._post_accumulate_grad_hooks)
        ],
        _sum(tensor),
    )


def _sum(tensor: torch.Tensor) -> object:
    """Return where a tensor's bytes are, and their checksum: to write to them through `.data` or numpy counts as no version.

    Of one that has no bytes of its own, such as a sparse one, it is unlike any other.
    """
    try:
        held = tensor.detach().cpu().contiguous().reshape(-1)
        return tensor.data_ptr(), zlib.crc32(held.view(torch.uint8).numpy().data)
    except (RuntimeError, TypeError):
        return object()
