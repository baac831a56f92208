"""`diabetes`: 442 patients."""

from __future__ import annotations

from harness.api import LoadedData


def load() -> LoadedData:
    """Load a table ``(442, 10)`` in the features' own units, and targets from 25 to 346."""
    from sklearn.datasets import load_diabetes

    found = load_diabetes(scaled=False)
    return LoadedData(
        modality="table",
        problem="regression",
        inputs=found.data.astype("float32"),
        targets=found.target.astype("float64"),
    )
