"""A value with how sure it is, as reports are given it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value with how sure it is.

    low, high: a 95 % interval; None for an exact count (`exact`) or a single observation.
    n: the number of observations. note: what a reader should know, in words that can stand below a
        table ("trained while other jobs ran"). doubtful: a measure has marked it, in words that are in the note; such a
        figure makes no model the best.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    exact: bool = False
    note: str = ""
    doubtful: bool = False
