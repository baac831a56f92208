"""Pictures that are nearly those of training: saved anew, scaled or lightened. Found by a perceptual hash, then compared.

The hash of a picture (pHash, Zauner 2010, "Implementation and benchmarking of perceptual image hash functions") has a bit for each
of the 64 lowest coefficients of its cosine transform: whether it is above their median. Pictures of which one of four parts
of the hash is the same, and at most six bits are not, are compared by the correlation of what they show, 16 x 16 in each
channel. Mirrored, turned and cropped pictures are not found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.catalogue.finding import Finding
from harness.data.data_findings import matter
from harness.data.input_files import blocks, rows_a_block
from harness.data.splits import SPLITS, TEST, TRAIN, Array
from harness.data.task import LoadedData, Task

LEAST_SIDE = 16  # pixels; smaller pictures are alike by chance
LOOKED_AT = 64  # pixels of a side that the hash is made of at least, of larger pictures every second, third ...
LEAST_CONTRAST = 0.01  # of the range; what varies less has no hash
PARTS, BITS = 4, 16  # of a hash
MOST_DISTANT = 6  # bits of 64, up to which pictures are compared
MOST_PAIRS = (
    256  # pictures of training with the same part of a hash, that are looked at for each other one
)
MOST_COMPARED = 4  # with each, the least distant first
SAME = 0.99  # correlation, from which on pictures are nearly the same
MOST_BYTES = 4 * 2**30  # of pictures; of more a share is drawn
COMPARED = 16  # pixels of a side


@dataclass(frozen=True)
class NearCopies:
    """asked: the pictures that were compared with those of training. copied, twins: those with a near copy there, and which."""

    asked: int
    copied: Array
    twins: Array


def find_near_copies(
    loaded: LoadedData, task: Task, stored: Array, content: Array, targets: Array, split: Array
) -> Iterator[Finding]:
    """Yield a finding for each split that has pictures which are nearly those of training.

    stored: ``(examples, channels, height, width)``. content: ``(examples,)``, a digest of each: exact copies are told by
    `find_copies`. targets: ``(examples,)``.
    """
    modality = task.modality_item
    train = np.flatnonzero(split == TRAIN)
    if not (modality.resizable and modality.fixed_range) or min(stored.shape[-2:]) < LEAST_SIDE:
        return
    share = min(1.0, MOST_BYTES / max(1, stored.size * stored.itemsize))
    draw = np.random.default_rng(0)
    known = _some(train, share, draw)
    hashes: _Hashes | None = None
    for code, name in enumerate(SPLITS):
        rows = np.flatnonzero(split == code)
        if code == TRAIN or not len(rows) or not len(known):
            continue
        asked = _some(rows[~np.isin(content[rows], content[train])], share, draw)
        hashes = hashes or hash_pictures(stored, known, task)
        found = near_copies(stored, hashes, hash_pictures(stored, asked, task))
        count = len(found.copied)
        if not count:
            continue
        alike = int((targets[found.copied] == targets[found.twins]).sum())
        one, twin = int(found.copied[0]), int(found.twins[0])
        whole = share == 1
        compared = "" if whole else f" and were compared with {len(known):,} of its {len(train):,}"
        every = "" if whole else f"; about {count / share:,.0f} would be, compared with all of them"
        yield Finding(
            code=f"near-copies-in-{name}",
            sentence=f"{count:,} of {len(asked):,} {name} examples that have no exact copy in training{compared} "
            f"{'is' if count == 1 else 'are'} nearly a training example (correlation from {SAME:g} on{every}), {'such as ' if count > 1 else ''}{loaded.name_example(one)} and "
            f"{loaded.name_example(twin)}; {alike:,} {'has' if alike == 1 else 'have'} the same target.",
            advice="Look at them: pictures of one scene, or one picture saved twice, belong on one side of the cut; a model that "
            "remembers them looks better than it is.",
            numbers={
                "near_copies": count,
                "same_target": alike,
                "share": count / share / len(asked),
            },
            flag="test examples are nearly in training"
            if code == TEST and matter(alike / share, len(asked))
            else "",
        )


def _some(rows: Array, share: float, draw: np.random.Generator) -> Array:
    return rows if share == 1 else np.sort(draw.choice(rows, int(share * len(rows)), replace=False))


@dataclass(frozen=True)
class _Hashes:
    """rows: the pictures that have a hash. bits: ``(rows,)`` uint64."""

    rows: Array
    bits: Array


def hash_pictures(stored: Array, rows: Array, task: Task) -> _Hashes:
    """Return the hashes of some pictures, without those of hardly any contrast."""
    height, width = stored.shape[-2:]
    step = max(1, min(height, width) // LOOKED_AT)
    least = LEAST_CONTRAST * (task.high - task.low) / task.scale
    down, across = (
        _cosines(len(range(0, size, step))).astype(np.float32) for size in (height, width)
    )
    kept, bits = [], []
    for part in blocks(len(rows), rows_a_block(stored.shape[1:], 4)):
        own = rows[part]
        grey = stored[..., ::step, ::step][own].mean(axis=1, dtype=np.float32)
        waves = (down @ grey @ across.T).reshape(len(own), -1)
        above = waves > np.median(waves[:, 1:], axis=1, keepdims=True)
        plain = np.linalg.norm(waves[:, 1:], axis=1) >= least * np.sqrt(grey[0].size)
        kept.append(own[plain])
        bits.append(np.packbits(above[plain], axis=1).view(np.uint64)[:, 0])
    empty = np.empty(0, dtype=np.uint64)
    return _Hashes(np.concatenate([rows[:0], *kept]), np.concatenate([empty, *bits]))


def _cosines(size: int) -> Array:
    """Return the first eight waves of the cosine transform of so many values, ``(8, size)``, each of length 1."""
    waves = np.cos(np.pi * np.outer(np.arange(8), np.arange(size) + 0.5) / size)
    return np.asarray(waves / np.linalg.norm(waves, axis=1, keepdims=True))


def near_copies(stored: Array, known: _Hashes, asked: _Hashes) -> NearCopies:
    """Return which pictures are nearly one that is known."""
    one, other = _candidates(known.bits, asked.bits)
    found = np.full(len(asked.rows), -1, dtype=np.int64)
    best = np.full(len(asked.rows), SAME)
    for part in blocks(len(one), rows_a_block(stored.shape[1:], 8)):
        old, new = (
            _thumbnails(stored[rows]) for rows in (known.rows[one[part]], asked.rows[other[part]])
        )
        alike = (old * new).sum(axis=1)
        for place in np.flatnonzero(alike >= best[other[part]]):
            at = other[part][place]
            if alike[place] >= best[at]:
                best[at], found[at] = alike[place], known.rows[one[part][place]]
    copied = np.flatnonzero(found >= 0)
    return NearCopies(len(asked.rows), asked.rows[copied], found[copied])


def _candidates(known: Array, asked: Array) -> tuple[Array, Array]:
    """Return the places of hashes that are to be compared, those that are known and those asked for, sorted by the latter."""
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for number in range(PARTS):
        shift, mask = np.uint64(number * BITS), np.uint64(2**BITS - 1)
        keys = (known >> shift) & mask
        order = np.argsort(keys, kind="stable")
        wanted = (asked >> shift) & mask
        first = np.searchsorted(keys[order], wanted, "left")
        count = np.minimum(np.searchsorted(keys[order], wanted, "right") - first, MOST_PAIRS)
        for part in blocks(len(asked), 2**14):
            times = count[part]
            others = np.repeat(np.arange(part.start, part.start + len(times)), times)
            within = np.arange(len(others)) - np.repeat(np.cumsum(times) - times, times)
            ones = order[first[others] + within]
            near = np.bitwise_count(known[ones] ^ asked[others]) <= MOST_DISTANT
            pairs.append(np.stack([ones[near], others[near]], axis=1))
    found = np.unique(np.concatenate(pairs), axis=0)
    distance = np.bitwise_count(known[found[:, 0]] ^ asked[found[:, 1]])
    found = found[np.lexsort((distance, found[:, 1]))]
    starts = np.searchsorted(found[:, 1], found[:, 1], "left")
    found = found[np.arange(len(found)) - starts < MOST_COMPARED]
    return found[:, 0], found[:, 1]


def _thumbnails(pictures: Array) -> Array:
    """Return pictures of 16 x 16 pixels a channel, each channel less its mean, of length 1: ``(pictures, values)``.

    Without the channels' own means pictures of one tint would be alike, whatever they show.
    """
    down, across = (_means(size) for size in pictures.shape[-2:])
    small = down @ pictures.astype(np.float32) @ across.T
    small = (small - small.mean(axis=(-2, -1), keepdims=True)).reshape(len(pictures), -1)
    return np.asarray(small / np.linalg.norm(small, axis=1, keepdims=True).clip(min=1e-12))


def _means(size: int) -> Array:
    """Return the weights ``(16, size)`` of the means over 16 equal lengths of a side, pixels in part where they must be."""
    edges = np.linspace(0, size, COMPARED + 1)
    reached = np.clip(edges[:, None] - np.arange(size)[None], 0, 1)
    return ((reached[1:] - reached[:-1]) * COMPARED / size).astype(np.float32)
