"""`wine`: 178 wines."""

from __future__ import annotations

from harness.api import LoadedData


def load() -> LoadedData:
    """Load a table ``(178, 13)`` in the features' own units, and the three growers as classes."""
    from sklearn.datasets import load_wine

    found = load_wine()
    return LoadedData(
        modality="table",
        problem="classification",
        inputs=found.data.astype("float32"),
        targets=found.target.astype("int64"),
        class_names=tuple(str(name) for name in found.target_names),
        feature_names=tuple(map(str, found.feature_names)),
    )
