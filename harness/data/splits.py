"""Train, validation and test: fixed by the data set, or cut here, stratified by class.

An example's place in the cut is decided by a hash of its contents (or of what its data set knows it by) and
of the data seed, so it does not move when examples are added, reordered, or when the architecture changes.
Groups are kept whole, and a cut by time has the latest examples for testing, where the data set says so.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from harness.catalogue.counts import counted
from harness.data.identity import are_repeated, mixed, starts_of_runs
from harness.errors import DataError

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(3)
TEST_SHARE = 0.2
VALIDATION_SHARE = 0.2

Array = np.ndarray[Any, Any]


def hash_example(example: Array, seed: int | None) -> int:
    """Return 64 bits of a hash of one example's bytes, keyed by the seed if there is one."""
    key = b"" if seed is None else seed.to_bytes(8, "little")
    raw = hashlib.blake2b(np.ascontiguousarray(example).data, digest_size=8, key=key).digest()
    return int.from_bytes(raw, "little")


def hash_examples(examples: Array, seed: int | None) -> Array:
    """Return `hash_example` of each, uint64 ``(examples,)``; of small ones in a fifth of the time."""
    key = b"" if seed is None else seed.to_bytes(8, "little")
    raw, size = np.ascontiguousarray(examples).tobytes(), examples[:1].nbytes
    digests = [
        hashlib.blake2b(raw[start : start + size], digest_size=8, key=key).digest()
        for start in range(0, len(raw), size)
    ]
    return np.frombuffer(b"".join(digests), dtype="<u8")


def cut(hashes: Array, strata: Array, share: float, sizes: Array | None = None) -> Array:
    """Return a mask of about `share` of the examples, the same share of every stratum.

    hashes, strata: ``(units,)``; within a stratum those with the smallest hashes are taken, copies each for
    itself, at least one where the stratum has two or more. sizes: the number of examples of each unit, where units are groups that
    stay together; None: 1. A group is taken where that brings the number of examples nearer to the share.
    """
    taken = np.zeros(len(hashes), dtype=bool)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        order = members[np.argsort(spread_copies(hashes[members]))]
        reached = np.cumsum(np.ones(len(order)) if sizes is None else sizes[order])
        count = _nearest(reached, share * reached[-1])
        if len(members) >= 2:
            count = min(max(count, 1), len(members) - 1)
        taken[order[:count]] = True
    return taken


def spread_copies(hashes: Array) -> Array:
    """Return hashes ``(examples,)`` of which equal ones are told apart by their count.

    Copies would all lie on one side of a cut otherwise: where examples are drawn from few values, such as the four
    rows of an exclusive or, the values of the test would never be in training.
    """
    again = np.flatnonzero(are_repeated(hashes))
    order = again[np.argsort(hashes[again], kind="stable")]
    starts = starts_of_runs(hashes[order])
    count = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
    found = np.array(hashes, dtype=np.uint64)
    later = order[count > 0]
    found[later] = mixed(found[later], count[count > 0])
    return found


def _nearest(reached: Array, wanted: float) -> int:
    """Return how many units come nearest to the wanted number of examples; of two the even number."""
    edges = np.concatenate([[0.0], reached])
    distances = np.abs(edges - wanted)
    best = np.flatnonzero(distances <= distances.min() + 1e-9)
    return int(best[0] if len(best) == 1 or best[0] % 2 == 0 else best[1])


def assign(
    hashes: Array,
    strata: Array,
    given: Any,
    groups: Array | None = None,
    order: Array | None = None,
    seed: int = 0,
) -> Array:
    """Return the split of each example as 0, 1, 2 for train, validation, test.

    hashes, strata: ``(examples,)``, what decides within a stratum, and the strata of a stratified cut.
    given: names ``(examples,)`` where the data set fixes its splits; what is missing is cut from
    the training examples. A data set that gives only test examples keeps them all as test.
    groups: labels ``(examples,)``; all examples of a group come into one split.
    order: reals ``(examples,)``, such as times: the cut is by them, the largest are for testing and those
    before them for validation; hashes and strata play no part.

    Raises:
        DataError: A split has another name, or there is nothing to test on.
    """
    split = np.zeros(len(hashes), dtype=np.uint8)
    if given is not None:
        names = np.asarray(given).astype(str)
        if names.shape != hashes.shape:
            raise DataError(
                f"{counted(len(hashes), 'example')}, but the split of {names.size} is given"
            )
        unknown = sorted(set(np.unique(names).tolist()) - set(SPLITS))
        if unknown:
            raise DataError(f"split {unknown[0]!r} is none of {', '.join(SPLITS)}")
        for code, name in enumerate(SPLITS):
            split[names == name] = code

    def move(share: float, target: int) -> None:
        train = np.flatnonzero(split == TRAIN)
        if not len(train):
            return
        if order is not None:
            taken = cut_late(order[train], share)
        elif groups is not None:
            taken = cut_groups(groups[train], strata[train], share, seed)
        else:
            taken = cut(hashes[train], strata[train], share)
        split[train[taken]] = target

    if not (split == TEST).any():
        move(TEST_SHARE, TEST)
        share = VALIDATION_SHARE / (1.0 - TEST_SHARE)
    else:
        share = VALIDATION_SHARE
    if not (split == VALIDATION).any():
        move(share, VALIDATION)
    if not (split == TEST).any():
        raise DataError(_nothing_to_test_on(strata, groups, order))
    return split


def cut_groups(groups: Array, strata: Array, share: float, seed: int) -> Array:
    """Return a mask of about `share` of the examples that holds each group whole or not at all.

    groups, strata: ``(examples,)``. A group belongs to the stratum that most of its examples are of, and its
    place in the cut is decided by a hash of its label.
    """
    labels, member = np.unique(groups, return_inverse=True)
    hashes = np.array([hash_label(label, seed) for label in labels], dtype=np.uint64)
    kinds, kind = np.unique(strata, return_inverse=True)
    pairs, counts = np.unique(member * len(kinds) + kind, return_counts=True)
    owner = pairs // len(kinds)
    most = pairs[np.lexsort((pairs, -counts, owner))]  # of each group, the stratum of most first
    first = np.unique(most // len(kinds), return_index=True)[1]
    taken = cut(hashes, most[first] % len(kinds), share, np.bincount(member))
    return np.asarray(taken[member])


def cut_late(order: Array, share: float) -> Array:
    """Return a mask of about `share` of the examples, the latest; what is equally late stays together."""
    values, counts = np.unique(order, return_counts=True)
    reached = np.cumsum(counts[::-1])  # from the latest on
    count = _nearest(reached, share * len(order))
    count = min(max(count, 1), len(values) - 1)
    if count < 1:
        return np.zeros(len(order), dtype=bool)
    return np.asarray(order >= values[-count])


def hash_label(label: Any, seed: int) -> int:
    """Return 64 bits of a keyed hash of a group's label."""
    return hash_example(np.frombuffer(str(label).encode("utf-8"), dtype=np.uint8), seed)


def _nothing_to_test_on(strata: Array, groups: Array | None, order: Array | None) -> str:
    if order is not None:
        return "there is no example to test on: all are equally late in the order"
    lacking = "no class has" if len(np.unique(strata)) > 1 else "the data have not"
    if groups is not None:
        return f"there is no example to test on: {lacking} two groups of examples, which the cut keeps together"
    return f"there is no example to test on: {lacking} two training examples"
