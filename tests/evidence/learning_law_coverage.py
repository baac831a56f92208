"""How often the intervals of a learning curve hold the truth: python tests/evidence/learning_law_coverage.py [trials]

A curve 0.3 (n / 50)^-0.5 + floor over six numbers of examples, 50 to 1,600; each seed has errors of its own (10 %), and is judged on the same
400 test examples, each of which is as hard for all.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from harness_quality.learning_law import fit_law, over_seeds_and_examples

Array = np.ndarray[Any, Any]

SIZES = np.array([50.0, 100.0, 200.0, 400.0, 800.0, 1600.0])
EXAMPLES, RESAMPLES = 400, 60
ENDS = np.array([1600.0, 3200.0])


def truth(sizes: Array, floor: float) -> Array:
    """Return the errors at sizes."""
    return np.asarray(0.3 * (sizes / 50) ** -0.5 + floor)


def held(generator: np.random.Generator, seeds: int, floor: float) -> Array:
    """Return whether one trial's intervals hold exponent, error at twice and gain, and which share of the errors."""
    errors = truth(SIZES, floor)
    of_seed = errors * np.exp(generator.normal(0, 0.1, (seeds, len(SIZES))))
    wrong = (generator.uniform(size=EXAMPLES) < of_seed[..., None]).astype(float)
    shares = np.full(EXAMPLES, 1 / EXAMPLES)
    counts = generator.multinomial(EXAMPLES, shares, size=RESAMPLES)
    drawn = np.einsum("ske,re->rsk", wrong, counts) / EXAMPLES
    found = np.concatenate([wrong.mean(-1)[None], drawn])
    typical = found[0].mean(0)

    def say(mean: Array) -> Array:
        law = fit_law(SIZES, mean, typical)
        now, then = np.moveaxis(law.at(ENDS), -1, 0)
        return np.stack([law.exponent, then, 1 - then / now], axis=-1)

    law = over_seeds_and_examples(found, say)
    now, then = truth(ENDS, floor)
    figures = np.abs(law.values - np.array([0.5, then, 1 - then / now])) <= law.half
    curve = over_seeds_and_examples(found, lambda mean: mean)
    return np.append(figures, (np.abs(curve.values - errors) <= curve.half).mean())


def main() -> None:
    """Print a row for each number of seeds and floor."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print("seeds floor exponent twice gain errors")
    for seeds in (2, 3, 4, 8):
        for floor in (0.0, 0.05):
            generator = np.random.default_rng(5)
            shares = np.mean([held(generator, seeds, floor) for _ in range(trials)], axis=0)
            print(seeds, floor, *(f"{share:.3f}" for share in shares), flush=True)


if __name__ == "__main__":
    main()
