"""`step_table`: a table whose class depends on steps of single columns, as tables of people and things often do."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.api import LoadedData
from harness_datasets.built_in_options import StepTableOptions

Array = np.ndarray[Any, np.dtype[Any]]

INFORMATIVE = 4
PIECES = 10  # of each informative column, with as many rows each
CLASSES = ("low", "high")


def load(options: StepTableOptions) -> LoadedData:
    """Load a table ``(examples, 4 + uninformative)`` of independent normal columns, and two classes of equal size.

    The class is whether a sum over the informative columns is above its median: of a step function of each, of ten pieces with
    heights drawn from a normal distribution, or with ``smooth`` of a sine of each. After Grinsztajn, Oyallon &
    Varoquaux 2022 (arXiv:2207.08815), sections 5.2 to 5.4: irregular targets, uninformative features, and rotations, under
    which trees, whose cuts are along columns, lose what they know of the data, and networks lose nothing.
    """
    generator = np.random.default_rng(0)
    heights = generator.normal(size=(INFORMATIVE, PIECES))
    phases = generator.uniform(0, 2 * np.pi, INFORMATIVE)
    columns = INFORMATIVE + options.uninformative
    inputs = generator.normal(size=(options.examples, INFORMATIVE))
    others = np.random.default_rng(1).normal(size=(options.examples, options.uninformative))
    total = (waves(inputs, phases) if options.smooth else steps(inputs, heights)).sum(axis=1)
    inputs = np.concatenate([inputs, others], axis=1)
    if options.rotated:
        inputs = inputs @ rotation(columns)
    return LoadedData(
        modality="table",
        problem="classification",
        inputs=inputs.astype(np.float32),
        targets=(total > np.median(total)).astype(np.int64),
        class_names=CLASSES,
        feature_names=tuple(f"column {place + 1}" for place in range(columns)),
    )


def steps(inputs: Array, heights: Array) -> Array:
    """Return the height ``(n, k)`` of the piece that each value is in; heights ``(k, pieces)``."""
    edges = np.quantile(inputs, np.arange(1, PIECES) / PIECES, axis=0)
    places = (inputs[:, None] > edges[None]).sum(axis=1)
    return np.asarray(heights[np.arange(len(heights)), places])


def waves(inputs: Array, phases: Array) -> Array:
    """Return a sine ``(n, k)`` of each value, of one turn over two deviations."""
    return np.asarray(np.sin(np.pi * inputs + phases))


def rotation(columns: int) -> Array:
    """Return a random orthogonal matrix, uniform over all (Mezzadri 2007, Notices of the AMS 54:592)."""
    mixed, upper = np.linalg.qr(np.random.default_rng(2).normal(size=(columns, columns)))
    return np.asarray(mixed * np.sign(np.diag(upper)))
