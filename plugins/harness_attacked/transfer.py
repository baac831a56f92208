"""Adversarial examples made on one model and judged on another, for all pairs of models."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import Attack, FittedModel, MeasureContext, Metric, NotApplicable
from harness.api.measuring import Chosen, share_metric
from harness.api.reporting import counted
from harness_attacked.attack_choice import chunks, why_not
from harness_attacked.attack_preparation import Preparations
from harness_attacked.attack_space import Space, find_space
from harness_attacked.attacked_model import AttackedModel, attacked_model
from harness_attacked.options import TransferOptions

Array = np.ndarray[Any, Any]


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield, for each epsilon, the accuracy of each model on examples that were made on each model.

    On each source the examples that it classifies correctly are attacked, at each epsilon by itself,
    with draws that belong to the example; those that it gets wrong stay as they are. Each target,
    the source too, then judges all of them. Where an example is to fool others as well, an attack must not
    stop when its source is fooled; see `_made_on`. (An ensemble such as AutoAttack then costs its whole
    protocol on each example.)

    any_source_accuracy: the share of all examples that the target classifies correctly as they are and as
    each source made them; where the target's own gradient is wrong, the sources whose gradients are right decide it.
    transfer_accuracy: the share of all examples that the target classifies correctly as they are and
    as the source made them; where source and target are one, robust accuracy. transfer_rate: of the
    examples that both classify correctly as they are and that fool the source, the share that fools
    the target as well; there is none where no such example exists. clean_accuracy: of each target, on
    the same examples. All have a Wilson interval.

    One model is in memory at a time, and of the examples so many as fit into half a gigabyte with all
    that is made of them.

    Per example are kept, models numbered from 0 in the order of `context.fits`: `correct_<t>` and
    `stands_<k>_<s>_<t>`, at the k-th epsilon made on s and correct on t before and after, and `stands_<k>_<t>` of all s.

    Raises:
        NotApplicable: The attack is not defined for the norm, or not for such data.
        PluginError: The attack left the budget.
    """
    options = context.options
    assert isinstance(options, TransferOptions)
    attack = context.choose("attack", options.attack)
    if reason := why_not(context, attack, options.norm):
        raise NotApplicable(reason)
    space = find_space(context)
    ids: list[Tensor] = []
    clean: list[Tensor] = []  # (models, batch)
    robust: list[Tensor] = []  # (epsilons, sources, targets, batch)
    copies = 1 + len(context.fits) * len(options.radii)
    prepared = [Preparations(context, space, options) for _ in context.fits]
    for inputs, targets, batch_ids in chunks(context, options, copies):
        examples = (space.encode(inputs), targets, batch_ids)
        correct, verdicts = _judge(context, options, attack, space, prepared, *examples)
        ids.append(batch_ids.cpu())
        clean.append(correct.cpu())
        robust.append(verdicts.cpu())
    order = torch.cat(ids).argsort()
    before = torch.cat(clean, dim=1)[:, order].numpy()
    after = torch.cat(robust, dim=3)[..., order].numpy() & before[None, None]
    kept = {f"correct_{t}": row for t, row in enumerate(before)}
    kept |= {f"stands_{k}_{s}_{t}": after[k, s, t] for k, s, t in np.ndindex(after.shape[:3])}
    worst = after.all(axis=1)
    kept |= {f"stands_{k}_{t}": worst[k, t] for k, t in np.ndindex(worst.shape[:2])}
    context.save_examples(ids=torch.cat(ids)[order].numpy(), **kept)
    yield from _metrics(context.fits, options, attack.label, before, after)


