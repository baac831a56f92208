"""How far the plain and the debiased ECE are from the true one, and how often their intervals hold it.

Run it as `python tests/evidence/calibration_bias.py [repetitions]`. Logits of 10 classes are normal with a standard
deviation of 3; labels are drawn from their softmax, and the model says the softmax of the logits times a factor: 1 is
perfectly calibrated, above it too sure. The true ECE is that of two million examples.
"""

from __future__ import annotations

import sys

import numpy as np

from harness_uncertainty.bins import equal_width
from harness_uncertainty.calibration_error import calibration_error, debiased
from harness_uncertainty.predictions import Predictions

FACTORS, SIZES = (1.0, 1.2, 1.5, 3.0, 0.6), (360, 2000, 10_000)


def draw(generator: np.random.Generator, n: int, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return confidences and whether they are right, both ``(n,)``."""
    logits = 3 * generator.normal(size=(n, 10))
    cumulated = Predictions.of(logits, np.zeros(n, dtype=int)).probabilities.cumsum(axis=1)
    labels = np.minimum((cumulated < generator.random((n, 1))).sum(axis=1), 9)
    found = Predictions.of(factor * logits, labels)
    return found.confidence, found.correct.astype(float)


def main(repetitions: int) -> None:
    """Print a row for each factor and number of examples."""
    print("| factor | true ECE | examples | plain: mean, held | debiased: mean, held |")
    print("| --- | --- | --- | --- | --- |")
    for factor in FACTORS:
        confidence, correct = draw(np.random.default_rng(1), 2_000_000, factor)
        true = calibration_error(confidence, correct, equal_width(confidence)).value
        true = 0.0 if factor == 1 else true
        for n in SIZES:
            found = []
            for seed in range(repetitions):
                confidence, correct = draw(np.random.default_rng([n, seed]), n, factor)
                bins = equal_width(confidence)
                plain = calibration_error(confidence, correct, bins)
                low, high = plain.interval(0, 1)
                value, least, most = debiased(confidence, correct, bins)
                found.append((plain.value, low <= true <= high, value, least <= true <= most))
            mean = np.mean(found, axis=0)
            print(
                f"| {factor:g} | {true:.4f} | {n:,} | {mean[0]:.4f}, {100 * mean[1]:.0f} % | "
                f"{mean[2]:.4f}, {100 * mean[3]:.0f} % |",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
