"""Training with maps whose channels lie side by side, where a CPU is faster so and the model takes them so.

Weights, their gradients and what optimizers keep of them stay in the usual order, as torch's fused optimizers go through them as they
lie in memory: only the first layers are told. Maps that are given in an order are returned in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from harness.data.map_layout import (
    MapLayout,
    by_channels,
    find_layout,
    is_faster_by_channels,
    meet_gradient,
    takes_other_orders,
)
from harness.errors import NotApplicable
from harness.measure.model_copy import copy_model

_APART = 1e-3  # of the largest output, by which rounding may move one


@contextmanager
def maps_by_channels(
    model: nn.Module, few: Callable[[], Tensor], set_mode: Callable[[nn.Module], None]
) -> Iterator[str]:
    """Have a model's maps lie so meanwhile, if a copy of it computes the same with them, in some passes of a few inputs.

    The name of the order is given, as torch has it: "channels_last" or "contiguous".

    few: returns some inputs, as they are trained on. set_mode: puts a model into the mode that it is trained in.
    """
    layout = _find(model, few, set_mode)
    with _laid_out(model, layout):
        yield "channels_last" if layout.entered else "contiguous"


def _find(
    model: nn.Module, few: Callable[[], Tensor], set_mode: Callable[[nn.Module], None]
) -> MapLayout:
    if not any(map(takes_other_orders, model.modules())):
        return MapLayout()
    inputs = few()
    if not is_faster_by_channels(inputs):
        return MapLayout()
    with torch.random.fork_rng([]), torch.enable_grad():
        copied = _copied(model)
        if copied is None:
            return MapLayout()
        set_mode(copied)
        state = torch.get_rng_state()

        def answer(given: Tensor) -> Tensor:
            torch.set_rng_state(state)
            found: Tensor = copied(given)
            return found

        def run() -> tuple[Tensor, list[Tensor]]:
            leaf = inputs.clone().requires_grad_()
            return answer(leaf), [leaf]

        try:
            layout = find_layout(copied, run)
            for set_one in (set_mode, nn.Module.eval):  # as it is trained, and as it is validated
                set_one(copied)
                expected = answer(inputs.clone()).detach()
                with _laid_out(copied, layout):
                    found = answer(inputs.clone()).detach()
                if not _is_near(found, expected):
                    return MapLayout()  # such as dropout of maps, whose draws follow their order
        except Exception:  # a stranger's own words of maps in another order, or of what it returns
            return MapLayout()
    ours = dict(zip(copied.modules(), model.modules(), strict=True))
    entered = tuple(ours[one] for one in layout.entered)
    return MapLayout(entered, tuple(ours[one] for one in layout.met))  # type: ignore[arg-type]


def _is_near(found: Tensor, expected: Tensor) -> bool:
    near = (found - expected).abs() <= _APART * expected.abs().amax()
    return found.dtype == expected.dtype and bool(near.all())


def _copied(model: nn.Module) -> nn.Module | None:
    try:
        return copy_model(model)
    except NotApplicable:
        return None


@contextmanager
def _laid_out(model: nn.Module, layout: MapLayout) -> Iterator[None]:
    """Change the order where a layout says. Weights of one channel have the same numbers side by side in both; other inputs are copied."""
    one_channel = [one for one in layout.entered if one.weight.shape[1] == 1]
    hooks = [one.register_forward_hook(meet_gradient) for one in layout.met]
    if len(one_channel) < len(layout.entered):
        hooks.append(model.register_forward_pre_hook(_turn))
    before = [one.weight.stride() for one in one_channel]
    try:
        for one in one_channel:
            _, _, rows, columns = one.weight.shape
            one.weight.data = one.weight.data.as_strided(
                one.weight.shape, (rows * columns, 1, columns, 1)
            )
        yield
    finally:
        for one, strides in zip(one_channel, before, strict=True):
            one.weight.data = one.weight.data.as_strided(one.weight.shape, strides)
        for hook in hooks:
            hook.remove()


def _turn(model: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """Turn the inputs, but not those that are searched for: what computes with them has them in the usual order."""
    if (
        not given
        or not isinstance(given[0], Tensor)
        or given[0].dim() != 4
        or given[0].requires_grad
    ):
        return None
    return by_channels(given[0]), *given[1:]
