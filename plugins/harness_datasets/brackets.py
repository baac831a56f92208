"""`brackets`: how deep each step of a sequence of brackets lies; a label for each step."""

from __future__ import annotations

import numpy as np

from harness.api import LoadedData
from harness_datasets.built_in_options import BracketsOptions

OPEN, CLOSE, OTHER = range(3)
SHARE = 0.2  # of the steps that are no brackets


def load(options: BracketsOptions) -> LoadedData:
    """Draw sequences ``(length,)`` of "(", ")" and "x", and what is to be told after each step (numpy's PCG64, seed 0).

    depth: how many brackets are open, from 0 to `deepest`: the language of Dyck with so many levels, as in Hewitt et al. 2020,
    "RNNs can generate bounded hierarchical languages with optimal memory", arXiv:2010.07515. Both brackets come as often, but
    that none closes at depth 0 and none opens at the deepest. parity: whether that is odd, which a step's neighbours do not tell
    (after Minsky & Papert 1969).
    """
    draws = np.random.default_rng(0)
    count, length = options.examples, options.length
    others = draws.uniform(size=(count, length)) < SHARE
    opens = draws.uniform(size=(count, length)) < 0.5
    tokens = np.full((count, length), OTHER, dtype=np.uint8)
    depths = np.zeros((count, length), dtype=np.int64)
    depth = np.zeros(count, dtype=np.int64)
    for step in range(length):
        up = (opens[:, step] | (depth == 0)) & (depth < options.deepest)
        moved = np.where(others[:, step], 0, np.where(up, 1, -1))
        depth = depth + moved
        tokens[:, step] = np.where(moved == 0, OTHER, np.where(moved > 0, OPEN, CLOSE))
        depths[:, step] = depth
    parity = options.label == "parity"
    return LoadedData(
        modality="tokens",
        problem="sequence_labelling",
        inputs=tokens,
        targets=depths % 2 if parity else depths,
        class_names=("even", "odd") if parity else tuple(f"depth {d}" for d in range(options.deepest + 1)),
        low=0.0,
        high=2.0,
    )  # fmt: skip
