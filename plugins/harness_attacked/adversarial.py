"""Accuracy under attack."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from harness.api import Attack, MeasureContext, Metric, NotApplicable
from harness.api.measuring import Chosen, LeftOut, median_metric, share_metric
from harness_attacked.attack_choice import chunks, why_not
from harness_attacked.attack_space import find_space
from harness_attacked.attacked_model import attacked_model, goes_up
from harness_attacked.audit import Audit, flag
from harness_attacked.gallery import GalleryWriter
from harness_attacked.instead import Contender, add_contenders
from harness_attacked.options import AdversarialOptions
from harness_attacked.proved import Prover
from harness_attacked.shown import WORST_CASE
from harness_attacked.under_attack import AttackedExamples, attack_examples

Array = np.ndarray[Any, Any]


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield clean accuracy and, for each epsilon, robust accuracy under each attack and under all.

    Robust accuracy divides by all examples: one that is wrong before any attack counts as broken.
    The worst case is point-wise: an example is robust if no attack fooled it. Every verdict comes from
    a forward pass of its own, after a check that the attack kept to the ball and the box. Attacks
    see the examples that are clean-correct, with draws that belong to the example.

    An attack that looks for the nearest perturbation runs once for all epsilons and yields
    `median_distance` too, over all examples: 0 for one that is wrong already, infinite where none was
    found. The others go up from the smallest epsilon with the examples that stand; see `attack_examples`.

    An example of another problem than classification counts as right while `Problem.fooled` says that an adversary has not what it wants
    of it: of a mask, that the mean IoU of its classes is below a half. Its figures are not audited.

    Images and texts are attacked in data space, texts by whole edits. In a sequence or a table an epsilon is a share of each
    feature's range in the data; see `find_space`.

    With `options.skip_certified` an example that a certificate proves to stand in a ball is not attacked there, except by attacks that
    look for the nearest perturbation; `proved_accuracy` says of which share of all examples that is so.

    Per example are kept: `clean_correct`, `robust_<k>` (worst case at the k-th epsilon, from 0),
    `robust_<k>_<a>` (the a-th attack that was run), `proved_<k>` and `distance_<a>` of a minimum-norm attack. Pictures of
    a few fooled examples of each attack are kept beside; see `GalleryWriter`. What makes the figures doubtful is
    kept in words, and flags those that it concerns; see `audit`. Where the gradient is not the model's own, attacks
    that do not rely on it are added, and count in the worst case; see `add_contenders`.

    Raises:
        NotApplicable: No attack of the list is defined for the norm; one that is not is left out
            with a warning.
        PluginError: An attack left the budget.
    """
    options = context.options
    assert isinstance(options, AdversarialOptions)
    attacks = _choose_attacks(context, options)
    radii = options.radii
    space = find_space(context)

    headline = context.task.problem_item
    if headline.tally is not None and headline.sum_up is not None and headline.fooled is not None:
        warnings.warn(
            f"{headline.headline} under attack is left out: an attack stops at an example as soon as the adversary has what it wants "
            "of it, so what is left there says how early it stopped, and not what the worst perturbation does",
            LeftOut,
            stacklevel=1,
        )
    epsilons = [epsilon for _, epsilon in radii]
    ids: list[torch.Tensor] = []
    clean: list[torch.Tensor] = []
    robust: list[torch.Tensor] = []  # (epsilons, attacks, batch)
    distances: list[torch.Tensor] = []  # (attacks, batch)
    proofs: list[torch.Tensor] = []  # (epsilons, batch)
    contenders: list[Contender] = []
    given = len(attacks)
    with attacked_model(context, space, options, context.model) as attacked:
        task = context.task  # the audit knows how to look at classes of real numbers
        known = task.problem_item.default and task.modality_item.input_type == "float32"
        audit = Audit(context, options, attacks, attacked) if options.audit and known else None
        prover = Prover(context, options, attacked)
        copies = len(radii) if any(goes_up(attack) for attack in attacks) else 1
        for inputs, targets, batch_ids in chunks(context, options, copies):
            points = space.encode(inputs)
            correct = attacked.correct(points, targets)
            if audit:
                audit.see(inputs, points, targets, batch_ids, correct)
            if not contenders:
                contenders = [Contender(attack, attacked) for attack in attacks]
                if audit and audit.gradient.is_wrong:
                    contenders += add_contenders(
                        context, options, attacks, attacked, points, targets
                    )
                attacks = [one.attack for one in contenders]
                gallery = GalleryWriter(context, options, attacks, attacked)
                witness = _show((gallery, audit) if audit else (gallery,))
            shape = (len(radii), len(contenders), len(points))
            table = torch.zeros(shape, dtype=torch.bool, device=points.device)
            distance = torch.zeros(shape[1:], device=points.device)
            examples = (points[correct], targets[correct], batch_ids[correct])
            stays = torch.zeros(len(radii), len(points), dtype=torch.bool, device=points.device)
            if prover:
                stays[:, correct] = prover.prove(*examples[:2])
            for a, one in enumerate(contenders if correct.any() else ()):
                found = attack_examples(
                    one.attacked,
                    one.attack,
                    options.norm,
                    epsilons,
                    *examples,
                    witness,
                    stays[:, correct],
                )
                table[:, a, correct] = found.robust
                if found.distance is not None:
                    distance[a, correct] = found.distance.float()
            ids.append(batch_ids.cpu())
            clean.append(correct.cpu())
            robust.append(table.cpu())
            distances.append(distance.cpu())
            proofs.append(stays.cpu())
        gallery.save()
        order = torch.cat(ids).argsort()
        verdicts = torch.cat(robust, dim=2)[:, :, order].numpy()
        added = [attack.label for attack in attacks[given:]]
        findings = audit.findings(verdicts, added) if audit else []

    clean_correct = torch.cat(clean)[order].numpy()
    nearest = {
        a: torch.cat(distances, dim=1)[a, order].numpy()
        for a, attack in enumerate(attacks)
        if isinstance(attack.item, Attack) and attack.item.minimum_norm
    }
    proved = torch.cat(proofs, dim=1)[:, order].numpy() if prover else None
    _save(context, torch.cat(ids)[order].numpy(), clean_correct, verdicts, nearest, proved)
    if audit:
        context.save_findings(findings)
    yield from flag(_metrics(options, attacks, clean_correct, verdicts, nearest, proved), findings)


