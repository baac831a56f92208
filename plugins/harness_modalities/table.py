"""A row of columns, ``(features,)``."""

from __future__ import annotations

from harness.api.reporting import counted


def sizes(shape: tuple[int, ...]) -> dict[str, int]:
    """Return its size, for classes of a person's own."""
    return {"channels": shape[0], "features": shape[0]}


def describe(shape: tuple[int, ...]) -> str:
    """Return its shape in words."""
    return counted(shape[0], "feature")
