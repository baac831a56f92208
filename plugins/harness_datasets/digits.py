"""`digits`: 1,797 handwritten digits."""

from __future__ import annotations

from harness.api import LoadedData
from harness.api.declaring import Outline
from harness_datasets.chosen_classes import keep_classes, places
from harness_datasets.options import DigitsOptions

NAMES = tuple(map(str, range(10)))


def load(options: DigitsOptions) -> LoadedData:
    """Load images ``(1797, 1, 8, 8)``, or those of some classes, stored as 0 to 16 and read as 0 to 1.

    Raises:
        DataError: A class that is asked for is no digit.
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    data = LoadedData(
        modality="image",
        problem="classification",
        inputs=found.images.astype("uint8")[:, None],
        targets=found.target.astype("int64"),
        scale=1 / 16,
        low=0.0,
        high=1.0,
        class_names=NAMES,
    )
    return keep_classes("digits", data, options.classes)


def outline(options: DigitsOptions) -> Outline:
    """Return the shape and the classes, which are known.

    Raises:
        DataError: As of `load`.
    """
    kept = places("digits", NAMES, options.classes or NAMES)
    return Outline(shape=(1, 8, 8), class_names=tuple(NAMES[place] for place in kept), columns=())
