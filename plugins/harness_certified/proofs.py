"""What each method proves of examples, at each radius that is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from harness.api import MeasureContext
from harness_certified.interval import IntervalNetwork
from harness_certified.lipschitz import lipschitz_bound
from harness_certified.network import refuse_another
from harness_certified.options import CertifiedOptions
from harness_certified.smoothing import ABSTAINS, Smoothed, Voted

NORMS = {"interval": "linf", "lipschitz": "l2", "smoothing": "l2"}
ABOVE_ROUNDING = 1e-9  # a lead in float64 that counts as proved


@dataclass(frozen=True)
class Subjects:
    """The examples of which something is to be proved.

    inputs: ``(n, *shape)``. targets, ids: ``(n,)``. right: ``(n,)`` bool, the model's own answer.
    """

    inputs: Tensor
    targets: Tensor
    ids: Tensor
    right: Tensor


@dataclass(frozen=True)
class Proof:
    """What a method proved.

    stays: for each radius ``(n,)`` bool, the answer is right and proved to stay so. facts: further figures, by
        name: of examples ``(n,)``, or one number. turned: whether an answer at other points ``(n, *shape)`` is surely
        another than the proved one, ``(n,)``, for a method that proves something of another classifier than the
        model; None of the model itself.
    """

    stays: Mapping[float, Tensor]
    facts: Mapping[str, Tensor | float] = field(default_factory=dict)
    turned: Callable[[Tensor, Tensor], Tensor] | None = None


def prove(
    method: str, context: MeasureContext, options: CertifiedOptions, subjects: Subjects
) -> Proof:
    """Return what a method proves.

    Raises:
        NotApplicable: It does not hold for the network.
    """
    prover = {"interval": _by_intervals, "lipschitz": _by_speed, "smoothing": _by_votes}[method]
    return prover(context, options, subjects)


def _by_intervals(context: MeasureContext, options: CertifiedOptions, subjects: Subjects) -> Proof:
    network, task = IntervalNetwork(context.model), context.task
    refuse_another(context.model, subjects.inputs[: options.batch_size])
    stays: dict[float, Tensor] = {}
    for _, radius in options.radii("linf"):
        margins = [
            network.margins(inputs, targets, radius, task.low, task.high)
            for inputs, targets in zip(
                torch.split(subjects.inputs, options.batch_size),
                torch.split(subjects.targets, options.batch_size),
                strict=True,
            )
        ]
        stays[radius] = (torch.cat(margins) > ABOVE_ROUNDING) & subjects.right
    return Proof(stays)


def _by_speed(context: MeasureContext, options: CertifiedOptions, subjects: Subjects) -> Proof:
    speed = lipschitz_bound(context.model, subjects.inputs[:1])
    refuse_another(context.model, subjects.inputs[: options.batch_size])
    with torch.inference_mode():
        logits = context.model(subjects.inputs).double()
    own = logits.gather(1, subjects.targets[:, None])[:, 0]
    others = logits.scatter(1, subjects.targets[:, None], -math.inf).amax(1)
    reach = (own - others - ABOVE_ROUNDING) / (math.sqrt(2) * speed)
    stays = {radius: (reach > radius) & subjects.right for _, radius in options.radii("l2")}
    return Proof(stays, {"lipschitz": speed})


def _by_votes(context: MeasureContext, options: CertifiedOptions, subjects: Subjects) -> Proof:
    smoothed = Smoothed(context.model, options, context.task.outputs, context.seed)

    def certify(points: Tensor) -> list[Voted]:
        with torch.inference_mode():
            return [
                smoothed.certify(example, int(name))
                for example, name in zip(points, subjects.ids, strict=True)
            ]

    voted = certify(subjects.inputs)
    device = subjects.inputs.device
    answers = torch.tensor([one.answer for one in voted], device=device)
    reach = torch.tensor([one.radius for one in voted], device=device)
    right = answers == subjects.targets

    def turned(points: Tensor, asked: Tensor) -> Tensor:
        found = torch.zeros_like(asked)
        for place in asked.nonzero()[:, 0].tolist():
            with torch.inference_mode():
                again = smoothed.certify(points[place], int(subjects.ids[place]))
            found[place] = again.answer not in (ABSTAINS, int(answers[place]))
        return found

    return Proof(
        {radius: right & (reach > radius) for _, radius in options.radii("l2")},
        {"voted_accuracy": right, "abstained": answers == ABSTAINS},
        turned,
    )
