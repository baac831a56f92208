"""Boosted trees under attack: distances beside those that a look at all their cells tells, and what is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from measure_cases import InMemory, make_context, measure, named, one
from torch import nn

from harness.api import MeasureContext, NotApplicable, Task
from harness.api.measuring import LeftOut, grow_trees
from harness.catalogue.finding import read_findings
from harness.catalogue.host import Host
from harness.plan.names import choose_one

RANGES = np.array([10.0, 1000.0], np.float32)
ROWS, ASKED = 300, 40


def context_of(corner: float, folder: Path, **options: Any) -> MeasureContext:
    """Return a context of rows of two columns, of class 1 where both are above a share of their ranges."""
    unit = np.random.default_rng(0).random((ROWS, 2)).astype(np.float32)
    unit[:2] = [[0, 0], [1, 1]]  # so that a column's range is known
    targets = torch.tensor((unit > corner).all(1)).long()
    data = InMemory(torch.tensor(unit * RANGES), targets, torch.arange(ROWS))
    counts = {"train": ROWS, "test": ROWS}
    task = Task(
        modality="table",
        problem="classification",
        input_shape=(2,),
        outputs=2,
        low=0.0,
        high=1000.0,
        std=(1.0, 1.0),
        counts=counts,
    )
    given = {"examples": ASKED, "batch_size": 4096} | options
    context = make_context("tree_adversarial", nn.Identity(), data, task, folder, **given)
    catalogue = Host().catalogue
    return replace(
        context,
        split=lambda name: data,
        choose=lambda kind, name: choose_one(catalogue, kind, name),
    )


def nearest_cells(context: MeasureContext, norm: str) -> np.ndarray:
    """Return how far it is from each row to the nearest cell of the trees with another answer, in shares of ranges."""
    predict = grow_trees(context)
    nodes = np.concatenate(
        [tree.nodes for grown in predict.__self__._predictors for tree in grown]  # type: ignore[attr-defined]
    )
    splits = nodes[nodes["is_leaf"] == 0]
    bounds = []
    for column in range(2):
        cuts = np.unique(splits["num_threshold"][splits["feature_idx"] == column])
        bounds.append(np.r_[-1.0, cuts, RANGES[column] + 1])
    inner = [(one_side[1:] + one_side[:-1]) / 2 for one_side in bounds]
    cells = np.stack(np.meshgrid(*inner, indexing="ij"), -1)
    answers = predict(cells.reshape(-1, 2)).reshape(cells.shape[:2])
    found = []
    for inputs, targets, _ in context.split("test").batches(1):
        row = inputs[0].double().numpy()
        gaps = [
            np.maximum(np.maximum(side[:-1] - value, value - side[1:]), 0) / whole
            for side, value, whole in zip(bounds, row, RANGES, strict=True)
        ]
        both = np.stack(np.meshgrid(*gaps, indexing="ij"))
        sizes = both.max(0) if norm == "linf" else np.hypot(*both)
        found.append(sizes[answers != int(targets)].min())
    return np.array(found)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_distances_are_those_to_the_nearest_cell_with_another_answer(
    norm: str, tmp_path: Path
) -> None:
    options = {"norm": norm, "epsilons": ("0.05", 0.2), "attacks": ("hopskipjump:queries=1000",)}
    context = context_of(0.4, tmp_path, **options)
    found = measure(context, "tree_adversarial")
    kept = np.load(tmp_path / "examples.npz")
    exact = nearest_cells(context, norm)[:ASKED]
    assert kept["clean_correct"].all() and (exact > 0).all()
    ratio = kept["distance_0"] / exact
    assert ratio.min() > 1 - 1e-5  # nobody is nearer than the nearest
    assert np.median(ratio) < 1.01 and ratio.max() < 3
    for k, epsilon in enumerate((0.05, 0.2)):
        robust = one(found, "robust_accuracy", attack="worst case", epsilon=epsilon)
        assert robust.where["architecture"] == "boosted trees"
        assert robust.value == (kept["distance_0"] > epsilon).mean() == kept[f"robust_{k}"].mean()
        assert (exact > epsilon).mean() <= robust.value <= (exact > epsilon).mean() + 0.05
    (median,) = named(found, "median_distance")
    assert median.value == pytest.approx(float(np.median(kept["distance_0"])))


def test_what_sees_more_than_answers_is_left_out_and_no_worst_case_is_told(tmp_path: Path) -> None:
    attacks = ("pgd", "hopskipjump:queries=200", "square")
    context = context_of(0.4, tmp_path, attacks=attacks, epsilons=(0.1,), examples=8)
    with pytest.warns(LeftOut, match="pgd, square would see more than answers"):
        found = measure(context, "tree_adversarial")
    assert {one.where.get("attack") for one in named(found, "robust_accuracy")} == {attacks[1]}
    (alone,) = read_findings(tmp_path) or ()
    assert alone.sentence.endswith("met hopskipjump:queries=200, which sees answers alone.")
    assert not alone.flag  # its figures are right, and a claim may be decided by them
    with pytest.raises(NotApplicable, match="pgd would see more than answers; hopskipjump does"):
        measure(replace(context, options=replace_attacks(context, "pgd")), "tree_adversarial")


def replace_attacks(context: MeasureContext, *attacks: str) -> Any:
    return context.options.model_copy(update={"attacks": attacks})  # type: ignore[union-attr]
