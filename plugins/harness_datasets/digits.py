"""`digits`: 1,797 handwritten digits."""

from __future__ import annotations

from harness.api import LoadedData
from harness.api.measuring import Outline


def load() -> LoadedData:
    """Load images ``(1797, 1, 8, 8)``, stored as 0 to 16 and read as 0 to 1."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return LoadedData(
        modality="image",
        problem="classification",
        inputs=found.images.astype("uint8")[:, None],
        targets=found.target.astype("int64"),
        scale=1 / 16,
        low=0.0,
        high=1.0,
        class_names=tuple(str(name) for name in found.target_names),
    )


def outline() -> Outline:
    """Return the shape and the classes, which are known."""
    return Outline(shape=(1, 8, 8), class_names=tuple(map(str, range(10))), columns=())
