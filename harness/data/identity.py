"""Which example is which: ids by content, so that two orders of one data set pair.

An id is a hash of what the example holds, its target included. Exact copies are counted, and those for testing
come first in the count, so that neither the order of a file nor a change to its training examples moves
the id of a test example.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Of SplitMix64 (Steele, Lea & Flood 2014). numpy is imported where it is used: what registers items imports this.
_GAMMA, _MIX1, _MIX2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def example_ids(contents: Array, targets: Array, class_names: Sequence[str], split: Array) -> Array:
    """Return the id of each example, int64 ``(examples,)`` from 0 to 2**63 - 1, no two of them the same.

    contents: ``(examples,)`` uint64, a hash of each example's inputs. targets: ``(examples, *target)``, integers of
    classes or reals; a class counts by its name where it has one. split: ``(examples,)`` codes, of which
    copies with the largest are counted first.
    """
    import numpy as np

    known = _mix(contents ^ _target_hashes(targets, class_names))
    order = np.lexsort((-split.astype(np.int64), known))  # stable: copies in their order
    ordered = known[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(np.append(first, len(ordered)))
    copy = np.empty(len(known), dtype=np.uint64)
    copy[order] = np.arange(len(ordered)) - np.repeat(first, counts)
    ids = (_mix(known + copy * _GAMMA) >> 1).astype(np.int64)
    assert len(np.unique(ids)) == len(ids)  # of a million examples, in all but one case in 2e7
    return ids


def each_target(targets: Array) -> Array:
    """Return targets ``(examples,)`` as they are, and for those of several numbers one that stands for them."""
    import numpy as np

    if targets.ndim == 1:
        return targets
    if targets.dtype == np.uint8:  # as many as an image has pixels
        rows = np.ascontiguousarray(targets).reshape(len(targets), -1)
        hashes = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows)
        return np.frombuffer(b"".join(hashes), dtype="<i8")
    numbers = np.ascontiguousarray(targets.reshape(len(targets), -1), dtype=np.float64)
    return mix_columns(list(numbers.T)).view(np.int64)


def mix_columns(columns: Sequence[Array]) -> Array:
    """Return 64 bits that stand for each row of columns of float64 ``(rows,)``, uint64 ``(rows,)``: of their bits."""
    import numpy as np

    mixed = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        mixed = _mix(mixed ^ np.ascontiguousarray(column, dtype=np.float64).view(np.uint64))
    return mixed


def _target_hashes(targets: Array, class_names: Sequence[str]) -> Array:
    import numpy as np

    if targets.ndim > 1:
        return each_target(targets).view(np.uint64)
    if targets.dtype.kind == "f":
        return _mix(np.asarray(targets, dtype=np.float64).view(np.uint64))
    names = class_names or [str(number) for number in range(int(targets.max(initial=-1)) + 1)]
    return hash_texts(names)[targets]


def hash_texts(texts: Sequence[str]) -> Array:
    """Return 64 bits of a hash of each text, uint64 ``(texts,)``."""
    import numpy as np

    return np.array([_text_hash(text) for text in texts], dtype=np.uint64)


def _text_hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )


def _mix(state: Array) -> Array:
    """The finaliser of SplitMix64 on uint64, which wraps around."""
    state = state + _GAMMA
    state = (state ^ (state >> 30)) * _MIX1
    state = (state ^ (state >> 27)) * _MIX2
    mixed: Array = state ^ (state >> 31)
    return mixed
