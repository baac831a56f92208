"""Which module of a network gives its input a gradient that is not the function's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.measure.gradient_check import check_gradient

if TYPE_CHECKING:
    from torch import Tensor, nn

    from harness.measure.slopes import Value

    Losses = Callable[[], Tensor]

LOOKS = 3  # at each place, of which most decide
REACH = 4.0  # sizes of an activation, of which `gradient_check.FAR` is taken


@dataclass(frozen=True)
class Network:
    """A network and its loss at fixed examples: losses() runs it and returns one number, differentiable."""

    model: nn.Module
    losses: Losses


def find_faulty_module(
    network: Network, exact: Network | None = None, seed: int = 0, **arithmetic: Any
) -> str:
    """Return the name of the innermost module that holds the fault of a wrong gradient; "" for the network itself.

    A module holds it where the gradient at its input is wrong and at its output right: what comes behind it is then in
    order. From the whole network, whose gradient is known to be wrong, the search goes down into the part of which that is
    true, until it is true of none of a module's parts. Of several faults one behind the other this is the last. Where a
    module takes or returns several tensors, the first is looked at. A part whose code refuses the values that are added to
    what it takes, such as a check that pixels are not below 0, is left out.

    exact: the same network and loss in float64; None where it cannot be cast. arithmetic: what `check_gradient` is told of it.
    """
    called = _called(network)
    parents = {name: _parent(name, called) for name in called if name}
    found = ""
    while True:
        parts = [name for name in reversed(called) if name and parents[name] == found]
        inside = next(
            (part for part in parts if _holds(network, exact, part, seed, arithmetic)), None
        )
        if inside is None:
            return found
        found = inside


def _called(network: Network) -> list[str]:
    """Return the names of the modules that the loss runs, in the order of their first call."""
    import torch

    order: list[str] = []

    def note(name: str) -> Callable[..., None]:
        return lambda module, given: None if name in order else order.append(name)

    handles = [m.register_forward_pre_hook(note(name)) for name, m in network.model.named_modules()]
    try:
        with torch.no_grad():
            network.losses()
    finally:
        for handle in handles:
            handle.remove()
    return order


def _parent(name: str, called: list[str]) -> str:
    """Return the nearest module around another that is called itself, which a list of modules is not."""
    while name:
        name = name.rpartition(".")[0]
        if name in called:
            return name
    return ""


def _holds(
    network: Network, exact: Network | None, name: str, seed: int, arithmetic: dict[str, Any]
) -> bool:
    try:
        return not _agrees(network, exact, name, "input", seed, arithmetic) and _agrees(
            network, exact, name, "output", seed, arithmetic
        )
    except Exception:  # whatever a model's code raises of values that it does not know
        return False


def _agrees(
    network: Network,
    exact: Network | None,
    name: str,
    side: str,
    seed: int,
    arithmetic: dict[str, Any],
) -> bool:
    """Whether the gradient at a module's input or output is the function's; where there is none, it is."""
    import torch

    seen: list[Tensor] = []
    with torch.no_grad(), _changed(network.model, name, side, lambda x: seen.append(x) or x):  # type: ignore[func-returns-value]
        network.losses()
    if not seen:
        return True
    size = float(seen[0].double().square().mean().sqrt())
    if size == 0.0:
        return True
    nowhere = torch.zeros_like(seen[0].detach())[None]
    told = {True: 0, False: 0}
    for look in range(LOOKS):
        check = check_gradient(
            _beside(network, name, side),
            nowhere,
            exact=None if exact is None else _beside(exact, name, side),
            width=REACH * size,
            seed=seed + look,
            **arithmetic,
        )
        told[check.agrees] += 1
        if max(told.values()) * 2 > LOOKS:
            break
    return told[True] > told[False]


def _beside(network: Network, name: str, side: str) -> Value:
    """Return the loss as a function of what is added to an activation: ``(k, 1, *shape)`` to ``(k, 1)``."""
    import torch

    def value(added: Tensor) -> Tensor:
        losses = []
        for (one,) in added:
            with _changed(network.model, name, side, _adding(one)):
                losses.append(network.losses().reshape(1))
        return torch.stack(losses)

    return value


def _adding(one: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda x: x + one.to(x.dtype)


@contextmanager
def _changed(
    model: nn.Module, name: str, side: str, change: Callable[[Tensor], Tensor]
) -> Iterator[None]:
    """Let the first real tensor that a module takes or returns be changed meanwhile."""
    module = model.get_submodule(name)
    handle = (
        module.register_forward_pre_hook(
            lambda module, given, named: _first_of_call(given, named, change), with_kwargs=True
        )
        if side == "input"
        else module.register_forward_hook(lambda module, given, output: _first(output, change)[0])
    )
    try:
        yield
    finally:
        handle.remove()


def _first_of_call(
    given: tuple[Any, ...], named: dict[str, Any], change: Callable[[Tensor], Tensor]
) -> tuple[Any, Any]:
    changed, done = _first(given, change)
    return (changed, named) if done else (given, _first(named, change)[0])


def _first(value: Any, change: Callable[[Tensor], Tensor]) -> tuple[Any, bool]:
    """Return a value with its first tensor of real numbers changed, and whether there was one."""
    import torch

    if isinstance(value, torch.Tensor):
        return (change(value), True) if value.is_floating_point() else (value, False)
    if isinstance(value, dict):
        names, parts = list(value), list(value.values())
    elif type(value) in (tuple, list):
        names, parts = None, list(value)
    else:
        return value, False
    for place, part in enumerate(parts):
        parts[place], done = _first(part, change)
        if done:
            made = parts if names is None else dict(zip(names, parts, strict=True))
            return (tuple(made) if isinstance(value, tuple) else made), True
    return value, False
