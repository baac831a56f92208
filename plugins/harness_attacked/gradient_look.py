"""Whether the gradient that attacks follow is the model's own: looked at before any of them begins."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.api import MeasureContext, differentiable_recurrence
from harness.api.measuring import (
    GradientCheck,
    Network,
    check_gradient,
    copy_in_float64,
    find_faulty_module,
)
from harness_attacked.attack_space import InSpace, Space
from harness_attacked.attacked_model import AttackedModel, Cast
from harness_attacked.audit_state import untouched
from harness_attacked.options import BallOptions

# Examples that are looked at; and once more, where something is wrong with the first.
FIRST, AGAIN = 3, 16
LOCATED = 2  # examples with which the module is found
MARGIN, MOVED = 0.01, 0.004  # of the width: points move so far from the box's edge, and about
# Of the values at an end of the box, that stay there, at least so many: a window of 2 x 2 of them 1 time in 4096.
STAYS, LEAST = 1 / 8, 2
MOST = 0.3  # of the width, that is looked at
# Of the losses' spread, that two precisions may differ by.
SAME = {"fp32": 1e-3, "bf16": 0.2, "fp16": 0.05}
ROUNDING = {"fp32": 2.0**-23, "bf16": 2.0**-7, "fp16": 2.0**-10}
FAR_TOLERANCE = {"fp32": 0.25, "bf16": 0.5, "fp16": 0.5}

Seeded = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class GradientLook:
    """What was found. check: None where it could not be looked at. said: what was left out, and why; "" where nothing was.

    module: the name and class of the part that holds the fault; "" where there is none.
    examples: looked at. edge: the share of their values that are at the edge of the box.
    """

    check: GradientCheck | None
    said: str = ""
    module: str = ""
    examples: int = 0
    edge: float = 0.0

    @property
    def is_wrong(self) -> bool:
        """Whether the gradient is not the function's."""
        return self.check is not None and not self.check.agrees


def look_at_gradient(
    context: MeasureContext,
    attacked: AttackedModel,
    points: Tensor,
    targets: Tensor,
    precision: str,
) -> GradientLook:
    """Compare the gradient of log(sum of exp(z_i), i not y) - z_y, which attacks climb, with differences of it.

    At three examples; where it is wrong there, at up to sixteen others, whose word is final, and the module is looked for.
    A model that draws random numbers is given the same at every call. One whose outputs depend on the rest of the batch
    is judged by the sum of its losses. Where the largest Linf ball reaches further than `check_gradient` looks, it is looked at there, too.
    Points are where an attack holds them after a random start: inside the box, but for some of
    the values that are at its very edge, which stay there (see `check_gradient`).

    points: ``(batch, *shape)`` of the space. targets: ``(batch,)``. precision: of the attacks' arithmetic.
    """
    with untouched(attacked.model, context.device):
        try:
            look = _Probe.of(context, attacked, points[:FIRST], targets[:FIRST], precision)
            check = look.check(0)
            n = min(FIRST, len(points))
            if check is not None and not check.agrees:
                later = points[FIRST : FIRST + AGAIN], targets[FIRST : FIRST + AGAIN]
                if len(later[0]):
                    look = _Probe.of(context, attacked, *later, precision)
                    check, n = look.check(1), len(later[0])
        except Exception as error:  # no gradient, as of int8, or whatever else is raised
            reason = _first_line(error)
            return GradientLook(None, f"its gradient could not be looked at: {reason}")
        is_wrong = check is not None and not check.agrees
        module = look.module() if is_wrong else ""
    return GradientLook(check, look.said, module, n, look.edge)


