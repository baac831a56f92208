"""Out-of-distribution detection: which scores tell test examples from examples of another kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.api import DataError, Finding, MeasureContext, Metric, NotApplicable
from harness.api.measuring import HeadInputs, copy_model, find_linear_head
from harness.api.reporting import list_some
from harness_uncertainty.feature_scores import Known, Score, knn, mahalanobis, vim
from harness_uncertainty.odin import perturbed_logits
from harness_uncertainty.ood_rates import RATES, DetectionRates, mean_rates, rate
from harness_uncertainty.ood_scores import OF_LOGITS, msp
from harness_uncertainty.ood_sets import NEAR, Outside, outside_sets
from harness_uncertainty.options import OodOptions

Array = np.ndarray[Any, Any]
SHARES = "a set that should lie outside the data has classes of the data"
OF_FEATURES = ("mahalanobis", "knn", "vim")


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield AUROC, AUPR both ways and FPR95 of each score against each set, and their means over far and near sets.

    Positives of `ood_aupr_in` are the test examples, of `ood_aupr_out` the others; FPR95 is the share of the others
    that passes where 95 % of the test examples do. Intervals are of the bootstrap over examples of both sorts.
    Training examples fit the scores from features; of many, `training` with the smallest ids. Nothing is tuned on
    the sets. Examples whose outputs are not finite are left out.

    Raises:
        NotApplicable: Only scores from features are asked for, and the model does not end in a linear layer. Or the
            data has one class.
        DataError: No test example has finite outputs.
    """
    options = context.options
    assert isinstance(options, OodOptions)
    if context.task.outputs < 2:
        raise NotApplicable("scores of logits take two classes or more, and this data has one")
    sets = list(outside_sets(context, options))
    findings: list[Finding] = []
    scorer, scores = _prepare(context, options, findings)
    inside = scorer.scores(
        inputs for inputs, _, _ in context.split("test").batches(options.batch_size)
    )
    if not len(inside["msp"]):
        raise DataError("there are no test examples for which the model's outputs are finite")
    found: dict[tuple[str, str], list[DetectionRates]] = {}
    doubtful: set[str] = set()
    for outside in sets:
        others = scorer.scores(outside.batches(options.batch_size))
        n = len(others["msp"])
        if not n:
            findings.append(_nothing_finite(outside))
            continue
        if outside.shared:
            findings.append(_shares_classes(outside))
            doubtful.add(outside.sort)
        flag = {"flag": SHARES} if outside.shared else {}
        for name in scores:
            rates = rate(inside[name], others[name])
            found.setdefault((name, outside.sort), []).append(rates)
            where = {"score": name, "against": outside.name, **flag}
            yield from _metrics("ood_{}", rates, where, n)
        findings += _sure_of_others(outside, rate(inside["msp"], others["msp"]), n)
    for (name, sort), rates_of in found.items():
        yield from _metrics(
            "mean_ood_{}",
            mean_rates(rates_of),
            {"score": name, "nearness": sort} | ({"flag": SHARES} if sort in doubtful else {}),
            len(inside["msp"]),
        )
    context.save_findings(findings)


def _metrics(
    pattern: str, rates: DetectionRates, where: dict[str, Any], n: int
) -> Iterator[Metric]:
    ends = rates.interval()
    for at, name in enumerate(RATES):
        yield Metric(
            name=pattern.format(name),
            value=float(rates.values[at]),
            unit="fraction",
            low=float(ends[0, at]),
            high=float(ends[1, at]),
            n=n,
            where=where,
        )


def _prepare(
    context: MeasureContext, options: OodOptions, findings: list[Finding]
) -> tuple[Scorer, tuple[str, ...]]:
    """Return what scores examples, and the names of the scores that the model has."""
    wanted = [name for name in options.scores if name in OF_FEATURES]
    epsilon = options.odin_epsilon * (context.task.high - context.task.low)
    scorer = Scorer(context, context.model, epsilon if "odin" in options.scores else None)
    if not wanted:
        return scorer, options.scores
    model = copy_model(context.model)
    first = next(context.split("test").batches(4))[0]
    layer = find_linear_head(model, first)
    if layer is None:
        left = tuple(name for name in options.scores if name not in OF_FEATURES)
        reason = (
            f"the scores {', '.join(wanted)} are of the features that the linear layer at a model's end is given, and "
            f"the outputs of this model are no linear layer's"
        )
        if not left:
            raise NotApplicable(reason)
        findings.append(
            Finding(
                code="no-linear-head",
                sentence=f"Left out: {reason}.",
                advice="Take scores of the logits, such as energy.",
            )
        )
        return scorer, left
    scorer = replace(scorer, model=model, features=HeadInputs(layer))
    known = _known(scorer, context, options)
    makers = {
        "mahalanobis": mahalanobis,
        "knn": lambda one: knn(one, options.neighbours),
        "vim": vim,
    }
    return replace(scorer, fitted={name: makers[name](known) for name in wanted}), options.scores


