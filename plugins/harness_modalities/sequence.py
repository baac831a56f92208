"""Steps of real numbers, ``(time, features)``."""

from __future__ import annotations

from harness.api.reporting import counted


def sizes(shape: tuple[int, ...]) -> dict[str, int]:
    """Return its sizes, for classes of a person's own."""
    return {"channels": shape[1], "features": shape[1], "steps": shape[0]}


def describe(shape: tuple[int, ...]) -> str:
    """Return its shape in words."""
    return f"{counted(shape[0], 'time step')} of {counted(shape[1], 'feature')}"
