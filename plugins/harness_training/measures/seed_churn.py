"""How many answers change where nothing does but the seed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import torch

from harness.api import MeasureContext, Metric
from harness.api.measuring import wilson


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `churn`: the share of test examples that two seeds answer otherwise, the mean over all pairs of seeds.

    Milani Fard et al. 2016, equation 1. Accuracy does not show it: two models that are right as often may be so on other
    examples. Wilson's interval, whose number of trials is that of which the examples' own means have the spread: the pairs
    of one example are not independent.
    """
    answers = []
    for fit in context.fits:
        model, found, ids = fit.load(), [], []
        for inputs, _, batch_ids in context.split("test").batches(256):
            with torch.no_grad(), context.autocast():
                found.append(model(inputs).argmax(1).cpu())
            ids.append(batch_ids.cpu())
        answers.append(torch.cat(found)[torch.cat(ids).argsort()].numpy())
    share, low, high = mean_churn(np.stack(answers))
    n = len(answers[0])
    yield Metric(name="churn", value=share, unit="fraction", low=low, high=high, n=n)


def mean_churn(
    answers: np.ndarray[tuple[int, int], np.dtype[np.int64]],
) -> tuple[float, float, float]:
    """Return the share of examples that two of the models answer otherwise, and its interval; answers ``(models, examples)``."""
    pairs = list(combinations(range(len(answers)), 2))
    means = np.mean([answers[a] != answers[b] for a, b in pairs], axis=0)
    n, share = len(means), float(means.mean())
    trials = float(n)
    if n > 1 and (variance := float(means.var(ddof=1)) / n) > 0:
        trials = min(max(share * (1 - share) / variance, n), n * len(pairs))
    return share, *wilson(share, trials)
