"""Accuracy by class, the worst, balanced and under a prior: by hand, and against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import InMemory, image_task, make_context, measure, named, one
from sklearn.metrics import balanced_accuracy_score
from torch import nn

from harness.api import NotApplicable, UsageError
from harness.api.measuring import LeftOut
from harness.catalogue.finding import read_findings
from harness_quality.by_class import _under, check


class ByPixel(nn.Module):
    """The first pixel is the answer."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        answer = (inputs[:, 0, 0, 0] * 10).round().long()
        return nn.functional.one_hot(answer, 4).float()


def context_of(folder, answers, targets, **options):
    inputs = torch.zeros(len(answers), 1, 6, 6)
    inputs[:, 0, 0, 0] = torch.tensor(answers) / 10
    ids = torch.arange(len(answers)).flip(0)
    data = InMemory(inputs, torch.tensor(targets), ids)
    task = replace(image_task(), outputs=4, class_names=("ant", "bee", "cat", "dog"))
    return make_context("by_class", ByPixel(), data, task, folder, **options)


ANSWERS = [0] * 8 + [1] * 2 + [1] * 6 + [2] * 10 + [0] * 5
TARGETS = [0] * 10 + [1] * 6 + [2] * 15  # 8 of 10, 6 of 6, 10 of 15; no dog


def test_each_class_has_its_own_share(tmp_path):
    found = measure(context_of(tmp_path, ANSWERS, TARGETS), "by_class")
    by_class = {m.where["true_class"]: (m.value, m.n) for m in named(found, "class_accuracy")}
    assert by_class == {"ant": (0.8, 10), "bee": (1.0, 6), "cat": (pytest.approx(2 / 3), 15)}
    worst = one(found, "worst_class_accuracy")
    assert worst.value == pytest.approx(2 / 3) and worst.low < worst.value < worst.high
    balanced = one(found, "balanced_accuracy")
    assert balanced.value == pytest.approx(balanced_accuracy_score(TARGETS, ANSWERS))
    (finding,) = read_findings(tmp_path) or ()
    assert finding.code == "untested-classes" and "'dog'" in finding.sentence


def test_a_prior_weighs_the_classes(tmp_path):
    prior = {"ant": 3.0, "cat": 1.0}
    found = measure(context_of(tmp_path, ANSWERS, TARGETS, prior=prior), "by_class")
    assert one(found, "prior_accuracy").value == pytest.approx((3 * 0.8 + 2 / 3) / 4)
    with pytest.raises(UsageError, match="'cow' is no class of the data"):
        measure(context_of(tmp_path, ANSWERS, TARGETS, prior={"cow": 1.0}), "by_class")
    with pytest.raises(NotApplicable, match="no class with a test example"):
        measure(context_of(tmp_path, ANSWERS, TARGETS, prior={"dog": 1.0}), "by_class")


def test_a_prior_is_held_against_the_classes_before_a_fit(tmp_path):
    def look(**prior: float) -> None:
        context = context_of(tmp_path, ANSWERS, TARGETS, prior=prior)
        check(context.task, context.options, context.split)

    look(ant=1.0)
    with pytest.raises(UsageError, match="'cow' is no class of the data; they are ant, bee, cat"):
        look(ant=1.0, cow=1.0)
    with pytest.raises(NotApplicable, match="no class with a test example"):
        look(dog=1.0)
    with pytest.warns(LeftOut, match=r"25 % of the prior is left out, .* example: 'dog'; the"):
        look(ant=3.0, dog=1.0)


def test_of_many_classes_the_worst_are_told(tmp_path):
    found = measure(context_of(tmp_path, ANSWERS, TARGETS, most=1), "by_class")
    assert [m.where["true_class"] for m in named(found, "class_accuracy")] == ["cat"]
    assert one(found, "worst_class_accuracy").value == pytest.approx(2 / 3)


def test_intervals_cover_what_they_are_of():
    """Balanced accuracy of classes of unlike sizes, and the least of ten equal accuracies."""
    generator = np.random.default_rng(0)
    truth, counts = np.array([0.9, 0.7, 0.5]), np.array([200, 50, 20])
    covered = 0
    for _ in range(1000):
        metric = _under(
            "balanced_accuracy", generator.binomial(counts, truth) / counts, counts, np.ones(3)
        )
        assert metric.low is not None and metric.high is not None
        covered += metric.low <= truth.mean() <= metric.high
    assert covered >= 935
