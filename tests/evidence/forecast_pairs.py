"""How often two models that forecast equally well are told apart at 5 %, on windows that overlap: prints a table in Markdown.

``python forecast_pairs.py [ROUNDS]``. The truth is an AR(1) with coefficient phi, and so is what each model is off by, apart from
the other's and of the same spread, anew for each seed or one half of it alike in all. A window is of 6 steps and 3 to come, the
next one begins `stride` steps later; its score is minus the mean absolute error. Seeds are trained, so a spread of theirs is tested too.
"""

import math
import sys

import numpy as np
from scipy.signal import lfilter

from harness.measure.time_blocks import InTime
from harness.statistics.inference import paired_p_value

GIVEN, AHEAD = 6, 3
SETTLED = 200  # steps, before which an AR(1) that begins with 0 is not what it is later


def autoregressive(draw: np.random.Generator, shape: tuple[int, ...], phi: float) -> np.ndarray:
    """Return series ``shape``, time last, of mean 0 and variance 1."""
    noise = draw.normal(size=(*shape[:-1], shape[-1] + SETTLED)) * math.sqrt(1 - phi**2)
    return lfilter([1.0], [1.0, -phi], noise)[..., SETTLED:]


def scores(
    draw: np.random.Generator, phi: float, windows: int, stride: int, seeds: int
) -> np.ndarray:
    """Return those of two models that are equally good ``(2, seeds, windows)``."""
    steps = (windows - 1) * stride + AHEAD
    off = autoregressive(draw, (2, 1, steps), phi) + autoregressive(draw, (2, seeds, steps), phi)
    errors = np.abs(autoregressive(draw, (steps,), phi) + off / math.sqrt(2))
    ahead = np.lib.stride_tricks.sliding_window_view(errors, AHEAD, axis=-1)
    return -ahead[..., ::stride, :].mean(axis=-1)


def alarms(phi: float, windows: int, stride: int, seeds: int, rounds: int) -> tuple[float, float]:
    """Return how often equal models are told apart: with windows taken for independent, and in blocks."""
    draw = np.random.default_rng(0)
    time = InTime.of(np.arange(windows) * stride, GIVEN + AHEAD)
    found = np.zeros(2)
    for _ in range(rounds):
        both = scores(draw, phi, windows, stride, seeds)
        found += [paired_p_value(*both, 0.0, when) < 0.05 for when in (None, time)]
    return tuple((found / rounds).tolist())


def main(rounds: int = 2000) -> None:
    """Print the table."""
    print("| phi | stride | seeds | windows | taken for independent | in blocks |")
    print("| --- | --- | --- | --- | --- | --- |")
    for phi in (0.0, 0.5, 0.8, 0.9):
        for stride, seeds in ((1, 1), (3, 1), (1, 3)):
            rates = [alarms(phi, windows, stride, seeds, rounds) for windows in (60, 200, 600)]
            cells = [", ".join(f"{rate:.3f}" for rate in side) for side in zip(*rates, strict=True)]
            print(
                f"| {phi:g} | {stride} | {seeds} | 60, 200, 600 | {cells[0]} | {cells[1]} |",
                flush=True,
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
