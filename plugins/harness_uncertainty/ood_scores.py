"""Scores of how much in distribution an example is, from its logits: higher is more."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_softmax, logsumexp

Array = np.ndarray[Any, Any]


def msp(logits: Array) -> Array:
    """Return the maximum softmax probability (Hendrycks & Gimpel 2017, arXiv:1610.02136) as log-odds.

    log(p / (1 - p)) orders examples as p does, and tells those apart whose p is 1 in floating point.

    logits: ``(examples, classes)``, at least 2 classes.
    """
    ranked = np.sort(np.asarray(logits, dtype=np.float64), axis=1)
    return np.asarray(ranked[:, -1] - logsumexp(ranked[:, :-1], axis=1))


def max_logit(logits: Array) -> Array:
    """Return the largest logit (Hendrycks et al. 2022, arXiv:1911.11132)."""
    return np.asarray(np.asarray(logits, dtype=np.float64).max(axis=1))


def energy(logits: Array) -> Array:
    """Return the negative free energy at temperature 1, logsumexp (Liu et al. 2020, arXiv:2010.03759)."""
    return np.asarray(logsumexp(np.asarray(logits, dtype=np.float64), axis=1))


def entropy(logits: Array) -> Array:
    """Return the negative entropy of the softmax in nats."""
    logs = log_softmax(np.asarray(logits, dtype=np.float64), axis=1)
    return np.asarray((np.exp(logs) * logs).sum(axis=1))


OF_LOGITS = {"msp": msp, "max-logit": max_logit, "energy": energy, "entropy": entropy}
