"""Accuracy that is proved, beside what attacks leave of it, and a check that no attack beats a certificate."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from harness.api import (
    Attack,
    Budget,
    DataError,
    Draws,
    Finding,
    MeasureContext,
    Metric,
    NotApplicable,
    Task,
)
from harness.api.measuring import LeftOut, call, derive, mark_doubtful, share_metric
from harness.api.reporting import counted
from harness_certified.interval import IntervalNetwork
from harness_certified.lipschitz import lipschitz_bound
from harness_certified.options import CertifiedOptions
from harness_certified.proofs import NORMS, Proof, Subjects, prove

Array = np.ndarray[Any, np.dtype[Any]]


def check(task: Task, model: nn.Module, options: CertifiedOptions) -> None:
    """Refuse a network that no method holds for, before it is trained.

    Raises:
        NotApplicable: None does; smoothing holds for every one.
    """
    reasons: dict[str, list[str]] = {}
    device = next((one.device for one in model.parameters()), torch.device("cpu"))
    point = torch.full((1, *task.input_shape), task.low, device=device)
    for method in options.methods:
        try:
            if method == "interval":
                target = torch.zeros(1, dtype=torch.long, device=point.device)
                IntervalNetwork(model).margins(point, target, 0.0, task.low, task.high)
            elif method == "lipschitz":
                lipschitz_bound(model, point)
            return
        except NotApplicable as reason:
            reasons.setdefault(str(reason), []).append(method)
    raise NotApplicable("; ".join(_left_out(reasons)))


def _left_out(reasons: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"{' and '.join(methods)} {'are' if len(methods) > 1 else 'is'} left out: {reason}"
        for reason, methods in reasons.items()
    ]


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `certified_accuracy` for each method and radius: the share that is right and proved to stay so.

    `attacked_accuracy` is what the attacks leave of the same examples at the same radii. Of smoothing there are besides
    `voted_accuracy`, without a radius, and `abstained`; of the Lipschitz bound `lipschitz`, in logits by unit of
    the data. Where an attack turns an answer that was proved, a finding says that no figure of that method may be
    believed, and marks them all; the attacks are of the model, whose perturbations the vote of smoothing is asked about too.

    Intervals are Wilson's, over examples. Kept for each example: `certified_<method>_<place>` and
    `attacked_<norm>_<place>`, by the place of the radius in the options.

    Raises:
        NotApplicable: No method holds for the network; of several those that do not are left out with a warning.
    """
    options = context.options
    assert isinstance(options, CertifiedOptions)
    if context.precision != "fp32":
        raise NotApplicable(
            f"proofs are of the model in fp32; the suite asks for {context.precision}"
        )
    subjects = _subjects(context, options)
    proofs: dict[str, Proof] = {}
    reasons: dict[str, list[str]] = {}
    for wanted in options.methods:
        try:
            proofs[wanted] = prove(wanted, context, options, subjects)
        except NotApplicable as reason:
            reasons.setdefault(str(reason), []).append(wanted)
    if not proofs:
        raise NotApplicable("; ".join(_left_out(reasons)))
    for words in _left_out(reasons):
        warnings.warn(words, LeftOut, stacklevel=1)
    kept: dict[str, Array] = {}
    metrics: list[Metric] = []
    for method, proof in proofs.items():
        metrics += _figures(method, proof, options, kept)
    findings: list[Finding] = []
    for norm in sorted({NORMS[method] for method in proofs}) if options.attack else ():
        against = {method: proof for method, proof in proofs.items() if NORMS[method] == norm}
        for place, (text, radius) in enumerate(options.radii(norm)):
            stays, points = _attack(
                context, options, Budget(norm, radius, *_box(context)), subjects
            )
            array = f"attacked_{norm}_{place}"
            kept[array] = stays.cpu().numpy()
            where = {"norm": norm, "epsilon": radius, "epsilon_text": text}
            metrics.append(share_metric("attacked_accuracy", kept[array], where, array))
            for which, proof in against.items():
                turned = _turned(proof, radius, stays, points)
                if count := int(turned.sum()):
                    findings.append(_beaten(which, norm, text, count))
    context.save_examples(ids=subjects.ids.cpu().numpy(), **kept)
    context.save_findings(findings)
    yield from mark_doubtful(metrics, findings)


