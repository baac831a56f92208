"""A share of the training examples, as if there were no others: for curves of what more data would bring."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.catalogue.references import call
from harness.data.draws import derive
from harness.data.input_statistics import input_statistics
from harness.data.prepared import PreparedData
from harness.data.splits import SPLITS, TRAIN, Array, cut, hash_examples
from harness.data.target_scale import count_from_origin, target_statistics


def training_rows(data: PreparedData, share: float, seed: int) -> Array:
    """Return the rows ``(n,)`` of about `share` of the training examples, as many of every stratum, at least one of each.

    They depend on (seed, example): a smaller share is part of a larger one of the same seed.
    """
    rows = np.flatnonzero(data.array("split") == TRAIN)
    hashes = hash_examples(np.array(data.array("ids")[rows]), derive(seed, "training share"))
    strata = np.zeros(len(rows), dtype=np.int64)
    if data.task.problem_item.strata is not None:
        strata = call(data.task.problem_item.strata, targets=np.array(data.array("targets")[rows]))
    _, stratum, count = np.unique(strata, return_inverse=True, return_counts=True)
    alone = count[stratum] == 1  # which a cut into two parts would leave in the other
    return np.asarray(rows[cut(hashes, strata, share) | alone])


def with_training_share(data: PreparedData, share: float, seed: int) -> PreparedData:
    """Return prepared data with a share of the training examples alone; share: above 0, at most 1.

    The statistics by which inputs and targets are scaled are of these. Validation and test stay whole, as does what the data
    set has learnt from all training rows before, such as a vocabulary.
    """
    if share == 1.0:
        return data
    rows = training_rows(data, share, seed)
    mask = np.zeros(len(data.array("split")), dtype=bool)
    mask[rows] = True
    inputs, targets, task = data.array("inputs"), data.array("targets"), data.task
    if task.modality_item.input_type == "float32":
        mean, std = input_statistics(task.modality, inputs, mask, task.scale)
        task = replace(task, mean=mean, std=std)
    if task.problem_item.real_targets:
        target_mean, target_std = target_statistics(targets[mask])
        task = replace(task, target_mean=target_mean, target_std=target_std)
        task = count_from_origin(task, inputs, np.array(targets), mask)
    task = replace(task, counts={**task.counts, SPLITS[TRAIN]: len(rows)})
    return replace(data, task=task, train=mask)