def _known(scorer: Scorer, context: MeasureContext, options: OodOptions) -> Known:
    """Run the model over training examples, of many over those with the smallest ids."""
    train = context.split("train")
    parts: list[tuple[Array, Array, Array]] = []
    ids = torch.cat([found for _, _, found in train.batches(options.batch_size)])
    last = ids.sort().values[min(options.training, len(ids)) - 1]
    for inputs, targets, found in train.batches(options.batch_size):
        chosen = found <= last
        if bool(chosen.any()):
            logits, features = scorer.forward(inputs[chosen])
            parts.append((features, logits, targets[chosen].cpu().numpy()))
    features, logits, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    finite = np.isfinite(logits).all(axis=1) & np.isfinite(features).all(axis=1)
    if not finite.any():
        raise DataError("there are no training examples for which the model's outputs are finite")
    assert scorer.features is not None
    layer = scorer.features.layer
    bias = np.zeros(logits.shape[1]) if layer.bias is None else _array(layer.bias)
    return Known(features[finite], logits[finite], labels[finite], _array(layer.weight), bias)


@dataclass(frozen=True)
class Scorer:
    """Scores examples, each batch in one forward pass; ODIN takes two more.

    features: what keeps the penultimate features of `model`, a copy then. fitted: the scores from them.
    odin_epsilon: in the unit of the data; None leaves ODIN out.
    """

    context: MeasureContext
    model: torch.nn.Module
    odin_epsilon: float | None
    features: HeadInputs | None = None
    fitted: dict[str, Score] | None = None

    def forward(self, inputs: Tensor) -> tuple[Array, Array]:
        """Return logits ``(batch, classes)`` and features ``(batch, size)`` in float64; of size 0 without any."""
        with torch.inference_mode(), self.context.autocast():
            logits = _array(self.model(inputs))
        kept = self.features
        return logits, np.zeros((len(logits), 0)) if kept is None else _array(kept.last)

    def scores(self, batches: Iterable[Tensor]) -> dict[str, Array]:
        """Return each score ``(examples,)`` of the examples whose outputs are finite."""
        found: dict[str, list[Array]] = {}
        for inputs in batches:
            logits, features = self.forward(inputs)
            every = {"logits": logits, "features": features}
            if self.odin_epsilon is not None:
                with self.context.autocast():
                    every["odin"] = _array(perturbed_logits(self.model, inputs, self.odin_epsilon))
            finite = np.all([np.isfinite(one).all(axis=1) for one in every.values()], axis=0)
            logits, features = logits[finite], features[finite]
            here = {name: score(logits) for name, score in OF_LOGITS.items()}
            if "odin" in every:
                here["odin"] = msp(every["odin"][finite])
            for name, fitted in (self.fitted or {}).items():
                here[name] = fitted(features, logits)
            for name, values in here.items():
                found.setdefault(name, []).append(values)
        return {name: np.concatenate(values) for name, values in found.items()}


def _array(tensor: Tensor) -> Array:
    return tensor.detach().double().cpu().numpy()


def _nothing_finite(outside: Outside) -> Finding:
    return Finding(
        code="nonfinite-outputs",
        sentence=f"No example of the set {outside.name} has finite outputs; it has no figures.",
        advice="See why the model's outputs overflow there.",
    )


def _shares_classes(outside: Outside) -> Finding:
    return Finding(
        code="shares-classes",
        sentence=f"The {outside.sort} set {outside.name} has examples of {list_some(outside.shared)}, by name "
        f"{'a class' if len(outside.shared) == 1 else 'classes'} of the data: who takes them for the data is right.",
        advice="Name a set without them, such as classes that were held out of training, or rename what only bears the "
        "same name.",
        flag=SHARES,
        where={"against": outside.name},
    )


def _sure_of_others(outside: Outside, rates: DetectionRates, n: int) -> list[Finding]:
    """Say where a model is surely surer of far examples than of its test examples."""
    high = float(rates.interval()[1, 0])
    if outside.sort == NEAR or high >= 0.5:
        return []
    value = float(rates.values[0])
    return [
        Finding(
            code="sure-of-far-examples",
            sentence=f"It is surer of what is no example of this data than of its test examples: on the {n:,} of the set "
            f"{outside.name} the AUROC of its confidence is {value:.2f} (95 % interval at most {high:.2f}), where "
            "0.5 would be chance.",
            advice="Do not take its confidence for a sign that an input is like the data; see which score in the chart of "
            "scores tells them apart.",
            numbers={"auroc": value},
        )
    ]
