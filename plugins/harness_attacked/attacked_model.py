"""A model under attack: what attacks compute with, and which model has the last word."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from harness.api import Attack, Budget, Draws, MeasureContext, PluginError, Problem
from harness.api.measuring import Chosen, call, compile_model, derive, precise, refusing, resolve
from harness.api.training import SearchTwins, onednn_products
from harness_attacked.attack_preparation import Preparations
from harness_attacked.attack_space import InSpace, Space
from harness_attacked.check_inside import check_inside
from harness_attacked.options import NetworkOptions

Autocast = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class AttackedModel:
    """A model and how it is attacked.

    model: in the suite's precision; it has the last word. seen: what attacks compute with, perhaps in lower
    precision or compiled. Both take points of `space` ``(batch, *shape)`` to logits ``(batch, classes)``, or to what else `problem` asks
    for; None: to those.
    lowered: the two may differ, so what fools `seen` is asked of `model` again before it counts.
    batch_size: examples in the batch at once. seed: of the attacks' draws. preparations: what attacks have
    learnt of the model from training examples; None where none of them prepares. twins: by which `seen` is searched, with products by
    oneDNN, but for minimum-norm attacks, whose points lie so near the boundary that rounding tells on which side; None where it is
    searched as it is, as where rounding is coarse and nobody asks `model` again.
    """

    model: nn.Module
    seen: nn.Module
    lowered: bool
    space: Space
    batch_size: int
    seed: int
    preparations: Preparations | None = None
    problem: Problem | None = None
    twins: SearchTwins | None = None

    def budget(self, norm: str, epsilon: float) -> Budget:
        """Return the ball of a radius in a norm, in the space's box."""
        return Budget(norm, epsilon, self.space.low, self.space.high, self.space.text)

    def logits(self, points: Tensor) -> Tensor:
        """Return float logits ``(batch, classes)`` of the model, without a graph."""
        with torch.no_grad():
            parts = [self.model(part) for part in torch.split(points, self.batch_size)]
        logits = torch.cat(parts)
        return logits if logits.dtype == torch.float64 else logits.float()

    def correct(self, points: Tensor, targets: Tensor) -> Tensor:
        """Return ``(batch,)`` bool: classified correctly, or else not what an adversary wants, by finite logits."""
        if not len(points):
            return torch.zeros(0, dtype=torch.bool, device=points.device)
        fooled = None if self.problem is None else self.problem.fooled
        right = []
        for part, wanted in zip(
            *(torch.split(one, self.batch_size) for one in (points, targets)), strict=True
        ):
            logits = self.logits(part)
            wrong = (
                logits.argmax(1) != wanted if fooled is None else resolve(fooled)(logits, wanted)
            )
            right.append(~wrong & logits.isfinite().flatten(1).all(1))
        return torch.cat(right)

    def attack(
        self,
        attack: Chosen,
        budget: Budget,
        points: Tensor,
        targets: Tensor,
        ids: Tensor,
        *,
        larger: Sequence[Budget] = (),
        to_the_end: bool = False,
    ) -> Tensor:
        """Return perturbed points ``(batch, *shape)`` in ball and box, detached, by the examples' own draws.

        An attack that asks for `batch_size` is given all the points, to keep that many in its batch; another one
        is given so many at a time.

        larger: balls that the attack goes on to, which must ask for `larger`; with some the points are ``(balls, batch, *shape)``.
        to_the_end: no example leaves when it is fooled: an attack that asks for `judge` is told that none is.

        Raises:
            PluginError: The attack left ball or box, or changed the shape.
        """
        item = attack.item
        assert isinstance(item, Attack)
        draws = Draws(derive(self.seed, "attack", attack.label), ids)
        twins = None if item.minimum_norm else self.twins
        offered: dict[str, Any] = {
            "model": self.seen if twins is None else twins.of(self.seen, points),
            "budget": budget,
            "options": attack.model(),
            "batch_size": self.batch_size,
            "problem": self.problem,
            "judge": _never_fooled if to_the_end else self.correct if self.lowered else None,
            "larger": larger,
        }
        if item.prepare is not None and self.preparations is not None:
            offered["prepared"] = self.preparations.of(attack, self.seen)
        size = max(1, len(points) if _asks_for(attack, "batch_size") else self.batch_size)
        found = []
        searching = contextlib.nullcontext if twins is None else partial(onednn_products, "search")
        for rows in torch.split(torch.arange(len(points), device=points.device), size):
            part = points[rows]
            with searching():
                perturbed = call(
                    item.perturb,
                    inputs=part,
                    targets=targets[rows],
                    draws=draws.select(rows),
                    **offered,
                )
            balls = (budget, *larger)
            if larger and perturbed.shape[:1] != (len(balls),):
                raise PluginError(
                    f"attack {attack.label} asks for `larger` and returned the shape {tuple(perturbed.shape)} "
                    f"for {len(balls)} balls and inputs of {tuple(part.shape)}; the first dimension is that of the balls"
                )
            for ball, inside in zip(balls, perturbed if larger else [perturbed], strict=True):
                check_inside(attack.label, part, inside, ball)
            found.append(perturbed.detach())
        return torch.cat(found, 1 if larger else 0)


