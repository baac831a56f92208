"""How alike models represent the test examples: linear CKA between what their last layers are given."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import torch

from harness.api import FittedModel, MeasureContext, Metric, NotApplicable
from harness.api.measuring import HeadInputs, LeftOut, copy_model, find_linear_head
from harness_training.measures.options import SimilarityOptions

Array = np.ndarray[Any, np.dtype[np.float64]]


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `cka` and `debiased_cka` of each pair of models, over the first test examples.

    The representation of an example is what the linear layer at a model's end is given. A model without one is left out.

    Raises:
        NotApplicable: Fewer than two models have one.
    """
    options = context.options
    assert isinstance(options, SimilarityOptions)
    grams = []
    for fit in context.fits:
        features = _features(context, fit, options.examples)
        if features is None:
            words = f"{_name(fit)}: no linear layer at its end makes its outputs"
            warnings.warn(words, LeftOut, stacklevel=1)
            continue
        gram = centred_gram(features)
        if not gram.any():
            words = f"{_name(fit)}: it represents all examples alike"
            warnings.warn(words, LeftOut, stacklevel=1)
            continue
        grams.append((fit, features, gram))
    if len(grams) < 2:
        raise NotApplicable(
            "fewer than two models have a linear layer at their end that tells examples apart"
        )
    for one, other in product(grams, repeat=2):
        n, where = len(one[2]), _where(one[0], other[0])
        yield Metric(name="cka", value=cka(one[2], other[2]), unit="fraction", n=n, where=where)
        if n > 3:
            value = debiased_cka(one[1], other[1])
            yield Metric(name="debiased_cka", value=value, n=n, where=where)


def centred_gram(features: Array) -> Array:
    """Return the products of examples ``(n, n)`` of features ``(n, width)`` less their means."""
    centred = features - features.mean(axis=0)
    return np.asarray(centred @ centred.T)


def cka(one: Array, other: Array) -> float:
    """Return linear CKA of two centred Gram matrices, 0 to 1 (Kornblith et al. 2019, equation 4).

    HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) = |Y'X|_F^2 / (|X'X|_F |Y'Y|_F). It does not change where features are rotated,
    mirrored, shifted or scaled as a whole. With few examples and wide features it is above 0 by chance.
    """
    value = float((one * other).sum()) / float(np.linalg.norm(one) * np.linalg.norm(other))
    return min(1.0, max(0.0, value))


def debiased_cka(one: Array, other: Array) -> float:
    """Return CKA of features ``(n, width)`` with unbiased estimates of HSIC (Song et al. 2012, equation 5; Nguyen et al. 2021).

    About 0, on either side, where the two have nothing in common.
    """
    grams = [features @ features.T for features in (one - one.mean(0), other - other.mean(0))]
    for gram in grams:
        np.fill_diagonal(gram, 0.0)
    first, second = grams
    both = _unbiased_hsic(first, second)
    norms = _unbiased_hsic(first, first) * _unbiased_hsic(second, second)
    return float(both / np.sqrt(norms)) if norms > 0 else 0.0


def _unbiased_hsic(first: Array, second: Array) -> float:
    n = len(first)
    trace = float((first * second).sum())
    sums = float(first.sum()) * float(second.sum()) / ((n - 1) * (n - 2))
    rows = 2 / (n - 2) * float(first.sum(axis=0) @ second.sum(axis=0))
    return (trace + sums - rows) / (n * (n - 3))


def _features(context: MeasureContext, fit: FittedModel, most: int) -> Array | None:
    """Return features of the first test examples by their ids ``(n, width)``; None where there is no linear head."""
    model = copy_model(fit.load()).eval()
    head, found, ids = None, list[torch.Tensor](), list[torch.Tensor]()
    kept: HeadInputs | None = None
    for inputs, _, batch_ids in context.split("test").batches(256):
        if head is None:
            head = find_linear_head(model, inputs)
            if head is None:
                return None
            kept = HeadInputs(head)
        with torch.no_grad(), context.autocast():
            model(inputs)
        assert kept is not None
        found.append(kept.last.float().reshape(len(inputs), -1).cpu())
        ids.append(batch_ids.cpu())
    order = torch.cat(ids).argsort()[:most]
    return np.asarray(torch.cat(found)[order].double().numpy())


def _name(fit: FittedModel) -> str:
    return " ".join(filter(None, (fit.architecture, fit.recipe)))


def _where(one: FittedModel, other: FittedModel) -> dict[str, str]:
    sides = (("one_model", one), ("other_model", other))
    where = {side: fit.architecture for side, fit in sides}
    return where | {f"{side}_recipe": fit.recipe for side, fit in sides if fit.recipe}
