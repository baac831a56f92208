"""Logits whose softmax is the law that the labels were drawn from, so that confidence is right."""

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def calibrated(n: int, classes: int = 5, spread: float = 3.0, seed: int = 0):
    """Return logits ``(n, classes)`` and labels ``(n,)``."""
    draws = np.random.default_rng(seed)
    logits = spread * draws.normal(size=(n, classes))
    labels = (softmax(logits).cumsum(axis=1) > draws.random((n, 1))).argmax(axis=1)
    return logits, labels
