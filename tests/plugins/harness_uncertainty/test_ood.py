"""The measure on sets whose answer is known, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import image_examples, image_task, make_context, measure, named, one, train
from torch import nn

from harness.api import NotApplicable
from harness.api.measuring import OtherData, OtherPart
from harness.catalogue.finding import read_findings
from harness.contracts.cases import State

ALL = ("msp", "max-logit", "energy", "entropy", "odin", "mahalanobis", "knn", "vim")


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.ReLU(), nn.Linear(16, 3))
    return train(net, image_examples(), nn.functional.cross_entropy)


def context_of(tmp_path, model, **options):
    data = image_examples()
    splits = {"test": data, "train": data}
    context = make_context("ood", model, data, image_task(), tmp_path, **options)
    return replace(context, split=splits.__getitem__)


def test_every_score_has_its_rates_against_every_set(tmp_path, model):
    context = context_of(tmp_path, model, shifts=("jitter",), severities=(1, 5), neighbours=5)
    state = State.of(model)
    found = measure(context, "ood")
    sets = {"uniform", "permuted", "inverted", "jitter 1", "jitter 5"}
    pairs = {(m.where["score"], m.where["against"]) for m in named(found, "ood_auroc")}
    assert pairs == {(score, name) for score in ALL for name in sets}
    for score in ALL:
        strong, mild = (one(found, "ood_auroc", score=score, against=f"jitter {s}") for s in (5, 1))
        assert strong.value >= mild.value - 0.02
        far = [
            one(found, "ood_auroc", score=score, against=s).value
            for s in ("uniform", "permuted", "inverted")
        ]
        assert one(found, "mean_ood_auroc", score=score, nearness="far").value == pytest.approx(
            np.mean(far)
        )
    assert one(found, "ood_auroc", score="mahalanobis", against="inverted").value > 0.99
    state.require_same(model)
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_the_test_examples_themselves_are_told_by_chance(tmp_path, model):
    context = context_of(tmp_path, model, made=(), shifts=("none",), severities=(1,))
    found = measure(replace(context, corrupted=lambda shift, severity: image_examples()), "ood")
    for score in ALL:
        assert one(found, "ood_auroc", score=score).value == pytest.approx(0.5)


def test_batches_change_nothing(tmp_path, model):
    for size in (7, 120):
        (tmp_path / str(size)).mkdir()
    found = [
        measure(context_of(tmp_path / str(size), model, batch_size=size), "ood")
        for size in (7, 120)
    ]
    assert [m.value for m in found[0]] == pytest.approx([m.value for m in found[1]], abs=1e-3)


def test_features_are_of_the_training_examples_with_the_smallest_ids(tmp_path, model):
    few = measure(context_of(tmp_path, model, scores=("knn",), training=40, neighbours=1), "ood")
    data = image_examples()
    first = data.ids.argsort()[:40]
    cut = replace(data, inputs=data.inputs[first], targets=data.targets[first], ids=data.ids[first])
    context = context_of(tmp_path, model, scores=("knn",), neighbours=1)
    splits = {"test": data, "train": cut}
    same = measure(replace(context, split=splits.__getitem__), "ood")
    assert [m.value for m in few] == pytest.approx([m.value for m in same])


class SureOfNoise(nn.Module):
    """Its confidence is how rough an image is."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        rough = inputs.diff(dim=-1).abs().mean((1, 2, 3))
        return torch.stack([20 * rough, 0 * rough, 0 * rough], 1)


def test_a_model_that_is_surer_of_noise_than_of_the_data_is_found(tmp_path):
    found = measure(context_of(tmp_path, SureOfNoise(), made=("uniform",)), "ood")
    told = {one.code: one for one in read_findings(tmp_path)}
    assert (
        "of the set uniform the AUROC of its confidence is 0.0"
        in told["sure-of-far-examples"].sentence
    )
    assert "the outputs of this model are no linear layer's" in told["no-linear-head"].sentence
    assert {m.where["score"] for m in named(found, "ood_auroc")} == set(ALL[:5])


def test_scores_of_features_alone_are_refused_without_a_linear_head(tmp_path):
    with pytest.raises(NotApplicable, match="the scores knn, vim are of the features"):
        measure(context_of(tmp_path, SureOfNoise(), scores=("knn", "vim")), "ood")


@pytest.mark.parametrize(("option", "sort"), [("datasets", "far"), ("near_datasets", "near")])
def test_another_data_set_is_a_far_set_or_a_near_one(tmp_path, model, option, sort):
    context = context_of(tmp_path, model, made=(), scores=("max-logit",), **{option: ("o",)})
    strange = image_examples()
    strange.inputs = strange.inputs.flip(-1) / 2
    halves = [
        replace(
            strange,
            inputs=strange.inputs[part],
            targets=strange.targets[part],
            ids=strange.ids[part],
        )
        for part in (slice(0, 50), slice(50, 120))
    ]
    sets = {"o": OtherData(tuple(OtherPart({}, half) for half in halves), (), False, "")}
    found = measure(replace(context, other=sets.__getitem__), "ood")
    with torch.no_grad():
        outside = model(strange.inputs).amax(1)
        inside = model(image_examples().inputs).amax(1)
    expected = (inside[:, None] > outside).float().mean()
    metric = one(found, "ood_auroc", score="max-logit", against="o")
    assert metric.value == pytest.approx(float(expected), abs=1e-6) and metric.n == 120
    assert one(found, "mean_ood_auroc", nearness=sort).value == metric.value
    assert not read_findings(tmp_path) and "flag" not in metric.where
    sets["o"] = replace(sets["o"], shared=("cat",))
    found = measure(replace(context, other=sets.__getitem__), "ood")
    [told] = read_findings(tmp_path)
    assert told.sentence.startswith(f"The {sort} set o has examples of cat, by name a class of")
    assert all(m.where["flag"] == told.flag for m in found) and found[0].value > 0


def test_examples_without_finite_outputs_are_left_out(tmp_path, model):
    context = context_of(tmp_path, model, made=(), shifts=("x",), severities=(1,))
    broken = image_examples()
    broken.inputs[:20] = float("nan")
    found = measure(replace(context, corrupted=lambda shift, severity: broken), "ood")
    assert one(found, "ood_auroc", score="msp").n == 100


def test_no_set_at_all_is_refused(tmp_path, model):
    with pytest.raises(ValueError, match="there is no set to tell from the data"):
        context_of(tmp_path, model, made=())
