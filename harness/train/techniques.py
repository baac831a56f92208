"""What changes how training steps are taken: averaged weights, clipped gradients, steps at other weights

A technique builds `TrainingHooks`, one for each fit; the loop calls them at its points, in the order of the recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Fitting:
    """What hooks are told of a fit.

    model: as it is trained. optimizer: over its parameters, before the first step. epochs: that are planned.
    inputs() yields all training examples in batches of the recipe, as an epoch would have them, ``(batch, *shape)``.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    epochs: int
    inputs: Callable[[], Iterator[Tensor]]


class TrainingHooks:
    """What a technique does at the points of a fit; each does nothing here, so that one says only what it changes.

    What it keeps from step to step is in `state`, so that a fit that is killed goes on bit for bit.
    """

    def prepare(self, model: nn.Module) -> None:
        """Change the model before its optimizer is built: freeze parameters, put others in."""

    def begin(self, fitting: Fitting) -> None:
        """Take what is trained, before the first step (and before `load_state`, where a fit goes on)."""

    def gradients(self, compute: Callable[[], None]) -> None:
        """Leave the batch's gradient in the parameters' `grad`; compute() does it for the weights as they are now.

        It may be called again at other weights: the training loss that is told is that of the first call.
        """
        compute()

    def before_step(self) -> None:
        """Change the gradient of the batch, in the parameters' `grad`."""

    def after_step(self) -> None:
        """See the weights after a step."""

    def after_epoch(self, epoch: int) -> None:
        """See the weights after an epoch, from 1."""

    def average(self) -> None:
        """Put the weights that are to be evaluated and kept in the place of those that are trained."""

    def resume(self) -> None:
        """Put those that are trained back: exactly what `average` found."""

    def finish(self, model: nn.Module) -> None:
        """Leave a model of the parts, and of the names of weights, that it had before `prepare`."""

    def state(self) -> dict[str, Any]:
        """Return what goes from step to step: tensors, numbers, texts, and lists and dictionaries of them."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave, after `begin`."""


class Techniques:
    """The hooks of a fit, one after another; without any there is nothing that a step would feel."""

    def __init__(self, hooks: Sequence[TrainingHooks] = ()) -> None:
        """Take the hooks in the order of the recipe."""
        self.hooks = tuple(hooks)

    def prepare(self, model: nn.Module) -> None:
        """Change the model."""
        for one in self.hooks:
            one.prepare(model)

    def begin(self, fitting: Fitting) -> None:
        """Tell all of the fit."""
        for one in self.hooks:
            one.begin(fitting)

    def gradients(self, compute: Callable[[], None]) -> None:
        """Compute the gradient of a batch; the first technique is the outermost."""
        for one in reversed(self.hooks):
            compute = _around(one, compute)
        compute()

    def before_step(self) -> None:
        """Change the gradient of a batch."""
        for one in self.hooks:
            one.before_step()

    def after_step(self) -> None:
        """Tell all of a step."""
        for one in self.hooks:
            one.after_step()

    def after_epoch(self, epoch: int) -> None:
        """Tell all of an epoch."""
        for one in self.hooks:
            one.after_epoch(epoch)

    def average(self) -> None:
        """Have the model hold what is to be kept of it."""
        for one in self.hooks:
            one.average()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Have the model hold what is to be evaluated, meanwhile."""
        self.average()
        try:
            yield
        finally:
            for one in reversed(self.hooks):
                one.resume()

    def finish(self, model: nn.Module) -> None:
        """Undo what `prepare` did to the model's parts."""
        for one in reversed(self.hooks):
            one.finish(model)

    def state(self) -> list[dict[str, Any]]:
        """Return the state of each."""
        return [one.state() for one in self.hooks]

    def load_state(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Take the state of each."""
        for one, state in zip(self.hooks, states, strict=True):
            one.load_state(state)


def _around(hooks: TrainingHooks, compute: Callable[[], None]) -> Callable[[], None]:
    return lambda: hooks.gradients(compute)
