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
_AT_ONCE, _A_THREAD = (
    2**14,
    2**17,
)  # rows: as many as the cache of a core holds, and as are worth a thread


def example_ids(contents: Array, targets: Array, class_names: Sequence[str], split: Array) -> Array:
    """Return the id of each example, int64 ``(examples,)`` from 0 to 2**63 - 1, no two of them the same.

    contents: ``(examples,)`` uint64, a hash of each example's inputs. targets: ``(examples, *target)``, integers of
    classes or reals; a class counts by its name where it has one. split: ``(examples,)`` codes, of which
    copies with the largest are counted first.
    """
    import numpy as np

    known = _mix(contents ^ _target_hashes(targets, class_names))
    hashes = known.copy()
    again = np.flatnonzero(are_repeated(known))
    order = again[
        np.lexsort((-split[again].astype(np.int64), known[again]))
    ]  # stable: copies in their order
    first = starts_of_runs(known[order])
    copy = np.arange(len(order)) - np.repeat(first, np.diff(np.append(first, len(order))))
    hashes[order] += copy.astype(np.uint64) * np.uint64(_GAMMA)
    ids = (_mix(hashes) >> 1).astype(np.int64)
    assert not are_repeated(ids).any()  # of a million examples, in all but one case in 2e7
    return ids


def are_repeated(values: Array) -> Array:
    """Return the mask ``(n,)`` of the values that are there twice or more."""
    import numpy as np

    ordered = np.sort(values)  # far cheaper than an order of them
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.isin(values, twice) if len(twice) else np.zeros(len(values), dtype=bool)


def starts_of_runs(ordered: Array) -> Array:
    """Return where runs of equal values begin."""
    import numpy as np

    return np.flatnonzero(
        np.append(np.ones(len(ordered[:1]), dtype=bool), ordered[1:] != ordered[:-1])
    )


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
    """Return 64 bits that stand for each row of columns of float64 or uint64 ``(rows,)``, uint64 ``(rows,)``.

    They are of the bits of its numbers, but that -0 is 0, and all NaN are one.
    """
    import numpy as np

    from harness.data.in_parallel import in_parallel

    rows = len(columns[0])
    parts = [slice(start, start + _A_THREAD) for start in range(0, rows, _A_THREAD)]

    def mix(part: slice) -> Array:
        return _mix_rows([column[part] for column in columns])

    workers = None if len(parts) > 1 else 0
    return np.concatenate([np.zeros(0, np.uint64), *in_parallel(mix, parts, workers)])


def _mix_rows(columns: Sequence[Array]) -> Array:
    import numpy as np

    mixed = np.zeros(len(columns[0]), dtype=np.uint64)
    spare = np.empty(_AT_ONCE, np.uint64)
    for start in range(0, len(mixed), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        state = mixed[rows]
        for column in columns:
            some = np.ascontiguousarray(column[rows])
            if some.dtype.kind == "f":
                some = np.add(some, 0.0, out=spare[: len(state)].view(np.float64))
                if np.isnan(some.min()):
                    some[np.isnan(some)] = np.nan
            state ^= some.view(np.uint64)
            _mix_in_place(state, spare[: len(state)])
    return mixed


def key_by_seed(hashes: Array, seed: int) -> Array:
    """Return hashes uint64 ``(examples,)`` in another order for each seed: equal where they were equal, and only there."""
    import numpy as np

    return _mix(hashes ^ _mix(np.array([seed], dtype=np.uint64)))


def mixed(hashes: Array, count: Array) -> Array:
    """Return for each hash uint64 ``(n,)`` the number `count` of the sequence of SplitMix64 that begins with it, from 1."""
    import numpy as np

    return _mix(hashes + (count.astype(np.uint64) - np.uint64(1)) * np.uint64(_GAMMA))


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
    import numpy as np

    state = np.array(state)
    _mix_in_place(state, np.empty_like(state))
    return state


def _mix_in_place(state: Array, spare: Array) -> None:
    """As `_mix`; spare: an array of the same shape, which is written over."""
    import numpy as np

    state += _GAMMA
    for shift, factor in ((30, _MIX1), (27, _MIX2)):
        np.right_shift(state, shift, out=spare)
        state ^= spare
        state *= factor
    np.right_shift(state, 31, out=spare)
    state ^= spare
