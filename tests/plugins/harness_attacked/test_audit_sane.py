"""Sane models of all families raise no alarm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from here_engine import run_here

import harness


def measures(steps: int) -> list[dict[str, Any]]:
    shared = {"name": "adversarial", "examples": 80, "gallery": 0}
    shared["attacks"] = [f"pgd:steps={steps}", "square:queries=150"]
    return [
        {**shared, "epsilons": ["1/16", "2/16"]},
        {**shared, "epsilons": [0.5], "norm": "l2"},
    ]


FAMILIES = ["lenet", "resnet", "vit:depth=2,dropout=0.1", "gru", "timm/test_resnet"]
OTHERS = [  # of the same families: tests/evidence/sane_models.py
    "mlp",
    "mlp:depth=4,activation=tanh",
    "mlp:dropout=0.3",
    "lenet:dropout=0.3",
    "vit:depth=2",
    "gru:layers=2,dropout=0.2",
    "timm/test_efficientnet",
]
RECIPES = {
    "plain": {"epochs": 10, "optimizer": "adamw:learning_rate=1e-2", "schedule": "one-cycle"},
    "pgd-at": {
        "epochs": 6,
        "optimizer": "adamw:learning_rate=1e-2",
        "objective": {"name": "pgd-at", "epsilon": "2/16", "steps": 3},
    },
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("sane")


def run(store, architectures, datasets, recipe, steps=20, **more) -> harness.Run:
    suite = {
        "suite": {"name": "sane"},
        "matrix": {
            "architectures": architectures,
            "datasets": datasets,
            "recipes": [recipe],
            "floors": False,
        },
        "recipes": {recipe: RECIPES[recipe] | more},
        "measure": measures(steps),
    }
    return run_here(suite, store=store)


def alarms(found: harness.Run) -> list[tuple[str, str, str]]:
    """What was found about figures; that adversarial training of six epochs is short is true, and no alarm."""
    failed = [one for one in found.summary.unfinished if one.status != "skipped"]
    assert not failed, failed
    return [
        (one.series, one.dataset, one.sentence)
        for one in found.summary.findings
        if one.code != "still-falling"
    ]


def test_a_sane_model(store):
    found = run(store, ["mlp"], ["breast_cancer"], "plain")
    assert alarms(found) == [] and found.summary.audited == 2


@pytest.mark.slow
def test_nine_sane_models(store, tmp_path):
    """One of each family, and of each modality and objective; the evidence has the others."""
    rows = write_sequences(tmp_path)
    check(
        [
            run(store, FAMILIES, ["digits"], "plain", epochs=5),
            run(store, ["mlp:dropout=0.3"], ["breast_cancer"], "plain"),
            run(store, ["gru"], [rows], "plain", steps=40),  # 20 are too few in l2, and told of
            run(store, ["mlp", "lenet"], ["digits"], "pgd-at"),
        ],
        models=9,
    )


def check(runs: list[harness.Run], models: int) -> None:
    """No alarm, and so many models that were looked at in both norms and withstand a little."""
    assert [alarm for found in runs for alarm in alarms(found)] == []
    assert sum(len(found.summary.rows) for found in runs) == models
    assert sum(found.summary.audited for found in runs) == 2 * models
    for row in (row for found in runs for row in found.summary.rows):
        assert row.figures["robust"].value > 0.02, row.series


def write_sequences(folder: Path) -> str:
    """Write the digits' rows as sequences, and return the data set's name."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    assert digits.images.shape[1:] == (8, 8)
    path = folder / "rows.npz"
    np.savez(path, inputs=digits.images.astype(np.float32), targets=digits.target)
    return f"npz:path={path},modality=sequence"
