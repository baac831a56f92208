"""What a classifier says of labelled examples, from its logits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import log_softmax

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Predictions:
    """Log-probabilities ``(examples, classes)``, float64, and labels ``(examples,)`` from 0."""

    log_probabilities: Array
    labels: Array

    @classmethod
    def of(cls, logits: Array, labels: Array, temperature: float = 1.0) -> Predictions:
        """Take finite logits ``(examples, classes)``, divided by a temperature, in float64."""
        scaled = np.asarray(logits, dtype=np.float64) / temperature
        return cls(log_softmax(scaled, axis=1), np.asarray(labels))

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.labels)

    @cached_property
    def probabilities(self) -> Array:
        """Of each class, ``(examples, classes)``."""
        return np.asarray(np.exp(self.log_probabilities))

    @cached_property
    def confidence(self) -> Array:
        """The probability of the predicted class, ``(examples,)``, the first of equal ones."""
        return np.asarray(self.probabilities.max(axis=1))

    @cached_property
    def correct(self) -> Array:
        """Whether the predicted class is the label, ``(examples,)`` bool."""
        return np.asarray(self.log_probabilities.argmax(axis=1) == self.labels)

    @cached_property
    def losses(self) -> Array:
        """The negative log-likelihood of each label in nats, ``(examples,)``."""
        return -self.log_probabilities[np.arange(len(self)), self.labels]
