"""The measure on networks of which it is known what they look at."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from measure_cases import (
    InMemory,
    image_examples,
    image_task,
    make_context,
    measure,
    named,
    one,
    table_examples,
    table_task,
)
from torch import nn

from harness.api import NotApplicable
from harness.api.measuring import LeftOut
from harness.catalogue.finding import read_findings
from harness_explained.findings import no_better

METHODS = {"saliency", "integrated-gradients", "gradcam", "random"}


class OnePixel(nn.Module):
    """Knows the class by the pixel in row 1, column 4 alone: ten times 2 x - 1 is the second logit."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        logit = 10 * (2 * inputs[:, 0, 1, 4] - 1)
        return torch.stack([0 * logit, logit, -40 + 0 * logit], 1)


def bright(folder, **options):
    inputs = torch.rand((20, 1, 6, 6), generator=torch.Generator().manual_seed(0))
    inputs[:, 0, 1, 4] = 0.9
    data = InMemory(inputs, torch.ones(20, dtype=torch.long), torch.arange(20).flip(0))
    return make_context("interpretability", OnePixel(), data, image_task(), folder, **options)


def test_one_pixel_that_decides_is_found(tmp_path):
    context = bright(tmp_path, methods=("saliency", "integrated-gradients"), points=37)
    found = measure(context, "interpretability")
    surely = torch.tensor([0.0, 8.0, -40.0]).softmax(0)[1].item()  # the pixel is 0.9
    unsure = (
        torch.tensor([0.0, -5.0, -40.0]).softmax(0)[1].item()
    )  # it is the mean of training, 0.25
    for method in ("saliency", "integrated-gradients"):
        # It is put in first, from the first of 36 parts on, on the trapezoid between none and one.
        area = one(found, "insertion_area", method=method)
        assert area.value == pytest.approx(surely - (surely - unsure) / 72, abs=1e-4)
        gone = one(found, "deletion_area", method=method)
        assert gone.value == pytest.approx(unsure + (surely - unsure) / 72, abs=1e-4)
    by_chance = one(found, "insertion_area", method="random")
    assert by_chance.value == pytest.approx((surely + unsure) / 2, abs=0.13)  # four deviations
    assert by_chance.n == 20
    ends = named(found, "insertion_probability", method="saliency")
    assert [end.where["replaced"] for end in (ends[0], ends[-1])] == [0, 1]
    assert ends[0].value == pytest.approx(unsure, abs=1e-5)
    assert ends[-1].value == pytest.approx(surely, abs=1e-5)
    assert one(found, "completeness_error").value < 1e-5
    # It has no weights that could be random, so its maps are the same: that is a finding.
    assert one(found, "random_weights_correlation", method="saliency").value == pytest.approx(1)
    codes = {finding.code for finding in read_findings(tmp_path)}
    assert codes == {"same-with-random-weights"}


def test_areas_by_example_are_kept(tmp_path):
    context = bright(tmp_path, methods=("saliency",), gallery=0)
    found = measure(context, "interpretability")
    kept = np.load(tmp_path / "examples.npz")
    assert kept["ids"].tolist() == list(range(20))
    assert (
        one(found, "insertion_area", method="saliency").value == kept["insertion_saliency"].mean()
    )
    assert not (tmp_path / "gallery.json").exists()


def test_a_classifier_of_images(images, tmp_path):
    found = measure(images("interpretability", examples=60), "interpretability")
    assert {metric.where["method"] for metric in named(found, "insertion_area")} == METHODS
    by_chance = one(found, "insertion_area", method="random")
    integrated = one(found, "insertion_area", method="integrated-gradients")
    assert integrated.low > by_chance.high
    assert one(found, "deletion_area", method="integrated-gradients").value < by_chance.value
    assert one(found, "completeness_error").value < 0.02
    gallery = json.loads((tmp_path / "gallery.json").read_text())
    assert "random weights" in json.dumps(gallery)
    assert (tmp_path / "gallery_0.png").exists() and (tmp_path / "gallery_1.png").exists()


def test_a_step_of_the_integral_is_too_few(images, tmp_path):
    context = images("interpretability", methods=("integrated-gradients",), steps=1)
    found = measure(context, "interpretability")
    assert one(found, "completeness_error").value > 0.05
    [finding] = [one for one in read_findings(tmp_path) if one.code == "incomplete"]
    assert "steps = 4" in finding.advice


