"""Accuracy under attack."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from harness.api import (
    Attack,
    Budget,
    Chosen,
    DataError,
    Draws,
    MeasureContext,
    Metric,
    NotApplicable,
    PluginError,
    call,
    derive,
    wilson,
)
from harness_measures.options import AdversarialOptions

Array = np.ndarray[Any, Any]

WORST_CASE = "worst case"


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield clean accuracy and, for each epsilon, robust accuracy under each attack and under all.

    Robust accuracy divides by all examples: one that is wrong before any attack counts as broken.
    The worst case is point-wise: an example stands if no attack broke it. Every verdict comes from
    a forward pass of its own, after a check that the attack kept to the ball and the box. Attacks
    see the examples that are clean-correct, with draws that belong to the example.

    Per example are kept: `clean_correct`, `robust_<k>` (worst case at the k-th epsilon, from 0) and
    `robust_<k>_<a>` (the a-th attack that was run).

    Raises:
        NotApplicable: No attack of the list is defined for the norm; one that is not is left out
            with a warning.
        PluginError: An attack left the budget.
    """
    options = context.options
    assert isinstance(options, AdversarialOptions)
    attacks = _choose_attacks(context, options)
    radii = options.radii
    wanted = _first_ids(context, options)

    ids: list[torch.Tensor] = []
    clean: list[torch.Tensor] = []
    stands: list[torch.Tensor] = []  # (epsilons, attacks, batch)
    for inputs, targets, batch_ids in context.split("test").batches(options.batch_size):
        chosen = torch.isin(batch_ids, wanted.to(batch_ids.device))
        if not chosen.any():
            continue
        inputs, targets, batch_ids = inputs[chosen], targets[chosen], batch_ids[chosen]
        correct = _verdict(context, inputs, targets)
        table = torch.zeros(
            len(radii), len(attacks), len(inputs), dtype=torch.bool, device=inputs.device
        )
        if correct.any():
            for k, (_, epsilon) in enumerate(radii):
                budget = Budget(options.norm, epsilon, context.task.low, context.task.high)
                for a, attack in enumerate(attacks):
                    table[k, a, correct] = _withstands(
                        context,
                        attack,
                        budget,
                        inputs[correct],
                        targets[correct],
                        batch_ids[correct],
                    )
        ids.append(batch_ids.cpu())
        clean.append(correct.cpu())
        stands.append(table.cpu())

    order = torch.cat(ids).argsort()
    verdicts = torch.cat(stands, dim=2)[:, :, order].numpy()
    clean_correct = torch.cat(clean)[order].numpy()
    _save(context, torch.cat(ids)[order].numpy(), clean_correct, verdicts)
    yield _metric(
        "clean_accuracy",
        clean_correct,
        {"norm": options.norm, "epsilon": 0.0, "epsilon_text": "0"},
    )
    for k, (text, epsilon) in enumerate(radii):
        where = {"norm": options.norm, "epsilon": epsilon, "epsilon_text": text}
        for a, attack in enumerate(attacks):
            yield _metric("robust_accuracy", verdicts[k, a], {"attack": attack.label, **where})
        yield _metric("robust_accuracy", verdicts[k].all(axis=0), {"attack": WORST_CASE, **where})


def _choose_attacks(context: MeasureContext, options: AdversarialOptions) -> list[Chosen]:
    """Return the attacks that make sense here; warn of the others."""
    attacks, reasons = [], []
    for name in options.attacks:
        chosen = context.choose("attack", name)
        item = chosen.item
        assert isinstance(item, Attack)
        if options.norm not in item.norms:
            reasons.append(
                f"attack {chosen.label} is not defined for {options.norm}; "
                f"it is for {', '.join(item.norms)}"
            )
        elif context.task.modality not in item.takes:
            reasons.append(
                f"attack {chosen.label} takes {', '.join(item.takes)}, not {context.task.modality}"
            )
        else:
            attacks.append(chosen)
    if not attacks:
        raise NotApplicable("; ".join(reasons))
    for reason in reasons:
        warnings.warn(f"left out: {reason}", stacklevel=1)
    return attacks


def _first_ids(context: MeasureContext, options: AdversarialOptions) -> torch.Tensor:
    """Return the ids of the test examples to attack: all, or the lowest so many."""
    batches = context.split("test").batches(options.batch_size)
    ids = [batch_ids.cpu() for _, _, batch_ids in batches]
    if sum(map(len, ids)) == 0:
        raise DataError("the test split is empty; there is nothing to attack")
    return torch.cat(ids).sort().values[: options.examples]


def _verdict(context: MeasureContext, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return ``(batch,)`` bool: classified correctly, by finite logits."""
    with torch.inference_mode(), context.autocast():
        logits: torch.Tensor = context.model(inputs).float()
        return (logits.argmax(1) == targets) & logits.isfinite().all(1)


def _withstands(
    context: MeasureContext,
    attack: Chosen,
    budget: Budget,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    ids: torch.Tensor,
) -> torch.Tensor:
    """Return ``(batch,)`` bool: still correct after the attack."""
    assert isinstance(attack.item, Attack)
    with context.autocast():
        perturbed = call(
            attack.item.perturb,
            model=context.model,
            inputs=inputs,
            targets=targets,
            budget=budget,
            draws=Draws(derive(context.seed, "attack", attack.label), ids),
            options=attack.model(),
        )
    check_inside(attack.label, inputs, perturbed, budget)
    return _verdict(context, inputs=perturbed.detach(), targets=targets)


def check_inside(label: str, inputs: torch.Tensor, perturbed: torch.Tensor, budget: Budget) -> None:
    """Check that an attack kept to the ball and the box, up to the rounding of float32.

    Raises:
        PluginError: It did not; the message names it.
    """
    if perturbed.shape != inputs.shape:
        raise PluginError(
            f"attack {label} returned the shape {tuple(perturbed.shape)} "
            f"for inputs of {tuple(inputs.shape)}"
        )
    if not perturbed.isfinite().all():
        raise PluginError(f"attack {label} returned values that are not finite")
    rounding = 2.5e-7 * max(abs(budget.low), abs(budget.high))  # two units in the last place
    outside = torch.maximum(budget.low - perturbed, perturbed - budget.high).amax()
    if outside > rounding:
        raise PluginError(
            f"attack {label} left the box [{budget.low:g}, {budget.high:g}] by {outside:.3g}"
        )
    coordinates = inputs[0].numel()
    spread = {"linf": 1.0, "l2": math.sqrt(coordinates), "l1": coordinates, "l0": 0.0}
    allowed = budget.epsilon * (1 + 1e-5) + rounding * spread[budget.norm]
    largest = budget.size(perturbed - inputs).amax()
    if largest > allowed:
        raise PluginError(
            f"attack {label} left the {budget.norm} ball: a perturbation has the norm "
            f"{largest:.6g}, and epsilon is {budget.epsilon:.6g}"
        )


def _save(context: MeasureContext, ids: Array, clean: Array, verdicts: Array) -> None:
    kept: dict[str, Array] = {}
    for k, attacks in enumerate(verdicts):
        kept[f"robust_{k}"] = attacks.all(axis=0)
        kept |= {f"robust_{k}_{a}": stands for a, stands in enumerate(attacks)}
    context.save_examples(ids=ids, clean_correct=clean, **kept)


def _metric(name: str, stands: Array, where: dict[str, object]) -> Metric:
    share, n = float(stands.mean()), len(stands)
    low, high = wilson(share, n)
    return Metric(name=name, value=share, unit="fraction", low=low, high=high, n=n, where=where)
