"""`sequence_memory`: what must be kept in mind over many steps: two numbers to add, or the first of many symbols."""

from __future__ import annotations

import numpy as np

from harness.api import LoadedData
from harness_datasets.built_in_options import SequenceMemoryOptions

SYMBOLS = 8


def load(options: SequenceMemoryOptions) -> LoadedData:
    """Draw sequences, and what of them is to be told after the last step.

    regression: the adding problem of Hochreiter & Schmidhuber 1997 in the form of Arjovsky, Shah & Bengio 2016 (and nearly
    that of Le, Jaitly & Hinton 2015): ``(examples, length, 2)``, a number from 0 to 1 and a mark at each step; two steps are
    marked, one in each half, and the target is the sum of their numbers. The mean of all answers has a mean square error
    of 1/6.

    classification: the first of many symbols (after the latching problem of Bengio, Simard & Frasconi 1994): ``(examples,
    length, 8)``, one of eight symbols at each step, of which the first is the class.
    """
    draws = np.random.default_rng(0)
    count, length = options.examples, options.length
    if options.problem == "regression":
        numbers = draws.uniform(size=(count, length))
        half = length // 2
        first = draws.integers(0, half, count)
        second = draws.integers(half, length, count)
        marks = np.zeros((count, length))
        rows = np.arange(count)
        marks[rows, first] = marks[rows, second] = 1
        return LoadedData(
            modality="sequence",
            problem="regression",
            inputs=np.stack([numbers, marks], axis=2),
            targets=numbers[rows, first] + numbers[rows, second],
            low=0.0,
            high=1.0,
        )
    symbols = draws.integers(0, SYMBOLS, (count, length))
    return LoadedData(
        modality="sequence",
        problem="classification",
        inputs=np.eye(SYMBOLS, dtype=np.float32)[symbols],
        targets=symbols[:, 0],
        class_names=tuple(f"symbol {number}" for number in range(SYMBOLS)),
        low=0.0,
        high=1.0,
    )
