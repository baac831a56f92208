"""How many edits make one row of numbers of another: insertions, deletions, substitutions, and swaps of two neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_WIDE = 8  # edits that are looked for first
_FAR = 1 << 29


def edit_distances(one: Array, other: Array, padding: int | None) -> Array:
    """Return the distances ``(batch,)`` of rows ``(batch, time)``, int64; what is padding is no part of a row.

    The distance of Damerau 1964 and Levenshtein 1966 in which no part is edited twice (optimal string alignment), so a swap
    is one edit. Only alignments of places that are no further apart than the distance can reach it (Ukkonen 1985), so a
    narrow band is filled, and a wider one where that does not do.
    """
    rows = [_without(values, padding) for values in (one, other)]
    lengths = [(values >= 0).sum(1) for values in rows]
    found = np.full(len(one), _FAR)
    open_, wide = np.arange(len(one)), _WIDE
    while open_.size:
        a, b = (values[open_] for values in rows)
        found[open_] = _in_band(a, b, lengths[0][open_], lengths[1][open_], wide)
        if wide > one.shape[1]:
            break
        open_ = open_[found[open_] > wide]  # what a band finds beyond its width may be too much
        wide *= 4
    return found


def _without(values: Array, padding: int | None) -> Array:
    """Return rows whose padding was taken out, with -1 behind what is left."""
    values = np.asarray(values, dtype=np.int64)
    if padding is None:
        return values
    gone = values == padding
    order = np.argsort(gone, axis=1, kind="stable")
    return np.where(np.take_along_axis(gone, order, 1), -1, np.take_along_axis(values, order, 1))


def _in_band(a: Array, b: Array, ends: Array, others: Array, wide: int) -> Array:
    """Return the distances where these are at most `wide`; more than that where they are not.

    The cell at (i, k) of the band is the distance of the first i of a row and the first i + k - wide of the other.
    """
    count, steps = a.shape
    places = np.arange(2 * wide + 1) - wide
    before = np.full((count, 2 * wide + 1), _FAR)  # of i - 2
    last = np.where(places >= 0, places, _FAR)[None].repeat(count, 0)  # of i = 0
    rows = np.arange(count)
    found = np.where(ends == 0, _cell(last, rows, others, wide), _FAR)
    for i in range(1, steps + 1):
        now = np.full_like(last, _FAR)
        for k, j in enumerate(i + places):
            if j < 0 or j > steps:
                continue
            best = last[:, k + 1] + 1 if k < 2 * wide else np.full(count, _FAR)  # a deletion
            if k and j:
                best = np.minimum(best, now[:, k - 1] + 1)  # an insertion
            if j:
                differ = a[:, i - 1] != b[:, j - 1]
                best = np.minimum(best, last[:, k] + differ)
            if i > 1 and j > 1:
                swapped = (a[:, i - 1] == b[:, j - 2]) & (a[:, i - 2] == b[:, j - 1])
                best = np.where(swapped, np.minimum(best, before[:, k] + 1), best)
            now[:, k] = best
        before, last = last, now
        ended = ends == i
        if ended.any():
            found = np.where(ended, _cell(now, rows, others - i, wide), found)
    return np.minimum(found, _FAR)


def _cell(band: Array, rows: Array, off: Array, wide: int) -> Array:
    """Return of each row the cell so far from the diagonal; far where that is outside of the band."""
    inside = np.abs(off) <= wide
    return np.where(inside, band[rows, np.clip(off + wide, 0, 2 * wide)], _FAR)
