"""Boosted trees under HopSkipJump beside the nearest points that fool them, found exactly.

The attack sees answers alone. The exact search knows the trees: the mixed integer program of Kantchelian, Tygar & Joseph 2016,
arXiv:1509.07892, section 4, in Linf, solved by scipy's HiGHS; of two classes. On breast_cancer, distances in shares of each column's
range. Run by hand, some two seconds of CPU an example:

    python tests/evidence/trees_exactly.py 30
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from measure_cases import make_context, measure

from harness.api.measuring import grow_trees, read_rows
from harness.catalogue.host import Host
from harness.data.prepare import prepare
from harness.data.prepared import PreparedData
from harness.plan.names import choose_one

ATTACK = "hopskipjump:queries=2000"
RADII = (0.02, 0.05, 0.1)
BEYOND = 1e-9  # of the sum of the leaves, on the other side of 0


class Program:
    """Rows of a linear program in sparse form."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, float]] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def add(self, terms: list[tuple[int, float]], low: float, high: float) -> None:
        """Ask that the sum of coefficient times variable lies between two numbers."""
        self.entries += [(len(self.low), variable, factor) for variable, factor in terms]
        self.low.append(low)
        self.high.append(high)

    def constraint(self, variables: int) -> LinearConstraint:
        rows, columns, values = zip(*self.entries, strict=True)
        shape = (len(self.low), variables)
        return LinearConstraint(coo_array((values, (rows, columns)), shape=shape).tocsr(), self.low, self.high)  # fmt: skip


def nearest(trees: Any, row: np.ndarray, wanted: int, low: np.ndarray, high: np.ndarray) -> float:
    """Return the Linf distance, in shares of `high - low`, to the nearest point in that box that trees answer otherwise.

    Variables: of each question "column <= threshold" whether it is so, of each leaf whether the point is in it, the distance.
    """
    grown = [one[0].nodes for one in trees._predictors]
    questions = sorted(
        {
            (int(node["feature_idx"]), float(node["num_threshold"]))
            for nodes in grown
            for node in nodes[nodes["is_leaf"] == 0]
        }
    )
    place = {question: at for at, question in enumerate(questions)}
    program, leaves = Program(), []
    for nodes in grown:

        def below(at: int, nodes: Any = nodes) -> list[int]:
            node = nodes[at]
            if node["is_leaf"]:
                leaves.append(float(node["value"]))
                return [len(questions) + len(leaves) - 1]
            left, right = below(node["left"]), below(node["right"])
            asked = place[int(node["feature_idx"]), float(node["num_threshold"])]
            program.add([*((leaf, 1.0) for leaf in left), (asked, -1.0)], -np.inf, 0)
            program.add([*((leaf, 1.0) for leaf in right), (asked, 1.0)], -np.inf, 1)
            return left + right

        program.add([(leaf, 1.0) for leaf in below(0)], 1, 1)
    total = [(len(questions) + at, value) for at, value in enumerate(leaves)]
    turn = -float(trees._baseline_prediction.ravel()[0])
    ends = (-np.inf, turn - BEYOND) if wanted == 1 else (turn + BEYOND, np.inf)
    program.add(total, *ends)
    distance = len(questions) + len(leaves)
    least, most = np.zeros(distance + 1), np.ones(distance + 1)
    for at, (column, threshold) in enumerate(questions):
        least[at], most[at] = threshold >= high[column], threshold >= low[column]
        far = abs(row[column] - threshold) / (high[column] - low[column])
        if row[column] <= threshold:
            program.add([(distance, 1.0), (at, far)], far, np.inf)
        else:
            program.add([(distance, 1.0), (at, -far)], 0, np.inf)
        if at + 1 < len(questions) and questions[at + 1][0] == column:
            program.add([(at, 1.0), (at + 1, -1.0)], -np.inf, 0)
    whole = np.r_[np.ones(len(questions)), np.zeros(len(leaves) + 1)]
    found = milp(
        np.r_[np.zeros(distance), 1.0],
        constraints=program.constraint(distance + 1),
        integrality=whole,
        bounds=Bounds(least, most),
    )
    assert found.status == 0, found.message
    return float(found.fun)


def main(count: int) -> None:
    catalogue = Host().catalogue
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(choose_one(catalogue, "dataset", "breast_cancer"), 0, folder)
        data = PreparedData.open(folder)
        asked = {"attacks": (ATTACK,), "epsilons": RADII, "batch_size": 4096, "examples": count}
        context = make_context("tree_adversarial", nn.Identity(), None, data.task, folder, **asked)
        context = replace(
            context,
            seed=0,
            split=lambda part: data.split(part, torch.device("cpu")),
            choose=lambda kind, one: choose_one(catalogue, kind, one),
        )
        measure(context, "tree_adversarial")
        kept = dict(np.load(folder / "examples.npz"))
        parts = [read_rows(context.split(part)) for part in ("train", "test")]
        trees = grow_trees(context).__self__  # type: ignore[attr-defined]
    low = np.minimum(*(inputs.min(0) for inputs, _, _ in parts))
    high = np.maximum(*(inputs.max(0) for inputs, _, _ in parts))
    inputs, targets, ids = parts[1]
    right = kept["clean_correct"]
    rows = np.searchsorted(ids, kept["ids"][right])
    found = kept["distance_0"][right]
    exact = np.array([nearest(trees, inputs[k], int(targets[k]), low, high) for k in rows])
    ratio = found / exact
    print(f"{len(exact)} examples; found over exact: least {ratio.min():.4f}, median {np.median(ratio):.2f}, most {ratio.max():.2f}")  # fmt: skip
    for radius in RADII:
        print(f"stand at {radius}: {100 * (exact > radius).mean():.1f} % exactly, {100 * (found > radius).mean():.1f} % as found")  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]))