def test_answers_that_are_no_numbers_are_left_out_of_the_error(tmp_path):
    class Cubic(nn.Module):
        def __init__(self, above: float) -> None:
            super().__init__()
            self.above = above

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            cubes = inputs.flatten(1)[:, :3] ** 3
            return torch.where(inputs[:, :1, 0, 5] < self.above, cubes, torch.nan)

    data = image_examples()
    last = data.inputs[:, 0, 0, 5]
    above = float(last.sort().values[-5])  # the mean of training is below
    some = InMemory(*(part[last < above] for part in (data.inputs, data.targets, data.ids)))
    options = {"methods": ("integrated-gradients",), "steps": 1, "gallery": 0, "examples": 1000}
    errors = []
    for model, given in ((Cubic(above), data), (Cubic(2.0), some)):
        context = make_context("interpretability", model, given, image_task(), tmp_path, **options)
        errors.append(one(measure(context, "interpretability"), "completeness_error"))
    assert errors[0].n == errors[1].n == len(some.ids)
    assert errors[0].value == pytest.approx(errors[1].value, rel=1e-6) and errors[0].value > 0.005


def test_a_model_that_looks_at_nothing_is_no_better_than_chance(tmp_path):
    class Same(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return 0 * inputs.flatten(1)[:, :3] + torch.tensor([0.0, 1.0, 0.0])

    context = make_context(
        "interpretability", Same(), image_examples(), image_task(), tmp_path, methods=("saliency",)
    )
    found = measure(context, "interpretability")
    assert one(found, "random_weights_correlation", method="saliency").value == 0
    [finding] = read_findings(tmp_path)
    assert finding.code == "no-better-than-random"
    assert finding.numbers["gain"] == pytest.approx(0, abs=1e-9)


def test_a_row_of_a_table_has_bars(tmp_path):
    data = table_examples()
    data = dataclasses.replace(data, targets=(data.targets > 6).long())
    names = ("a", "b", "c", "d")
    task = dataclasses.replace(
        table_task(), problem="classification", outputs=2, feature_names=names, mean=(0.5,) * 4
    )
    model = nn.Linear(4, 2)
    model.weight.data = torch.tensor([[0.0, 0, 0, 0], [3.0, -2.0, 1.0, 0.0]])
    methods = ("saliency", "integrated-gradients", "gradcam")
    context = make_context("interpretability", model, data, task, tmp_path, methods=methods)
    with pytest.warns(LeftOut, match="gradcam is left out: it reads maps of images"):
        found = measure(context, "interpretability")
    assert one(found, "completeness_error").value < 1e-5
    [sheet, _] = json.loads((tmp_path / "gallery.json").read_text())["sheets"]
    assert [bar["title"] for bar in sheet["examples"][0]["bars"]] == ["a", "b", "c", "d"]


def test_a_sequence_has_lines(tmp_path):
    data = table_examples(12)
    data = dataclasses.replace(
        data, inputs=data.inputs.view(12, 2, 2), targets=torch.zeros(12).long()
    )
    task = dataclasses.replace(
        table_task(), modality="sequence", problem="classification", outputs=2,
        input_shape=(2, 2), mean=(0.5, 0.5), std=(0.3, 0.3),
    )  # fmt: skip
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    context = make_context("interpretability", model, data, task, tmp_path, methods=("saliency",))
    found = measure(context, "interpretability")
    assert len(named(found, "deletion_probability", method="saliency")) == 3  # of two steps
    [sheet, _] = json.loads((tmp_path / "gallery.json").read_text())["sheets"]
    assert sheet["examples"][0]["traces"][0]["steps"] == 2


def test_where_no_method_is_left_the_reasons_are_told(tmp_path, images):
    context = images("interpretability", methods=("attention-rollout",))
    with pytest.raises(NotApplicable, match="this network has none"):
        measure(context, "interpretability")


def test_black_may_stand_for_what_is_taken_away(tmp_path):
    found = measure(bright(tmp_path, methods=("saliency",), reference="low"), "interpretability")
    none = torch.tensor([0.0, -10.0, -40.0]).softmax(0)[1].item()
    start = named(found, "insertion_probability", method="saliency")[0]
    assert start.value == pytest.approx(none, rel=1e-4)


@pytest.mark.parametrize(
    ("middle", "words"), [(0.0, "not surely surer than"), (-0.3, "less sure than"), (0.3, None)]
)
def test_a_doubtful_gain_is_not_called_none(middle, words):
    found = list(no_better("saliency", np.linspace(-0.1, 0.1, 20) + middle))
    assert [words in one.sentence for one in found] == [True] * (words is not None)