@dataclass(frozen=True)
class _Probe:
    """What is looked at: the model in use at some points.

    inward: ``(batch, *shape)``, 1 or -1 at values that stay at the edge of the box, the way inside, else 0. edge: the share of values
    that were at it. exact: the model in float64, by itself and as it takes points. seeded: what each call runs in. summed: the losses of the
    examples hang together. size: of the largest logit. said: what was left out.
    """

    context: MeasureContext
    attacked: AttackedModel
    points: Tensor
    inward: Tensor
    edge: float
    targets: Tensor
    exact: tuple[nn.Module, nn.Module] | None
    seeded: Seeded
    summed: bool
    precision: str
    size: float
    said: str

    @classmethod
    def of(
        cls,
        context: MeasureContext,
        attacked: AttackedModel,
        points: Tensor,
        targets: Tensor,
        precision: str,
    ) -> _Probe:
        points, inward, edge = _placed(points, attacked.space)
        once = attacked.logits(points)
        alone = attacked.logits(points[:1].expand(2, *points.shape[1:]))[:1]
        seeded: Seeded = contextlib.nullcontext
        is_random = summed = False
        if _differ(once[:1], alone, 1e-4):  # random numbers, or the rest of the batch
            twice = attacked.logits(points)
            if is_random := _differ(once, twice, 1e-4):
                seeded = _same_numbers
                with seeded():
                    once = attacked.logits(points)
                with seeded():
                    twice = attacked.logits(points)
                if _differ(once, twice, 1e-4):
                    raise RuntimeError(
                        "its outputs differ between calls, whatever the generators' state"
                    )
            summed = is_random or _differ(once[:1], alone, 1e-2)
        exact, said = None, ""
        if is_random:
            said = "the model draws random numbers: it was given the same at every call"
        else:
            exact, said = _in_float64(context, attacked.space, points, once, SAME[precision])
        size = float(once.abs().amax().nan_to_num(0.0))
        where = (context, attacked, points, inward, edge)
        return cls(*where, targets, exact, seeded, summed, precision, size, said)

    def check(self, seed: int) -> GradientCheck | None:
        """Compare the gradient with differences; None where there is nothing to compare."""
        if not len(self.points):
            return None
        return check_gradient(
            self._value(self.attacked.seen),
            self.points,
            exact=None if self.exact is None else self._value(self.exact[1]),
            width=self.attacked.space.high - self.attacked.space.low,
            box=(self.attacked.space.low, self.attacked.space.high),
            reach=self._reach(),
            seed=seed,
            inward=self.inward,
            **self._arithmetic(),
        )

    def _reach(self) -> float:
        """Return how far each value may go in the largest ball, as a share of the width; 0 where the norm does not say."""
        options = self.context.options
        if not isinstance(options, BallOptions) or options.norm != "linf":
            return 0.0
        space = self.attacked.space
        return min(MOST, max(radius for _, radius in options.radii) / (space.high - space.low))

    def _arithmetic(self) -> dict[str, Any]:
        return {
            "far_tolerance": FAR_TOLERANCE[self.precision],
            "noise": ROUNDING[self.precision] * self.size,
            "exact_noise": torch.finfo(torch.float64).eps * self.size,
            "rough": self.precision != "fp32",
        }

    def module(self) -> str:
        """Return the name and class of the module that holds the fault."""
        model = self.context.model
        network = Network(model, self._loss(self.attacked.model, self.points))
        other = None
        if self.exact is not None:
            inside, seen = self.exact
            other = Network(inside, self._loss(seen, self.points.double()))
        name = find_faulty_module(network, other, **self._arithmetic())
        return f"{name or 'the model'} ({type(model.get_submodule(name)).__name__})"

    def _loss(self, model: nn.Module, points: Tensor) -> Callable[[], Tensor]:
        points, targets = points[:LOCATED], self.targets[:LOCATED]

        def losses() -> Tensor:
            with self.seeded(), differentiable_recurrence(model):
                return _losses(model(points), targets).sum()

        return losses

    def _value(self, model: nn.Module) -> Callable[[Tensor], Tensor]:
        """Return the losses ``(k, n)`` of points ``(k, n, *shape)``; ``(k, 1)`` where they hang together."""
        targets = self.targets

        def value(points: Tensor) -> Tensor:
            n = points.shape[1]
            parts = []
            at_once = 1 if self.summed else max(1, self.attacked.batch_size // n)
            for part in torch.split(points, at_once):
                with self.seeded(), differentiable_recurrence(model):
                    logits = model(part.flatten(0, 1))
                parts.append(_losses(logits, targets.repeat(len(part))).view(len(part), n))
            losses = torch.cat(parts)
            return losses.sum(1, keepdim=True) if self.summed else losses

        return value


def _losses(logits: Tensor, targets: Tensor) -> Tensor:
    logits = logits if logits.dtype == torch.float64 else logits.float()
    index = targets.long()[:, None]
    others = torch.logsumexp(logits.scatter(1, index, -torch.inf), 1)
    return others - logits.gather(1, index)[:, 0]


def _placed(points: Tensor, space: Space) -> tuple[Tensor, Tensor, float]:
    """Return points inside the box and off the kinks that equal or extreme values lie on, but for some at its edge.

    With the way inside of the values that stay there, and the share of all that were there.
    """
    width = space.high - space.low
    draw = torch.Generator().manual_seed(0)
    noise = (2 * torch.rand(points.shape, generator=draw) - 1).to(points)
    inside = space.low + MARGIN * width + (1 - 2 * MARGIN) * (points - space.low)
    low, high = points <= space.low, points >= space.high
    inward = _some(low, draw).to(points) - _some(high, draw).to(points)
    placed = torch.where(inward != 0, points, inside + MOVED * width * noise)
    return placed, inward, float((low | high).double().mean()) if len(points) else 0.0


def _some(chosen: Tensor, draw: torch.Generator) -> Tensor:
    """Return ``(n, *shape)`` bool: of each example's values an eighth of the chosen, or two, at random."""
    flat = chosen.flatten(1)
    count = flat.sum(1, keepdim=True)
    wanted = torch.maximum(STAYS * count, count.clamp(max=LEAST))
    order = torch.rand(flat.shape, generator=draw).to(flat.device).masked_fill(~flat, 2.0)
    return (order.argsort(1).argsort(1) < wanted).view_as(chosen) & chosen


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _differ(one: Tensor, other: Tensor, share: float) -> bool:
    spread = (one - one.mean(1, keepdim=True)).abs().amax().clamp_min(1e-30)
    return bool((one - other).abs().amax() > share * spread)


def _in_float64(
    context: MeasureContext, space: Space, points: Tensor, logits: Tensor, share: float
) -> tuple[tuple[nn.Module, nn.Module] | None, str]:
    """Return the model in float64, by itself and as it takes points; and why there is none."""

    try:
        copied = copy_in_float64(context.model)
        offset, scale = (
            None if one is None else one.double() for one in (space.offset, space.scale)
        )
        plain = Cast(copied, contextlib.nullcontext)
        exact = InSpace(plain, Space(space.low, space.high, offset, scale))
        with torch.no_grad(), differentiable_recurrence(exact):
            found = exact(points.double())
    except Exception as error:  # whatever code raises that relies on float32, such as torchao's
        return None, f"it cannot be cast to float64: {_first_line(error)}"
    if found.dtype != torch.float64:
        return None, f"it cannot be cast to float64: it returns {found.dtype} all the same"
    if _differ(logits.double(), found, share):
        return None, "cast to float64 it is another function"
    return (copied, exact), ""


@contextlib.contextmanager
def _same_numbers() -> Iterator[None]:
    """Let every generator begin where it began before."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    yield
