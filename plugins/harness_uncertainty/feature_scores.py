"""Scores from penultimate features, each fitted on training examples: higher is more in distribution.

Features are ``(examples, size)``, what the linear layer at a model's end is given; computed in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

Array = np.ndarray[Any, Any]
_BLOCK = 1024  # examples whose distances to all training examples are held at once


@dataclass(frozen=True)
class Known:
    """What is known of training examples: features, logits ``(n, classes)``, labels ``(n,)``.

    weight ``(classes, size)`` and bias ``(classes,)``: of the last layer, logits = weight features + bias.
    """

    features: Array
    logits: Array
    labels: Array
    weight: Array
    bias: Array


Score = Callable[[Array, Array], Array]  # of features and logits


def mahalanobis(known: Known) -> Score:
    """Return minus the squared distance to the nearest class (Lee et al. 2018, arXiv:1807.03888, equation 2).

    Classes are normal with means of their own and one covariance, whose pseudo-inverse leaves out directions in
    which the features do not vary (units that are dead). Of the last features, without a change of the inputs.
    """
    classes = np.unique(known.labels)
    means = np.stack([known.features[known.labels == k].mean(axis=0) for k in classes])
    centred = known.features - means[np.searchsorted(classes, known.labels)]
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    kept = values > len(values) * np.finfo(np.float64).eps * max(values.max(), 0.0)
    whiten = vectors[:, kept] / np.sqrt(values[kept])
    whitened_means = means @ whiten

    def score(features: Array, logits: Array) -> Array:
        whitened = features @ whiten
        distances = [((whitened - mean) ** 2).sum(axis=1) for mean in whitened_means]
        return np.asarray(-np.min(distances, axis=0))

    return score


def knn(known: Known, k: int) -> Score:
    """Return minus the distance to the k-th nearest training example (Sun et al. 2022, arXiv:2204.06507).

    Features are brought to length 1 first. With fewer than k training examples it is the farthest.
    """
    bank = _to_length_1(known.features)
    place = min(k, len(bank)) - 1

    def score(features: Array, logits: Array) -> Array:
        normed, found = _to_length_1(features), []
        for start in range(0, len(normed), _BLOCK):
            alike = normed[start : start + _BLOCK] @ bank.T
            squares = 2 - 2 * np.partition(alike, len(bank) - 1 - place, axis=1)
            found.append(-np.sqrt(np.maximum(squares[:, len(bank) - 1 - place], 0)))
        return np.concatenate(found)

    return score


def _to_length_1(features: Array) -> Array:
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(lengths, 1e-12))


def vim(known: Known) -> Score:
    """Return the energy less the virtual logit (Wang et al. 2022, arXiv:2203.10807, equations 4 to 7).

    That is alpha times the length of what of the features lies outside the principal subspace of the training
    features, around the origin at which the logits are 0 (least squares); alpha brings its mean to that of the
    largest logits on training examples. The subspace has 1000 dimensions from 2048 on, 512 from 768 on, else half.
    """
    size = known.features.shape[1]
    dimensions = 1000 if size >= 2048 else 512 if size >= 768 else size // 2
    origin = -np.linalg.pinv(known.weight) @ known.bias
    centred = known.features - origin
    _, vectors = np.linalg.eigh(centred.T @ centred)
    rest = vectors[:, : size - dimensions]  # eigenvalues rise
    residuals = np.linalg.norm(centred @ rest, axis=1)
    mean = float(residuals.mean())
    alpha = float(known.logits.max(axis=1).mean()) / mean if mean > 0 else 0.0

    def score(features: Array, logits: Array) -> Array:
        residual = np.linalg.norm((features - origin) @ rest, axis=1)
        return np.asarray(logsumexp(logits, axis=1) - alpha * residual)

    return score
