"""`digits`: 1,797 handwritten digits."""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.api import LoadedData
from harness.api.declaring import Outline
from harness_datasets.built_in_options import DigitsOptions
from harness_datasets.chosen_classes import keep_classes, places

NAMES = tuple(map(str, range(10)))
FILE = "datasets/data/digits.csv.gz"  # in scikit-learn's package


def load(options: DigitsOptions) -> LoadedData:
    """Load images ``(1797, 1, 8, 8)``, or those of some classes, stored as 0 to 16 and read as 0 to 1.

    Raises:
        DataError: A class that is asked for is no digit.
    """
    images, targets = read_digits()
    data = LoadedData(
        modality="image",
        problem="classification",
        inputs=images.astype("uint8")[:, None],
        targets=targets.astype("int64"),
        scale=1 / 16,
        low=0.0,
        high=1.0,
        class_names=NAMES,
    )
    return keep_classes("digits", data, options.classes)


def read_digits() -> tuple[Any, Any]:
    """Return images ``(1797, 8, 8)`` and digits ``(1797,)`` from scikit-learn's file.

    It is read without scikit-learn, whose import takes a second, unless it is elsewhere than it used to be.
    """
    import numpy as np

    found = find_spec("sklearn")
    for folder in (found and found.submodule_search_locations) or ():
        file = Path(folder, FILE)
        if file.is_file():
            with gzip.open(file, "rt") as lines:
                table = np.loadtxt(lines, dtype=np.int64, delimiter=",")
            return table[:, :-1].reshape(-1, 8, 8), table[:, -1]
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images, digits.target


def outline(options: DigitsOptions) -> Outline:
    """Return the shape and the classes, which are known.

    Raises:
        DataError: As of `load`.
    """
    kept = places("digits", NAMES, options.classes or NAMES)
    return Outline(shape=(1, 8, 8), class_names=tuple(NAMES[place] for place in kept), columns=())