def goes_up(attack: Chosen) -> bool:
    """Return whether an attack goes from ball to larger ball by itself."""
    return _asks_for(attack, "larger")


def _asks_for(attack: Chosen, name: str) -> bool:
    assert isinstance(attack.item, Attack)
    return name in inspect.signature(resolve(attack.item.perturb)).parameters


def _never_fooled(points: Tensor, targets: Tensor) -> Tensor:
    return torch.ones(len(points), dtype=torch.bool, device=points.device)


@contextlib.contextmanager
def attacked_model(
    context: MeasureContext,
    space: Space,
    options: NetworkOptions,
    model: nn.Module,
    preparations: Preparations | None = None,
) -> Iterator[AttackedModel]:
    """Yield a model as it is attacked under a measure's options.

    preparations: what attacks prepared for this model before, where it is attacked more than once.

    Raises:
        NotApplicable: The device lacks the precision, or torch.compile fails here.
    """
    with precise(context, options.precision) as autocast:
        judged = InSpace(Cast(model, context.autocast), space)
        attacked: Callable[..., Any] = model
        if options.compile:
            with refusing("torch.compile"), autocast():
                attacked = compile_model(model, dynamic=True)
                kind = getattr(torch, context.task.modality_item.input_type)
                shape = (2, *context.task.input_shape)
                probe = torch.full(shape, space.low, dtype=kind, device=context.device)
                decoded = space.decode(probe)
                attacked(decoded.requires_grad_(decoded.is_floating_point()))  # it compiles now
        lowered = options.precision not in ("suite", context.precision)
        seen = InSpace(Cast(attacked, autocast), space) if lowered or options.compile else judged
        prepared = preparations or Preparations(context, space, options)
        yield AttackedModel(
            judged,
            seen,
            lowered,
            space,
            options.batch_size,
            context.seed,
            prepared,
            context.task.problem_item,
            SearchTwins() if not options.compile and (lowered or _is_fine(context)) else None,
        )


def _is_fine(context: MeasureContext) -> bool:
    """Whether rounding is so fine that what fools a model with folded norms fools the model: in bfloat16 and a GPU's TF32 it is not."""
    return context.precision == "fp32" and context.device.type == "cpu"


class Cast(nn.Module):
    """A model in a precision."""

    def __init__(self, model: Callable[..., Any], autocast: Autocast) -> None:
        """Take the model, in the mode that it is in."""
        super().__init__()
        self.model, self.autocast = model, autocast
        self.training = getattr(model, "training", False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the model's logits."""
        with self.autocast():
            logits: Tensor = self.model(inputs)
        return logits