def _turned(proof: Proof, radius: float, stays: Tensor, points: Tensor) -> Tensor:
    """Return which answers that were proved at a radius an attack in that ball has turned, ``(n,)``.

    Of another classifier than the model each example is asked once, at the largest radius at which it was proved,
    as every answer there takes as many passes as the proof.
    """
    proved = proof.stays[radius]
    if proof.turned is None:
        return proved & ~stays
    for larger, proved_there in proof.stays.items():
        proved = proved & ~proved_there if larger > radius else proved
    return proof.turned(points, proved)


def _box(context: MeasureContext) -> tuple[float, float]:
    return context.task.low, context.task.high


def _subjects(context: MeasureContext, options: CertifiedOptions) -> Subjects:
    """Return the first test examples, by id."""
    parts: list[tuple[Tensor, ...]] = []
    left = options.examples
    for batch in context.split("test").batches(options.batch_size):
        parts.append(tuple(part[:left] for part in batch))
        left -= len(parts[-1][0])
        if left <= 0:
            break
    if not parts:
        raise DataError("there are no examples of which something could be proved")
    inputs, targets, ids = (torch.cat(side) for side in zip(*parts, strict=True))
    with torch.inference_mode():
        right = context.model(inputs).argmax(1) == targets
    return Subjects(inputs, targets.long(), ids, right)


def _figures(
    method: str, proof: Proof, options: CertifiedOptions, kept: dict[str, Array]
) -> Iterator[Metric]:
    norm = NORMS[method]
    noise = {"sigma": options.sigma} if method == "smoothing" else {}
    for place, (text, radius) in enumerate(options.radii(norm)):
        name = f"certified_{method}_{place}"
        kept[name] = proof.stays[radius].cpu().numpy()
        where = {"method": method, "norm": norm, "epsilon": radius, "epsilon_text": text, **noise}
        yield share_metric("certified_accuracy", kept[name], where, name)
    for what, found in proof.facts.items():
        where = {"method": method, **noise}
        if isinstance(found, Tensor):
            kept[what] = found.cpu().numpy()
            yield share_metric(what, kept[what], where, what)
        else:
            yield Metric(name=what, value=found, where=where, exact=True)


def _attack(
    context: MeasureContext, options: CertifiedOptions, budget: Budget, subjects: Subjects
) -> tuple[Tensor, Tensor]:
    """Return which answers stay right under all attacks, ``(n,)``, and the points of the last one."""
    stays, points = subjects.right.clone(), subjects.inputs
    for name in options.attack:
        chosen = context.choose("attack", name)
        assert isinstance(chosen.item, Attack)
        if chosen.item.prepare is not None or budget.norm not in chosen.item.norms:
            raise NotApplicable(
                f"attack {name} cannot check a certificate in {budget.norm}: it needs another norm, or training examples"
            )
        found = [
            call(
                chosen.item.perturb,
                model=context.model,
                inputs=inputs,
                targets=targets,
                budget=budget,
                draws=Draws(derive(context.seed, "certified", name), ids),
                options=chosen.model(),
                batch_size=options.batch_size,
            ).detach()
            for inputs, targets, ids in zip(
                *(
                    torch.split(part, options.batch_size)
                    for part in (subjects.inputs, subjects.targets, subjects.ids)
                ),
                strict=True,
            )
        ]
        points = torch.cat(found)
        with torch.inference_mode():
            stays &= context.model(points).argmax(1) == subjects.targets
    return stays, points


def _beaten(method: str, norm: str, text: str, count: int) -> Finding:
    return Finding(
        code="certificate-beaten",
        sentence=f"An attack turned {counted(count, 'answer')} that {method} had proved to stay in {norm} {text}.",
        advice="Believe no certificate of this method for this network, and report the fault with the network: a proof "
        "or the model's arithmetic is wrong.",
        numbers={"turned": count},
        flag="an attack beat a certificate",
        where={"method": method},
    )
