"""How often the interval of effective robustness holds the true one: python tests/evidence/effective_robustness_coverage.py [DRAWS].

Five models whose true accuracies are known answer the same examples, which are easy or hard for all alike; under shift half as much.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.stats import norm

from harness_quality.effective_robustness import Accuracies, LogitFit, _logits

CASES = {
    "near 1, 359 examples": ((0.99, 0.992, 0.988, 0.967, 0.961), (0.926, 0.887, 0.912, 0.833, 0.855), 359),
    "spread, 1000 examples": ((0.95, 0.92, 0.88, 0.85, 0.8), (0.75, 0.7, 0.66, 0.5, 0.52), 1000),
    "alike, 1000 examples": ((0.95, 0.948, 0.952, 0.949, 0.951), (0.75, 0.7, 0.72, 0.7, 0.73), 1000),
}  # fmt: skip


def gains(models: list[Accuracies], count: int) -> np.ndarray:
    """Return effective robustness in points, ``(models, 1 + resamples)``."""
    clean = np.stack([_logits(one.clean, count) for one in models])
    shifted = np.stack([_logits(one.shifted, count) for one in models])
    fit = LogitFit.over(clean, shifted)
    return np.stack(
        [100 * (m.shifted - fit.predict(c)) for m, c in zip(models, clean, strict=True)]
    )


def main(draws: int) -> None:
    """Print a row a case: the true values, and the share of draws in which each interval held its own."""
    random = np.random.default_rng(0)
    for name, (clean, shifted, count) in CASES.items():
        p, q = np.array(clean), np.array(shifted)
        far = 10**9  # examples, so that nothing is smoothed
        truth = gains(
            [
                Accuracies(np.array([a]), np.array([b]), (far, far))
                for a, b in zip(p, q, strict=True)
            ],
            far,
        )[:, 0]
        held = np.zeros(len(p))
        for _ in range(draws):
            own = random.normal(size=(count, len(p)))
            hard = (random.normal(size=(count, 1)) + own) / np.sqrt(2)
            under = 0.6 * hard + 0.8 * random.normal(size=hard.shape)
            right, kept = hard < norm.ppf(p), under < norm.ppf(q)
            found = gains(
                [Accuracies.of(right[:, k], kept[:, k], True) for k in range(len(p))], count
            )
            low, high = np.percentile(found[:, 1:], [2.5, 97.5], axis=1)
            held += (low <= truth) & (truth <= high)
        print(f"{name}: {np.round(truth, 1)}: {np.round(held / draws, 2)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
