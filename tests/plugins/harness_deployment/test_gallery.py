"""Examples whose answers flip: which are shown, with which pictures and words, and escaped on the page."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from here_engine import run_here
from measure_cases import InMemory, image_task, make_context
from PIL import Image
from torch import nn

from harness_deployment.gallery import Answers, Deployed, flip_sheets
from harness_reports import html

N = 6


def deployed(answers: list[int], shade: float) -> Deployed:
    """Examples whose ids are 10, 11, ... but come in another order, each as light as its number."""
    inputs = torch.full((N, 1, 6, 6), shade) + torch.arange(N).view(-1, 1, 1, 1) / 20
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    data = InMemory(inputs[order], torch.zeros(N, dtype=torch.long), 10 + order)
    logits = np.eye(3, dtype=np.float32)[answers] * np.log(8)  # 8 / 10 of its answer
    return Deployed(Answers(np.arange(10, 10 + N), logits, np.array([2] * N)), data)


def sheets(tmp_path: Path, most: int, **task):
    context = make_context(
        "deployment", nn.Identity(), None, replace(image_task(), **task), tmp_path
    )
    before = deployed([0] * N, 0.0)
    after = {"floored": deployed([0] * N, 0.5), "jpeg": deployed([0, 1, 2, 0, 1, 0], 0.5)}
    return list(flip_sheets(context, before, after, most))


def test_the_first_flips_are_shown_with_both_answers(tmp_path):
    (sheet,) = sheets(tmp_path, most=2, class_names=("ant", "bee", "cat"))
    assert sheet.title == "jpeg" and sheet.count == "the first 2 of 3 whose answer is another"
    panes = [[(p.title, p.name, p.words) for p in example.panes] for example in sheet.examples]
    assert panes == [
        [("reference", "ant", "80.0 %"), ("deployed", other, "80.0 %")] for other in ("bee", "cat")
    ]
    assert {example.caption for example in sheet.examples} == {"of class cat"}
    picture = np.asarray(Image.open(io.BytesIO(sheet.picture.png())))
    side = sheet.picture.height
    for row, shade in enumerate((1 / 20, 2 / 20)):  # ids 11 and 12
        top = row * (side + sheet.picture.gap)
        assert picture[top, 0] == round(255 * shade)
        assert picture[top, side + sheet.picture.gap] == round(255 * (0.5 + shade))


def test_of_tables_words_alone_are_shown(tmp_path):
    (sheet,) = sheets(tmp_path, most=10, modality="table")
    assert sheet.picture is None and len(sheet.examples) == 3


@pytest.mark.slow
def test_a_run_shows_them_on_the_page_with_names_escaped(tmp_path):
    draws = np.random.default_rng(0)
    for name in ("<i>cat<", "dog & co"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(30):
            pixels = draws.integers(0, 256, (9, 27, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    suite = {
        "suite": {"name": "d"},
        "matrix": {
            "architectures": ["mlp"],
            "datasets": [f"imagefolder:path={tmp_path / 'photos'},size=8"],
            "floors": False,
        },
        "recipes": {"plain": {"epochs": 1}},
        "measure": [
            {"name": "accuracy"},
            {"name": "deployment", "pipelines": ["squashed", "resize-nearest"], "seconds": 0.01},
        ],
    }
    run = run_here(suite, store=tmp_path / "s")
    text = html.render(run.summary)
    assert "Answers that flip in a deployment" in text
    assert "&lt;i&gt;cat&lt;" in text and "<i>cat<" not in text
