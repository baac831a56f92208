"""`sine_mix`: sines of periods that do not fit each other, and noise; forecast."""

from __future__ import annotations

import numpy as np

from harness.api import LoadedData
from harness_datasets.built_in_options import SineMixOptions
from harness_datasets.series_windows import Series, Window, cut_series

SEASON = 24
WAVES = ((24.0, 1.0), (37.3, 0.7), (101.0, 0.5))  # periods in steps, amplitudes


def load(options: SineMixOptions) -> LoadedData:
    """Draw one series: sines with phases of their own, and independent normal noise (numpy's PCG64, seed 0).

    Its season is the period of the largest, 24 steps, which the others disturb. What cannot be foretold is the noise: of
    the best forecast the mean absolute error is ``noise * sqrt(2 / pi)``.
    """
    draws = np.random.default_rng(0)
    steps = np.arange(options.steps)
    phases = draws.uniform(0, 2 * np.pi, len(WAVES))
    waves = [
        size * np.sin(2 * np.pi * steps / period + phase)
        for (period, size), phase in zip(WAVES, phases, strict=True)
    ]
    values = np.sum(waves, axis=0) + options.noise * draws.normal(size=len(steps))
    series = Series(("sines",), 0, values[:, None], np.zeros(len(steps), dtype=bool))
    window = Window(options.window, options.horizon, options.stride, SEASON)
    return cut_series([series], window, len(steps))
