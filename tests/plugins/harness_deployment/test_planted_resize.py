"""A pipeline that resizes otherwise than in training: the report finds it, and names it."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from here_command import call_here
from here_engine import OPTIONS
from PIL import Image

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


def told(
    folder: Path, store: str, data: str, recipe: dict[str, object], pipelines: str
) -> list[str]:
    """Run a model from the command line; return what the terminal and the page say."""
    overrides = {"matrix.floors": "false"} | {f"recipes.plain.{key}": recipe[key] for key in recipe}
    done = call_here(
        folder,
        *("run", "-a", "mlp", "-d", data, "--store", store),
        *(word for key, value in overrides.items() for word in ("--set", f"{key}={value}")),
        *("--measure", "accuracy", "--measure", f"deployment:pipelines={pipelines},seconds=0.01"),
        *OPTIONS,
        COLUMNS="200",
    )
    assert done.returncode == 0, done.stderr
    (page,) = (folder / store).glob("*/report.html")
    text = re.sub("<[^>]*>", " ", page.read_text(encoding="utf-8"))
    return [" ".join(said.split()) for said in (done.stdout, html.unescape(text))]


@pytest.mark.slow
def test_a_resize_that_differs_from_training_is_named_on_either_side(tmp_path):
    root = striped(tmp_path / "pictures")
    right, wrong = (
        f"imagefolder:path={root},size=8{more}" for more in ("", ",interpolation=nearest")
    )
    pipelines = "[resize-nearest,resize-area,resize-torch]"
    for said in told(tmp_path, "s", right, {"epochs": 20}, pipelines):
        assert re.search(
            "mlp:? Deployed otherwise the accuracy is surely lower: resize-nearest -", said
        )
        assert "pictures are not read as they were" not in said and "resize-area -" not in said

    (weights,) = (tmp_path / "s").rglob("model.safetensors")
    planted = {"epochs": 0, "weights": json.dumps(str(weights))}
    for said in told(tmp_path, "t", wrong, planted, "[resize-bicubic,resize-area,floored]"):
        assert "pictures are not read as they were in training" in said
        assert re.search(
            "mlp:? With pictures read in another way the accuracy is surely higher: ", said
        )
        assert "resize-bicubic +100.0 points" in said and "resize-area +100.0 points" in said
        assert "floored +" not in said
