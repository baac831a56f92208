"""A pipeline that resizes otherwise than in training: the report finds it, and names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from here_engine import run_here
from PIL import Image

from harness_reports import html, terminal

STRIPES = {"dark": (1, 1, 0, 1), "light": (0, 0, 1, 0)}  # the nearest pixel is as the mean is not


def striped(folder: Path) -> Path:
    """Two classes of pictures whose stripes are fine: smoothed, one is light where the other is dark; nearest, it is the reverse."""
    draws = np.random.default_rng(0)
    for name, stripe in STRIPES.items():
        (folder / name).mkdir(parents=True)
        for number in range(60):
            pixels = 160 * np.tile(stripe, (32, 8)) + draws.integers(20, 76, (32, 32))
            picture = Image.fromarray(pixels.astype(np.uint8)).convert("RGB")
            picture.save(folder / name / f"{number}.png")
    return folder


def suite(data: str, recipe: dict[str, Any], pipelines: list[str]) -> dict[str, Any]:
    return {
        "suite": {"name": "planted"},
        "matrix": {"architectures": ["mlp"], "datasets": [data]},
        "recipes": {"plain": recipe},
        "measure": [
            {"name": "accuracy"},
            {"name": "deployment", "pipelines": pipelines, "seconds": 0.01},
        ],
    }


def told(run: Any) -> tuple[str, str]:
    """Return what the terminal and the page say."""
    return " ".join(terminal.render(run.summary, width=200).split()), html.render(run.summary)


@pytest.mark.slow
def test_a_resize_that_differs_from_training_is_named_on_either_side(tmp_path):
    root = striped(tmp_path / "pictures")
    right, wrong = (
        f"imagefolder:path={root},size=8{more}" for more in ("", ",interpolation=nearest")
    )
    sane = run_here(
        suite(right, {"epochs": 20}, ["resize-nearest", "resize-area", "resize-torch"]),
        store=tmp_path / "s",
    )
    [row] = sane.summary.rows
    assert row.figures["headline"].value == 1.0
    for said in told(sane):
        assert "Deployed otherwise the accuracy is surely lower: resize-nearest" in said
        assert "reference-mistaken" not in said and "resize-area -" not in said

    (weights,) = (tmp_path / "s").rglob("model.safetensors")
    planted = run_here(
        suite(
            wrong,
            {"epochs": 0, "weights": str(weights)},
            ["resize-bicubic", "resize-area", "floored"],
        ),
        store=tmp_path / "t",
    )
    [row] = planted.summary.rows
    assert row.figures["headline"].value == 0.0
    for said in told(planted):
        assert "pictures are not read as they were in training" in said
        assert "With pictures read in another way the accuracy is surely higher: resize-" in said
        assert "resize-bicubic +100.0 points" in said and "resize-area +100.0 points" in said
        assert "floored +" not in said
