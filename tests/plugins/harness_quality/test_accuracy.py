"""Accuracy and errors against the model's own answers and independent formulas."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import image_examples, measure, one, table_examples
from sklearn import metrics as peer
from torch import nn

from harness.catalogue.finding import read_findings
from harness.measure.fast_path import fast_path


def test_accuracy_is_the_share_of_right_answers(measure_images, classifier, tmp_path):
    found = measure_images("accuracy", batch_size=50)
    examples = image_examples()
    with torch.no_grad():
        logits = classifier(examples.inputs)
    right = (logits.argmax(1) == examples.targets).float().mean()
    accuracy = one(found, "accuracy")
    assert accuracy.value == pytest.approx(float(right))
    assert accuracy.unit == "fraction" and accuracy.n == 120
    assert accuracy.low < accuracy.value <= accuracy.high
    loss = one(found, "cross_entropy")
    expected = nn.functional.cross_entropy(logits, examples.targets)
    assert loss.value == pytest.approx(float(expected), rel=1e-5)
    assert loss.low < loss.value < loss.high
    assert len(found) == 2


def test_verdicts_are_kept_by_id(measure_images, classifier, tmp_path):
    measure_images("accuracy")
    kept = np.load(tmp_path / "examples.npz")
    examples = image_examples()
    order = examples.ids.argsort()
    with torch.no_grad():
        chances = torch.softmax(classifier(examples.inputs), 1)[order]
    assert np.array_equal(kept["ids"], examples.ids[order])
    assert np.array_equal(kept["prediction"], chances.argmax(1))
    assert np.array_equal(kept["correct"], (chances.argmax(1) == examples.targets[order]))
    np.testing.assert_allclose(kept["confidence"], chances.amax(1), rtol=1e-5)


class Broken(nn.Module):
    """NaN for some of the inputs."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        first = inputs.flatten(1)[:, :1]
        return torch.where(first < 0.1, torch.nan, self.inner(inputs))


def test_outputs_that_are_not_finite_count_as_wrong(measure_images, classifier, tmp_path):
    found = measure_images("accuracy", model=Broken(classifier))
    examples = image_examples()
    broken = examples.inputs.flatten(1)[:, 0] < 0.1
    with torch.no_grad():
        right = (classifier(examples.inputs).argmax(1) == examples.targets) & ~broken
    assert 0 < broken.sum() < 120
    assert one(found, "accuracy").value == pytest.approx(float(right.float().mean()))
    assert one(found, "nonfinite_share").value == pytest.approx(float(broken.float().mean()))
    assert one(found, "cross_entropy").n == 120 - int(broken.sum())


def test_regression_errors(measure_tables, regression, tmp_path):
    found = measure_tables("accuracy", batch_size=64)
    examples = table_examples()
    with torch.no_grad():
        prediction = regression(examples.inputs)[:, 0]
    target = examples.targets
    expected = {
        "r2": peer.r2_score(target, prediction),
        "rmse": peer.root_mean_squared_error(target, prediction),
        "mae": peer.mean_absolute_error(target, prediction),
    }
    assert expected["r2"] > 0.5
    assert [metric.name for metric in found] == list(expected)
    for metric in found:
        assert metric.value == pytest.approx(expected[metric.name], rel=1e-5)
        assert metric.low < metric.value < metric.high and metric.n == 150
    kept = np.load(tmp_path / "examples.npz")
    assert np.array_equal(kept["ids"], np.arange(150))
    np.testing.assert_allclose(kept["prediction"], prediction.flip(0), rtol=1e-6)
    np.testing.assert_allclose(kept["error"], (prediction - target).flip(0), atol=1e-5)


def test_a_regression_that_is_not_finite_has_no_error(measure_tables, regression):
    found = measure_tables("accuracy", model=Broken(regression))
    assert np.isnan(one(found, "r2").value) and one(found, "r2").low is None
    assert one(found, "nonfinite_share").value > 0


def test_a_softmax_at_the_end_is_found_and_a_log_softmax_is_not(
    measure_images, classifier, tmp_path
):
    measure_images("accuracy", model=nn.Sequential(classifier, nn.LogSoftmax(1)))
    assert read_findings(tmp_path) is None  # its cross-entropy is that of the logits
    found = measure_images("accuracy", model=nn.Sequential(classifier, nn.Softmax(1)))
    (finding,) = read_findings(tmp_path)
    assert finding.code == "softmax-at-the-end" and not finding.flag
    sure = torch.zeros(1, classifier(image_examples().inputs).shape[1])
    sure[0, 0] = 1.0
    least = float(nn.functional.cross_entropy(sure, torch.tensor([0])))
    assert finding.numbers["least_loss"] == pytest.approx(least)
    assert one(found, "cross_entropy").value > least


def test_predictions_are_kept_in_the_unit_of_the_data(tables, tmp_path):
    context = tables("accuracy")
    far = replace(context, task=replace(context.task, target_offset=1.7e9))
    errors = [metric.value for metric in measure(far, "accuracy")]
    kept = np.load(tmp_path / "examples.npz")["prediction"]
    assert errors == [metric.value for metric in measure(context, "accuracy")]
    near = np.load(tmp_path / "examples.npz")["prediction"]
    assert kept.dtype == np.float64 and np.allclose(kept - 1.7e9, near, atol=1e-6)


class Rows(nn.Module):
    """A transformer over the rows of an image, with a layer that is not the one torch would fuse."""

    def __init__(self, replaced: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.TransformerEncoderLayer(6, 2, 16, batch_first=True)
        if replaced:
            self.encoder.linear1 = nn.Sequential(self.encoder.linear1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.encoder(inputs[:, 0]).mean(1)[:, :3]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_path_on_which_torch_answers_otherwise_is_told(measure_images, tmp_path, replaced):
    with fast_path(False):  # as in every job
        measure_images("accuracy", model=Rows(replaced).eval())
    found = read_findings(tmp_path) or ()
    assert [finding.code for finding in found] == (["fast-path"] if replaced else [])
