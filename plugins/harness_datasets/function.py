"""`function`: a function of one number, of which a model is to make an approximation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.api import LoadedData
from harness_datasets.built_in_options import FunctionOptions

Array = np.ndarray[Any, np.dtype[Any]]


def weierstrass(x: Array) -> Array:
    """Return the first eight terms of a series, sum over k of 0.5^k cos(3^k pi x).

    They are smooth; the whole series has a slope nowhere (Weierstrass 1872; Hardy 1916 for factors as small as these,
    where 0.5 * 3 > 1).
    """
    return np.asarray(sum(0.5**k * np.cos(3**k * np.pi * x) for k in range(8)))


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "sine": lambda x: np.sin(4 * np.pi * x),
    "runge": lambda x: 1 / (1 + 25 * x**2),
    "step": lambda x: (x >= 0).astype(np.float64),
    "weierstrass": weierstrass,
}


def load(options: FunctionOptions) -> LoadedData:
    """Draw x ``(examples, 1)`` from -1 to 1, and f(x) with normal noise of the deviation that is asked for."""
    draws = np.random.default_rng(0)
    x = draws.uniform(-1, 1, options.examples)
    noise = options.noise * draws.normal(size=options.examples)
    return LoadedData(
        modality="table",
        problem="regression",
        inputs=x[:, None],
        targets=FUNCTIONS[options.of](x) + noise,
        feature_names=("x",),
        low=-1.0,
        high=1.0,
    )