def _metrics(
    options: AdversarialOptions,
    attacks: Sequence[Chosen],
    clean_correct: Array,
    verdicts: Array,
    nearest: Mapping[int, Array],
    proved: Array | None,
) -> Iterator[Metric]:
    """Yield the metrics of verdicts ``(epsilons, attacks, n)``, the nearest distances of attacks, and proofs ``(epsilons, n)``."""
    yield share_metric(
        "clean_accuracy",
        clean_correct,
        {"norm": options.norm, "epsilon": 0.0, "epsilon_text": "0"},
        "clean_correct",
    )
    for k, (text, epsilon) in enumerate(options.radii):
        where = {"norm": options.norm, "epsilon": epsilon, "epsilon_text": text}
        for a, attack in enumerate(attacks):
            holds = {"attack": attack.label, **where}
            yield share_metric("robust_accuracy", verdicts[k, a], holds, f"robust_{k}_{a}")
        if proved is not None:
            yield share_metric("proved_accuracy", proved[k], where, f"proved_{k}")
        worst, holds = verdicts[k].all(axis=0), {"attack": WORST_CASE, **where}
        yield share_metric("robust_accuracy", worst, holds, f"robust_{k}")
    for a, sizes in nearest.items():
        yield median_metric(
            "median_distance",
            sizes.tolist(),
            "",
            {"attack": attacks[a].label, "norm": options.norm},
        )


def _show(
    witnesses: Sequence[Callable[[AttackedExamples], None]],
) -> Callable[[AttackedExamples], None]:
    """Return a witness that passes what it is given to others."""

    def show(outcome: AttackedExamples) -> None:
        for witness in witnesses:
            witness(outcome)

    return show


def _choose_attacks(context: MeasureContext, options: AdversarialOptions) -> list[Chosen]:
    """Return the attacks that make sense here; warn of the others."""
    attacks: list[Chosen] = []
    reasons: list[str] = []
    for name in options.attacks:
        chosen = context.choose("attack", name)
        reason = why_not(context, chosen, options.norm)
        if chosen.label in (attack.label for attack in attacks):
            reason = f"attack {chosen.label} is given twice"
        if reason:
            reasons.append(reason)
        else:
            attacks.append(chosen)
    if not attacks:
        raise NotApplicable("; ".join(reasons))
    for reason in reasons:
        warnings.warn(f"left out: {reason}", LeftOut, stacklevel=1)
    return attacks


def _save(
    context: MeasureContext,
    ids: Array,
    clean: Array,
    verdicts: Array,
    nearest: Mapping[int, Array],
    proved: Array | None,
) -> None:
    kept = {f"distance_{a}": found for a, found in nearest.items()}
    kept |= {f"proved_{k}": row for k, row in enumerate(() if proved is None else proved)}
    for k, attacks in enumerate(verdicts):
        kept[f"robust_{k}"] = attacks.all(axis=0)
        kept |= {f"robust_{k}_{a}": robust for a, robust in enumerate(attacks)}
    context.save_examples(ids=ids, clean_correct=clean, **kept)
