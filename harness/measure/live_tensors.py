"""What tensors are alive during a pass, what each is for, and the moment at which they take most.

torch's MemTracker says the same, of each module too; importing it takes longer than it takes to follow a small network, as
it brings torch's compiler and its distributed tensors. All figures are bytes.
"""

from __future__ import annotations

import contextlib
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as hooks_of_all
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass
from torch.utils._pytree import tree_leaves

PARTS = (
    "parameters",
    "buffers",
    "gradients",
    "optimizer_state",
    "activations",
    "temporary",
    "inputs",
)
_ALLOCATED = 512  # bytes: CUDA's allocator gives multiples of it


class LiveTensors(TorchDispatchMode):
    """A mode that follows what a pass makes, beside what model, optimizer and inputs hold before it.

    What the backward pass and the optimizer's step make is temporary, but for gradients of parameters; all else is an
    activation, also where a module's are computed again in the backward pass. A storage counts once.
    """

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer | None, inputs: torch.Tensor
    ) -> None:
        """Look at what is held before a pass."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._model, self._optimizer = model, optimizer
        self._kept: dict[int, _LiveStorage] = {}  # by the address of the storage's object
        self._now: dict[torch.device, Counter[str]] = {}
        self._most: dict[torch.device, Counter[str]] = {}
        self._calls, self._stepping = 0, False  # of modules, and of the optimizer
        held = {
            "parameters": list(model.parameters()),
            "buffers": list(model.buffers()),
            "gradients": [parameter.grad for parameter in model.parameters()],
            "optimizer_state": list(optimizer.state.values()) if optimizer else [],
            "inputs": inputs,
        }
        for part, what in held.items():
            for tensor in _tensors(what):
                self._note(part, tensor)

    def now(self) -> dict[str, int]:
        """Return what is alive, by the name of each of `PARTS`, on all devices."""
        return _sum(self._now)

    def most(self) -> dict[str, int]:
        """Return what was alive at the moment at which that was most; each device has its own."""
        return _sum(self._most)

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """Follow what is done in the block: one pass."""
        self._most = {device: held.copy() for device, held in self._now.items()}
        with contextlib.ExitStack() as hooks:
            for hook in self._hooks():
                hooks.callback(hook.remove)
            hooks.enter_context(self)
            yield

    def _hooks(self) -> Iterator[Any]:
        parameters: Iterable[Any] = self._model.parameters()
        for parameter in parameters:
            if parameter.requires_grad:
                yield parameter.register_hook(lambda given: self._note("gradients", given))
                yield parameter.register_post_accumulate_grad_hook(
                    lambda one: self._note("gradients", one.grad)
                )
        yield hooks_of_all.register_module_forward_pre_hook(lambda *_: self._count(1))
        yield hooks_of_all.register_module_forward_hook(
            lambda *_: self._count(-1), always_call=True
        )
        if self._optimizer is not None:
            yield self._optimizer.register_step_pre_hook(lambda *_: self._step(True))
            yield self._optimizer.register_step_post_hook(lambda *_: self._step(False))

    def _count(self, calls: int) -> None:
        self._calls += calls

    def _step(self, begins: bool) -> None:
        self._stepping = begins

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator, and look at what it has made."""
        made = func(*args, **(kwargs or {}))
        backward = torch._C._current_graph_task_id() != -1 and not self._calls
        part = "temporary" if backward or self._stepping else "activations"
        for tensor in _tensors(made):
            self._note(part, tensor, anew=False)
        for device, held in self._now.items():
            if held.total() > self._most.get(device, Counter()).total():
                self._most[device] = held.copy()
        return made

    def _note(self, part: str, tensor: torch.Tensor, anew: bool = True) -> None:
        """Count the storage of a tensor as a part; anew: also where it has been counted as another one."""
        storage = tensor.untyped_storage()
        key, device, size = id(storage), tensor.device, storage.nbytes()
        if device.type == "cuda":
            size = -(-size // _ALLOCATED) * _ALLOCATED
        known = self._kept.get(key)
        if known is not None:
            self._now[device][known.part] -= known.size
            known.size, known.part = size, part if anew else known.part
        else:
            gone = weakref.ref(storage, lambda _: self._forget(key, device))
            known = self._kept[key] = _LiveStorage(gone, part, size)
        self._now.setdefault(device, Counter())[known.part] += size

    def _forget(self, key: int, device: torch.device) -> None:
        gone = self._kept.pop(key)
        self._now[device][gone.part] -= gone.size


@dataclass(slots=True)
class _LiveStorage:
    """A storage that is alive; `gone` tells when it is not."""

    gone: weakref.ref[torch.UntypedStorage]
    part: str
    size: int


def _tensors(made: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in what an operator or an optimizer holds, and those that a wrapper is made of."""
    for one in tree_leaves(made):
        if is_traceable_wrapper_subclass(one):
            names, _ = one.__tensor_flatten__()
            yield from _tensors([getattr(one, name) for name in names])
        elif isinstance(one, torch.Tensor):
            yield one


def _sum(devices: dict[torch.device, Counter[str]]) -> dict[str, int]:
    total: Counter[str] = sum(devices.values(), Counter())
    return {part: total[part] for part in PARTS}
