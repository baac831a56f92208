"""Which class each pixel is of, the whole way: fitted, measured, compared with its floors, shown; and what does not apply."""

from __future__ import annotations

from typing import Any

import pytest
from here_engine import run_here

SUITE: dict[str, Any] = {
    "suite": {"name": "masks"},
    "matrix": {
        "architectures": ["unet:width=8,depth=2", "lenet"],
        "datasets": ["digits_on_textures:examples=200"],
        "floors": True,
    },
    "recipes": {
        "plain": {
            "optimizer": "adamw:learning_rate=1e-2",
            "epochs": 2,
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
            "severities": [1, 5],
        },
    ],
}


@pytest.mark.slow
def test_masks_go_the_whole_way(tmp_path) -> None:
    run = run_here(SUITE, store=tmp_path / "store")
    rows = {row.architecture: row for row in run.summary.rows}
    shares = {name: row.figures["headline"] for name, row in rows.items()}
    assert set(shares) == {"unet:width=8,depth=2", "constant", "linear"}
    assert 0.08 < shares["constant"].value < 0.09
    mine = shares["unet:width=8,depth=2"]
    assert 0.01 < mine.value < 1 and mine.low < mine.value < mine.high
    shifted = rows["unet:width=8,depth=2"].figures["shifted"]
    assert 0.01 < shifted.value < 1 and shifted.low < shifted.value < shifted.high
    said = " ".join(run.report("terminal").split())
    assert "mIoU %" in said
    assert (
        "lenet answers once for each example, and segmentation asks for an answer for each pixel"
        in said
    )
    robust = rows["unet:width=8,depth=2"].figures["robust"]
    assert 0 <= robust.value <= 1
    assert "attack deepfool is for classification, not segmentation" in said
    assert "elastic_transform may move what an image shows" in said
    shares = run.metrics[run.metrics["name"] == "class_iou"]
    assert len(shares) == 11 and shares["value"].mean() == pytest.approx(mine.value)
    assert (shares.low <= shares["value"]).all() and (shares["value"] <= shares.high).all()
    page = run.report("html")
    assert "Left as it is: background; 0 red, 1 green" in page and "Answers" in page
