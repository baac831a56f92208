"""Texts as windows of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def windows(text: bytes, length: int, more: int = 0) -> Array:
    """Return ``(windows, length + more)`` uint8: a window of `length` bytes after another, each with the `more` bytes after it.

    What is left at the end, too short for a window, is left out; so is all of a text that has none.
    """
    return windows_of(np.frombuffer(text, dtype=np.uint8), length, more)


def windows_of(values: Array, length: int, more: int = 0) -> Array:
    """As `windows`, of numbers ``(n,)``."""
    count = max(0, (len(values) - more) // length)
    starts = length * np.arange(count)[:, None]
    found: Array = values[starts + np.arange(length + more)]
    return found
