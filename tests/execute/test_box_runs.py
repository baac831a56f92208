"""Boxes about things, the whole way: fitted, measured, attacked, shifted, compared with the floor, shown; and what does not apply."""

from __future__ import annotations

from typing import Any

import pytest
from here_engine import run_here

SUITE: dict[str, Any] = {
    "suite": {"name": "boxes"},
    "matrix": {
        "architectures": ["fcos:width=8,depth=1", "unet"],
        "datasets": ["digits_on_textures:problem=detection,examples=200"],
        "floors": True,
    },
    "recipes": {
        "plain": {
            "optimizer": "adamw:learning_rate=1e-2",
            "epochs": 6,
            "batch_size": 20,
            "augmentations": ["flip", "crop"],
        }
    },
    "measure": [
        {"name": "accuracy"},
        {"name": "flops"},
        {"name": "by_class"},
        {"name": "adversarial", "attacks": ["pgd:steps=3", "deepfool"], "epsilons": ["8/255"]},
        {
            "name": "shift",
            "shifts": ["gaussian_noise", "rotate", "elastic_transform"],
            "severities": [5],
        },
    ],
}


@pytest.mark.slow
def test_boxes_go_the_whole_way(tmp_path) -> None:
    run = run_here(SUITE, store=tmp_path / "store")
    name = "fcos:width=8,depth=1"
    rows = {row.architecture: row for row in run.summary.rows}
    assert set(rows) == {name, "constant"}
    assert rows["constant"].figures["headline"].value < 0.01
    mine = rows[name].figures["headline"]
    assert 0.05 < mine.value < 1 and mine.low < mine.value < mine.high
    (half,) = run.metrics[run.metrics["name"] == "average_precision_50"].itertuples()
    assert mine.value < half.value < 1 and half.low < half.value < half.high
    classes = run.metrics[run.metrics["name"] == "class_average_precision"]
    assert len(classes) == 10 and classes["value"].mean() == pytest.approx(mine.value)
    shifted = rows[name].figures["shifted"]
    assert 0 < shifted.value < mine.value
    assert 0 <= rows[name].figures["robust"].value < 1
    said = " ".join(run.report("terminal").split())
    assert "mAP %" in said
    assert "unet answers once for each pixel, and detection asks for an answer for each box" in said
    assert "attack deepfool is for classification, not detection" in said
    assert "elastic_transform may move what an image shows" in said
    page = run.report("html")
    assert "Boxes: 0 red, 1 green" in page and "Answers" in page
