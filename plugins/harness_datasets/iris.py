"""`iris`: 150 flowers."""

from __future__ import annotations

from harness.api import LoadedData


def load() -> LoadedData:
    """Load a table ``(150, 4)`` in centimetres, and three classes of 50 each."""
    from sklearn.datasets import load_iris

    found = load_iris()
    return LoadedData(
        modality="table",
        problem="classification",
        inputs=found.data.astype("float32"),
        targets=found.target.astype("int64"),
        class_names=tuple(str(name) for name in found.target_names),
        feature_names=tuple(name.removesuffix(" (cm)") for name in found.feature_names),
    )