def _metrics(
    fits: Sequence[FittedModel],
    options: TransferOptions,
    attack: str,
    before: Array,
    after: Array,
) -> Iterator[Metric]:
    """Yield the metrics of verdicts ``(models, n)`` and ``(epsilons, sources, targets, n)``."""
    for t, fit in enumerate(fits):
        yield share_metric("clean_accuracy", before[t], _named("target", fit), f"correct_{t}")
    ball = [
        {"attack": attack, "norm": options.norm, "epsilon": epsilon, "epsilon_text": text}
        for text, epsilon in options.radii
    ]
    for (k, there), t in itertools.product(enumerate(ball), range(len(fits))):
        where = {**_named("target", fits[t]), **there}
        yield share_metric(
            "any_source_accuracy", np.asarray(after[k, :, t].all(axis=0)), where, f"stands_{k}_{t}"
        )
    for (k, there), s, t in itertools.product(enumerate(ball), range(len(fits)), range(len(fits))):
        where = {**_named("source", fits[s]), **_named("target", fits[t]), **there}
        yield share_metric("transfer_accuracy", after[k, s, t], where, f"stands_{k}_{s}_{t}")
        fooling = before[s] & before[t] & ~after[k, s, s]
        if s != t and fooling.any():
            yield share_metric("transfer_rate", ~after[k, s, t, fooling], where)


def _named(role: str, fit: FittedModel) -> dict[str, object]:
    recipe = {f"{role}_recipe": fit.recipe} if fit.recipe else {}
    return {role: fit.architecture, **recipe}


def _said(fit: FittedModel) -> str:
    return f"{fit.architecture} {fit.recipe}".strip()


def _judge(
    context: MeasureContext,
    options: TransferOptions,
    attack: Chosen,
    space: Space,
    prepared: Sequence[Preparations],
    points: Tensor,
    targets: Tensor,
    ids: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return which are correct as they are ``(models, batch)``, and as each source made it
    ``(epsilons, sources, targets, batch)``.
    """
    eager = options.model_copy(update={"compile": False})  # a few forward passes

    def make(fit: FittedModel, before: Preparations) -> tuple[Tensor, list[Tensor]]:
        print(
            f"{counted(len(points), 'example')} made on {_said(fit)}", flush=True
        )  # for the job's log
        with attacked_model(context, space, options, fit.load(), before) as source:
            right = source.correct(points, targets)
            given = (right, points, targets, ids)
            radii = options.radii
            return right, [_made_on(source, attack, options.norm, e, *given) for _, e in radii]

    def judge(fit: FittedModel, made: Sequence[Sequence[Tensor]]) -> Tensor:
        print(f"judged on {_said(fit)}", flush=True)
        with attacked_model(context, space, eager, fit.load()) as target:
            rows = [torch.stack([target.correct(one, targets) for one in row]) for row in made]
            return torch.stack(rows)  # (sources, epsilons, batch)

    correct, made = zip(*map(make, context.fits, prepared), strict=True)
    verdicts = torch.stack([judge(fit, made) for fit in context.fits])
    return torch.stack(correct), verdicts.permute(2, 1, 0, 3)


def _made_on(
    source: AttackedModel,
    attack: Chosen,
    norm: str,
    epsilon: float,
    right: Tensor,
    points: Tensor,
    targets: Tensor,
    ids: Tensor,
) -> Tensor:
    """Return points ``(batch, *shape)`` as an attack on a source, correct on those of `right`, made them.

    What fools the source at first lies just beyond its boundary, on the near side of others'. So what is
    fooled is attacked once more until the attack's steps are used up, as far as the attack lets its caller
    judge, and the new point counts where it fools the source as well. Who fools the source stays the same.
    Demontis et al. 2019, arXiv:1809.02861, say why: confidence transfers, the least distance does not.
    """
    if not right.any():
        return points
    assert isinstance(attack.item, Attack)
    budget = source.budget(norm, epsilon)
    given = points[right], targets[right], ids[right]
    found = source.attack(attack, budget, *given)
    (fooled,) = (~source.correct(found, given[1])).nonzero(as_tuple=True)
    if len(fooled) and not attack.item.minimum_norm:
        again = [one[fooled] for one in given]
        further = source.attack(attack, budget, *again, to_the_end=True)
        still = ~source.correct(further, again[1])
        found[fooled[still]] = further[still]
    perturbed = points.clone()
    perturbed[right] = found
    return perturbed
