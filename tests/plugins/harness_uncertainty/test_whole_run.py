"""A whole run: what a suite names is prepared, and what is found stands in the report's tables and charts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from here_engine import run_here


def suite_of(dataset: str, **more: object) -> dict[str, object]:
    return {
        "suite": {"name": "u"},
        "matrix": {"architectures": ["mlp"], "datasets": [dataset], "seeds": [0], "floors": False},
        "recipes": {"plain": {"epochs": 3, "optimizer": "adamw:learning_rate=1e-2"}},
        "measure": [
            {
                "name": "uncertainty",
                "shifts": ["rotate"],
                "severities": [1, 5],
                "alphas": [0.1, 0.2],
            },
            {"name": "ood", "shifts": ["rotate"], "severities": [5], **more},
        ],
    }


@pytest.mark.slow
def test_confidence_and_detection_of_images(tmp_path: Path) -> None:
    letters = tmp_path / "letters.npz"
    draws = np.random.default_rng(0)
    np.savez(letters, inputs=draws.random((40, 1, 8, 8)), targets=np.arange(40) % 2)
    suite = suite_of("digits", datasets=[f"npz:path={letters}"], scores=["energy", "knn"])
    report = run_here(suite, store=tmp_path / "store").summary
    titles = {column.title for column in report.columns}
    assert {
        "ECE", "ECE debiased", "ECE debiased, scaled by temperature", "temperature", "log loss", "Brier score",
        "coverage of aps sets, alpha 0.1", "size of aps sets, alpha 0.1", "AURC", "accuracy, surest 0.8",
        "OOD AUROC, energy, far sets", "OOD AUROC, energy, near sets",
    } <= titles  # fmt: skip
    [row] = report.rows
    assert 0.5 < row.figures["ood/auroc_far"].value <= 1
    charts = {chart.title: chart for chart in report.charts}
    assert charts["Reliability"].identity and charts["Reliability, scaled by temperature"].identity
    assert charts["Risk against coverage"].points[-1].x == 1
    for method in ("lac", "aps"):
        for alpha in ("0.1", "0.2"):
            title = f"Coverage of conformal sets under shift, method {method}, alpha {alpha}"
            assert charts[title].columns == ("1", "5")
    sets = charts["Out-of-distribution detection by score and set"].columns
    assert sets[:3] == ("uniform", "permuted", "inverted") and sets[-1] == "rotate 5"
    assert "letters" in sets[3] and len(sets) == 5


@pytest.mark.slow
def test_confidence_and_detection_of_tables_leave_out_shifts_of_images(tmp_path: Path) -> None:
    report = run_here(suite_of("breast_cancer"), store=tmp_path).summary
    [row] = report.rows
    assert {"uncertainty/ece", "uncertainty/aurc", "ood/auroc_far"} <= row.figures.keys()
    assert "ood/auroc_near" not in row.figures
