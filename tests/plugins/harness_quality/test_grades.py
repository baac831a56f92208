"""A headline that is no mean of examples: its value, its bootstrap interval, and pairs by the jackknife."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import InMemory, make_context, measure, one
from torch import nn

from harness.api import Task
from harness.catalogue.gallery_file import parse_gallery
from harness.statistics.inference import paired_p_value
from harness_problems import segmentation
from harness_quality.grades import headline_of, pseudo_values
from harness_quality.intervals import drawn_counts

TASK = Task(
    modality="image",
    problem="segmentation",
    input_shape=(1, 6, 6),
    outputs=2,
    low=0.0,
    high=1.0,
    counts={"train": 200, "validation": 1, "test": 80},
)


def ratio(tallies, counts):
    return (counts @ tallies[:, 0]) / (counts @ tallies[:, 1])


def areas(n: int, share: float, seed: int) -> np.ndarray:
    """Return intersections and unions of images of very unequal areas, some of which are much harder."""
    generator = np.random.default_rng(seed)
    whole = generator.integers(1, 200, n)
    own = generator.beta(4 * share, 4 * (1 - share), n)
    return np.stack([generator.binomial(whole, own), whole], 1).astype(float)


def test_pseudo_values_of_a_mean_are_its_examples_and_of_a_ratio_what_each_does_to_it():
    values = np.array([3.0, 1.0, 8.0])
    mean = pseudo_values(lambda t, c: (c @ t) / c.sum(1), values, 4.0, 2)
    assert mean == pytest.approx(values)
    tallies = areas(300, 0.7, 0)
    value = tallies[:, 0].sum() / tallies[:, 1].sum()
    found = pseudo_values(ratio, tallies, value, 7)
    linear = (tallies[:, 0] - value * tallies[:, 1]) / tallies[:, 1].mean()  # the delta method
    assert found == pytest.approx(value + linear, abs=0.02)
    error = found.std(ddof=1) / math.sqrt(300)
    resampled = np.concatenate([ratio(tallies, counts) for counts in drawn_counts(300, 100)])
    assert error == pytest.approx(resampled.std(), rel=0.1)


def test_pairs_are_told_apart_by_the_images_that_both_have():
    one, generator = areas(200, 0.7, 1), np.random.default_rng(2)
    worse = one.copy()
    worse[:, 0] = np.maximum(0, worse[:, 0] - generator.integers(0, 3, 200))
    grades = []
    for tallies in (one, worse):
        value = float(ratio(tallies, np.ones((1, 200)))[0])
        grades.append(pseudo_values(ratio, tallies, value, 200))
    drawn = [ratio(one, c) - ratio(worse, c) for c in drawn_counts(200, 200)]
    differences = np.concatenate(drawn)
    assert (differences > 0).all()  # a paired bootstrap is sure ...
    assert paired_p_value(*grades) < 0.001  # ... and so is the test of pairs
    assert paired_p_value(grades[0], areas_apart(grades[0])) > 0.05


def areas_apart(grades: np.ndarray) -> np.ndarray:
    """Return the same grades in another order: as good, and not by the same images."""
    return np.random.default_rng(3).permutation(grades)


class Threshold(nn.Module):
    """Class 1 where a pixel is brighter than a half."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.cat([0.5 - inputs, inputs - 0.5], 1)


def scenes(n: int, seed: int) -> InMemory:
    """Return pixels that are bright where the mask says 1, nine times out of ten."""
    generator = torch.Generator().manual_seed(seed)
    masks = (torch.rand(n, 6, 6, generator=generator) < 0.3).byte()
    wrong = torch.rand(n, 6, 6, generator=generator) < 0.1
    return InMemory((masks ^ wrong).float()[:, None], masks, torch.randperm(n, generator=generator))


@pytest.fixture
def context(tmp_path):
    def make(name: str, model: nn.Module):
        data = {"train": scenes(200, 0), "test": scenes(80, 1)}
        made = make_context(name, model, data["test"], TASK, tmp_path)
        return replace(made, split=data.__getitem__)

    return make


def test_accuracy_yields_miou_with_an_interval_over_images_and_shows_masks(context, tmp_path):
    (found,) = measure(context("accuracy", Threshold()), "accuracy")
    data = scenes(80, 1)
    tallies = segmentation.tally(Threshold()(data.inputs), data.targets).numpy()
    assert found.name == "mean_iou" and found.n == 80 and found.unit == "fraction"
    assert found.value == pytest.approx(float(segmentation.sum_up(tallies, np.ones((1, 80)))[0]))
    expected = (0.9 * 0.7 / (0.9 * 0.7 + 0.1) + 0.9 * 0.3 / (0.9 * 0.3 + 0.1)) / 2
    assert found.low < expected < found.high and found.high - found.low < 0.06
    assert found.examples == ("+grade",)
    with np.load(tmp_path / "examples.npz") as kept:
        assert kept["grade"].mean() == pytest.approx(found.value)
        assert (np.diff(kept["ids"]) > 0).all()
    (sheet,) = parse_gallery(json.loads((tmp_path / "gallery.json").read_text()), tmp_path)
    assert len(sheet.examples) == 6 and sheet.picture.columns == 3
    alone = segmentation.sum_up(tallies[:1], np.ones((1, 1)))[0]
    assert sheet.examples[0].panes[2].words == f"mIoU {100 * alone:.1f} %"
    assert sheet.notes == ("Left as it is: class 0; class 1 red. White: not asked for.",)


def test_floors_are_the_largest_class_and_the_pixels_around(context, tmp_path):
    found = measure(context("floors", nn.Identity()), "floors")
    constant = one(found, "mean_iou", architecture="constant")
    linear = one(found, "mean_iou", architecture="linear")
    assert constant.value == pytest.approx(0.35, abs=0.01)  # 0.7 of class 0, none of class 1
    assert 0.7 < linear.value < 0.82  # a pixel tells its own class nine times out of ten
    assert linear.examples == ("+grade_linear",)


def test_outputs_that_are_not_finite_make_no_figure(context):
    class Broken(Threshold):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return super().forward(inputs) * torch.nan

    figure, share = measure(context("accuracy", Broken()), "accuracy")
    assert math.isnan(figure.value) and figure.low is None
    assert share.name == "nonfinite_share" and share.value == 1


def test_a_single_example_has_no_interval():
    found = headline_of(TASK, np.ones((1, 2, 2)))
    assert found.value == 1 and found.low is None and found.grades.tolist() == [1]
