"""Train, validation and test: fixed by the data set, or cut here, stratified by class.

An example's place in the cut is decided by a hash of its contents and of the data seed, so it does
not move when examples are added, reordered, or when the architecture changes.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from harness.errors import DataError

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
TEST_SHARE = 0.2
VALIDATION_SHARE = 0.2

Array = np.ndarray[Any, Any]


def hash_example(example: Array, seed: int) -> int:
    """Return 64 bits of a keyed hash of one example's bytes."""
    key = seed.to_bytes(8, "little")
    raw = hashlib.blake2b(np.ascontiguousarray(example).tobytes(), digest_size=8, key=key).digest()
    return int.from_bytes(raw, "little")


def cut(hashes: Array, groups: Array, share: float) -> Array:
    """Return a mask of about `share` of the examples, the same share of every group.

    hashes, groups: ``(examples,)``; within a group those with the smallest hashes are taken, at
    least one where the group has two or more.
    """
    taken = np.zeros(len(hashes), dtype=bool)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        count = round(share * len(members))
        if len(members) >= 2:
            count = min(max(count, 1), len(members) - 1)
        order = np.lexsort((members, hashes[members]))
        taken[members[order[:count]]] = True
    return taken


def assign(hashes: Array, groups: Array, given: Any) -> Array:
    """Return the split of each example as 0, 1, 2 for train, validation, test.

    given: names ``(examples,)`` where the data set fixes its splits; what is missing is cut from
    the training examples. A data set that gives only test examples keeps them all as test.

    Raises:
        DataError: A split has another name, or there is nothing to test on.
    """
    if given is None:
        names = np.full(len(hashes), "train", dtype="<U10")
    else:
        names = np.asarray(given).astype(str)
        if names.shape != hashes.shape:
            raise DataError(f"{len(hashes)} examples, but the split of {names.size} is given")
        unknown = sorted(set(np.unique(names).tolist()) - set(SPLITS))
        if unknown:
            raise DataError(f"split {unknown[0]!r} is none of {', '.join(SPLITS)}")
    split = np.zeros(len(hashes), dtype=np.uint8)
    for code, name in enumerate(SPLITS):
        split[names == name] = code
    if not (split == TEST).any():
        _move(split, hashes, groups, TEST_SHARE, TEST)
        share = VALIDATION_SHARE / (1.0 - TEST_SHARE)
    else:
        share = VALIDATION_SHARE
    if not (split == VALIDATION).any():
        _move(split, hashes, groups, share, VALIDATION)
    if not (split == TEST).any():
        raise DataError("there is no example to test on: no class has two training examples")
    return split


def _move(split: Array, hashes: Array, groups: Array, share: float, target: int) -> None:
    train = np.flatnonzero(split == TRAIN)
    if len(train):
        split[train[cut(hashes[train], groups[train], share)]] = target
