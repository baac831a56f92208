"""Flips by hand: consecutive frames, noise against its first frame, and rates against a reference."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from here_engine import run_here
from measure_cases import InMemory, image_task, make_context, measure, one
from torch import nn

from harness.api import Draws, FittedModel, NotApplicable
from harness_quality import frames
from harness_quality.frames import SEQUENCES


class AtLevel(nn.Module):
    """Class 1 where the mean is above a level."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = level

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        above = inputs.mean((1, 2, 3)) > self.level
        return torch.stack([~above, above], 1).float()


def plain(*levels: float) -> InMemory:
    inputs = torch.stack([torch.full((1, 6, 6), level) for level in levels])
    return InMemory(inputs, torch.zeros(len(levels), dtype=torch.long), torch.arange(len(levels)))


TASK = replace(image_task(), outputs=2)


def test_a_frame_is_compared_with_the_one_before(tmp_path):
    # Five frames lighten by 0.01 from -0.02: 0.495 passes 0.5 once, 0.9 and 0.2 never.
    context = make_context(
        "flip_rate",
        AtLevel(0.5),
        plain(0.495, 0.9, 0.2),
        TASK,
        tmp_path,
        sequences=("brightness",),
        frames=5,
    )
    found = measure(context, "flip_rate")
    single = one(found, "flip_probability", sequence="brightness")
    assert single.value == pytest.approx(1 / 12) and single.n == 3
    mean = one(found, "mean_flip_probability")
    assert mean.value == single.value and mean.examples == ("-flips_brightness",)
    assert single.low < single.value < single.high
    assert np.load(tmp_path / "examples.npz")["flips_brightness"] == pytest.approx([1 / 4, 0, 0])


def test_frames_of_noise_are_compared_with_the_first(tmp_path, monkeypatch):
    def flicker(inputs, count, draws, task):
        yield from (inputs + step for step in (0.0, 0.2, 0.2, 0.0)[:count])

    monkeypatch.setitem(frames.SEQUENCES, "gaussian_noise", flicker)
    monkeypatch.setitem(frames.SEQUENCES, "brightness", flicker)
    context = make_context(
        "flip_rate",
        AtLevel(0.5),
        plain(0.4),
        TASK,
        tmp_path,
        sequences=("gaussian_noise", "brightness"),
        frames=4,
    )
    found = measure(context, "flip_rate")
    # Answers 0 1 1 0: two of three differ from the first, two of three from the one before, at other places.
    assert one(found, "flip_probability", sequence="gaussian_noise").value == pytest.approx(2 / 3)
    assert one(found, "flip_probability", sequence="brightness").value == pytest.approx(2 / 3)

    def step(inputs, count, draws, task):
        yield from (inputs + step for step in (0.0, 0.2, 0.2, 0.2)[:count])

    for name in ("gaussian_noise", "brightness"):
        monkeypatch.setitem(frames.SEQUENCES, name, step)
    found = measure(context, "flip_rate")
    assert one(found, "flip_probability", sequence="gaussian_noise").value == 1.0
    assert one(found, "flip_probability", sequence="brightness").value == pytest.approx(1 / 3)


def against(tmp_path, levels: dict[str, float], **options):
    data = plain(*np.linspace(0.3, 0.7, 81))
    context = make_context(
        "mfr", nn.Identity(), data, TASK, tmp_path, sequences=("brightness",), frames=5, **options
    )
    fits = tuple(
        FittedModel(
            architecture=name,
            recipe="",
            dataset="x",
            seed=0,
            load=lambda level=level: AtLevel(level),
        )
        for name, level in levels.items()
    )
    named_so = lambda kind, name: SimpleNamespace(label=name, spelled=name)
    return measure(replace(context, fits=fits, choose=named_so), "mfr")


def test_rates_are_divided_by_the_references(tmp_path):
    # Levels 0.005 apart, lightened over 0.04 in all: 8 of 81 pass 0.5, 4 pass 0.701 (those from 0.681 on, 0.7 at most).
    found = against(tmp_path, {"ref": 0.501, "edge": 0.701}, reference="ref")
    edge = one(found, "mfr", architecture="edge")
    assert edge.value == one(found, "flip_rate", architecture="edge").value == pytest.approx(4 / 8)
    assert edge.low < edge.value < edge.high
    assert one(found, "mfr", architecture="ref").exact


@pytest.mark.parametrize(
    ("levels", "reference", "words"),
    [
        ({"ref": 2.0, "a": 0.5}, "ref", "the answers of the reference ref never flip under brightness"),
        ({"b": 0.5, "a": 0.5}, "ref", "the reference ref is not among the fitted models: b, a"),
    ],
)  # fmt: skip
def test_a_reference_that_cannot_be_one_is_refused(tmp_path, levels, reference, words):
    with pytest.raises(NotApplicable, match=words):
        against(tmp_path, levels, reference=reference)


@pytest.mark.parametrize("name", SEQUENCES)
def test_frames_change_little_and_stay_in_the_range(name):
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand((4, 3, 4, 4), generator=generator)
    inputs = nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear")
    made = torch.stack(list(SEQUENCES[name](inputs, 9, Draws(1, torch.arange(4)), image_task())))
    assert made.shape == (9, 4, 3, 32, 32) and made.min() >= 0 and made.max() <= 1
    steps = (made[1:] - made[:-1]).abs().mean((1, 2, 3, 4))
    assert (steps > 0).all() and steps.max() < 0.04
    part = torch.stack(
        list(SEQUENCES[name](inputs[2:], 9, Draws(1, torch.arange(2, 4)), image_task()))
    )
    assert torch.allclose(part, made[:, 2:], atol=1e-6)  # whatever the batch


def test_a_turn_is_the_same_on_images_that_are_not_square():
    inputs = torch.zeros(1, 1, 12, 24)
    inputs[0, 0, 5:7, 4:20] = 1.0  # a bar along the longer side
    *_, last = SEQUENCES["rotate"](
        inputs, 181, Draws(1, torch.arange(1)), image_task()
    )  # 90 degrees
    assert (last[0, 0, :, 11:13] > 0.9).all() and last[0, 0, :, :10].max() < 0.1


@pytest.mark.slow
def test_a_run_has_columns_and_maps(tmp_path):
    suite = {
        "suite": {"name": "f"},
        "matrix": {"architectures": ["mlp", "lenet"], "datasets": ["digits"], "floors": False},
        "recipes": {"plain": {"epochs": 1}},
        "measure": [
            {"name": "flip_rate", "frames": 5},
            {"name": "mfr", "reference": "mlp", "frames": 5},
        ],
    }
    report = run_here(suite, store=tmp_path).summary
    assert {"flips", "mFR (mlp)"} <= {column.title for column in report.columns}
    assert {"Flip probability", "Flip rate against mlp"} <= {chart.title for chart in report.charts}


def test_answers_that_never_flip_might_yet(tmp_path):
    context = make_context("flip_rate", AtLevel(2.0), plain(*[0.5] * 50), TASK, tmp_path)
    mean = one(measure(context, "flip_rate"), "mean_flip_probability")
    assert (mean.value, mean.low) == (0.0, 0.0)
    assert mean.high == pytest.approx(
        1.96**2 / (50 + 1.96**2), rel=1e-3
    )  # Wilson's, each example once
