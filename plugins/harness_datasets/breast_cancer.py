"""`breast_cancer`: 569 tumours."""

from __future__ import annotations

from harness.api import LoadedData


def load() -> LoadedData:
    """Load a table ``(569, 30)`` in the features' own units, and two classes."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    return LoadedData(
        modality="table",
        problem="classification",
        inputs=found.data.astype("float32"),
        targets=found.target.astype("int64"),
        class_names=tuple(str(name) for name in found.target_names),
    )
