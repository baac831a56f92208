"""The measure on models whose confidence is known: what is planted is found, named and told."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from calibrated_cases import calibrated
from measure_cases import InMemory, make_context, measure, named, one, table_task
from torch import nn

from harness.api import NotApplicable
from harness.api.measuring import LeftOut, significant
from harness.catalogue.finding import read_findings
from harness_uncertainty.options import UncertaintyOptions
from harness_uncertainty.uncertainty import check


class Scaled(nn.Module):
    """Inputs are logits already; it counts the examples that it was asked about."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor, self.asked = factor, 0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.asked += len(inputs)
        return self.factor * inputs


def split_of(n: int, seed: int) -> InMemory:
    logits, labels = calibrated(n, spread=2.0, seed=seed)
    ids = 7 * n - torch.arange(n)  # rows are not in the order of ids
    return InMemory(torch.tensor(logits, dtype=torch.float32), torch.tensor(labels), ids)


def context_of(tmp_path, factor=1.0, validation=600, copies=None, **options):
    splits = {"test": split_of(500, 1), "validation": split_of(validation, 2)}
    task = replace(table_task(), problem="classification", input_shape=(5,), outputs=5)
    context = make_context("uncertainty", Scaled(factor), splits["test"], task, tmp_path, **options)
    return replace(context, split=splits.__getitem__, corrupted=copies or context.corrupted)


def inverted(shift, severity):
    """The more severe, the more logits are exchanged: the labels stay."""
    data = split_of(500, 1)
    data.inputs[: 100 * severity] = data.inputs[: 100 * severity].roll(1, dims=1)
    return data


def codes(tmp_path):
    return {found.code: found for found in read_findings(tmp_path)}


def test_a_model_that_is_right_about_itself_is_left_alone(tmp_path):
    found = measure(context_of(tmp_path), "uncertainty")
    assert codes(tmp_path) == {}
    assert one(found, "ece_debiased", scaling="none").low == 0
    assert one(found, "ece", scaling="none").value > 0
    temperature = one(found, "temperature")
    assert temperature.low < 1 < temperature.high and temperature.n == 600
    for method in ("lac", "aps"):
        coverage = one(found, "set_coverage", method=method)
        assert coverage.low < 0.9 < coverage.high
    surest = [one(found, "selective_accuracy", coverage=c).value for c in (0.5, 0.8, 0.9)]
    assert surest == sorted(surest, reverse=True)
    assert surest[2] > 1 - one(found, "selective_risk", coverage=1.0).value


def test_logits_that_are_scaled_by_3_are_found_and_their_temperature_is_named(tmp_path):
    found = measure(context_of(tmp_path, factor=3.0), "uncertainty")
    finding = codes(tmp_path)["overconfident"]
    assert finding.numbers["temperature"] == pytest.approx(3, rel=0.15)
    assert (
        f"Divide its logits by {significant(finding.numbers['temperature'], 3)} " in finding.advice
    )
    assert "too sure of itself" in finding.sentence
    plain, scaled = (one(found, "ece_debiased", scaling=s) for s in ("none", "temperature"))
    assert plain.low > 0.05 and scaled.low == 0
    for name in ("nll", "brier"):
        assert one(found, name, scaling="temperature").value < one(found, name, scaling="none").low
    assert one(found, "confidence_gap", scaling="none").low > 0.05


def test_a_model_that_is_too_unsure_is_found(tmp_path):
    measure(context_of(tmp_path, factor=0.3), "uncertainty")
    assert "too unsure of itself" in codes(tmp_path)["underconfident"].sentence


class Softmaxed(Scaled):
    """Its outputs are probabilities."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs).softmax(1)


def test_a_softmax_at_the_end_is_named_as_the_cause(tmp_path):
    measure(replace(context_of(tmp_path), model=Softmaxed(1.0)), "uncertainty")
    assert "Remove the softmax at its end" in codes(tmp_path)["underconfident"].advice


def test_calibration_by_severity_is_worse_the_more_is_exchanged(tmp_path):
    given = {"shifts": ("a", "b"), "severities": (1, 3), "parts": ("calibration",)}
    found = measure(context_of(tmp_path, copies=inverted, **given), "uncertainty")
    for scaling in ("none", "temperature"):
        errors = [
            one(found, "severity_ece_debiased", severity=severity, scaling=scaling).value
            for severity in (0, 1, 3)
        ]
        assert errors == sorted(errors) and errors[2] > errors[0] + 0.1
        clean = one(found, "ece_debiased", scaling=scaling)
        assert clean.value == errors[0]
    both = [m.value for m in named(found, "shifted_ece_debiased") if m.where["severity"] == 3]
    assert one(found, "severity_ece_debiased", severity=3, scaling="none").value in both
    assert not named(found, "shifted_classwise_ece")
    assert one(found, "severity_classwise_ece_debiased", severity=1, scaling="none").low is not None
    in_bins = [m for m in named(found, "severity_bin_accuracy") if m.where["severity"] == 3]
    assert sum(m.n for m in in_bins if m.where["scaling"] == "none") == 2 * 500


def test_the_model_runs_once_over_each_split_and_copy(tmp_path):
    context = context_of(tmp_path, copies=inverted, shifts=("a", "b"), severities=(1, 3))
    measure(context, "uncertainty")
    assert context.model.asked == 600 + 500 + 4 * 500


def test_shifts_are_measured_and_sets_that_cover_too_little_are_told(tmp_path):
    context = context_of(tmp_path, copies=inverted, shifts=("turned",), severities=(1, 5))
    found = measure(context, "uncertainty")
    mild, strong = (
        one(found, "shifted_set_coverage", method="aps", shift="turned", severity=s) for s in (1, 5)
    )
    assert strong.high < mild.low < 0.9
    gone = codes(tmp_path)["sets-cover-too-little"]
    assert "under 2 of 3 conditions" in gone.sentence and "under turned 5" in gone.sentence
    assert len(named(found, "shifted_ece_debiased", scaling="temperature")) == 2
    with np.load(tmp_path / "examples.npz") as kept:
        assert (np.diff(kept["ids"]) > 0).all()
        for metric in (mild, strong):
            (name,) = metric.examples
            assert kept[name].mean() == pytest.approx(metric.value)


def test_a_validation_split_that_is_too_small_is_told_with_how_many_it_takes(tmp_path):
    found = measure(context_of(tmp_path, validation=8), "uncertainty")
    told = codes(tmp_path)
    assert "takes 10 validation examples or more" in told["no-temperature"].sentence
    assert "take 9 validation examples or more" in told["no-sets"].sentence
    assert named(found, "ece", scaling="none") and named(found, "aurc")
    assert not named(found, "temperature") and not named(found, "set_coverage")


def test_a_level_that_takes_more_examples_than_there_are_leaves_the_others(tmp_path):
    found = measure(context_of(tmp_path, alphas=(0.1, 0.001), parts=("conformal",)), "uncertainty")
    assert {metric.where["alpha"] for metric in named(found, "set_coverage")} == {0.1}
    told = codes(tmp_path)["no-sets"].sentence
    assert "at alpha 0.001 take 999 validation examples" in told and "here are 600" in told


def test_the_only_part_that_cannot_be_measured_is_refused_before_the_test_split(tmp_path):
    context = context_of(tmp_path, validation=8, parts=("conformal",))
    with pytest.raises(NotApplicable, match="take 9 validation examples"):
        measure(context, "uncertainty")
    assert context.model.asked == 8


def test_without_a_temperature_a_wrong_confidence_is_found_all_the_same(tmp_path):
    measure(context_of(tmp_path, factor=3.0, validation=0), "uncertainty")
    assert "larger validation split" in codes(tmp_path)["overconfident"].advice


def test_parts_that_are_not_asked_for_are_not_measured(tmp_path):
    context = context_of(tmp_path, parts=("selective",))
    names = {metric.name for metric in measure(context, "uncertainty")}
    assert names == {"aurc", "excess_aurc", "selective_accuracy", "selective_risk"}
    assert context.model.asked == 500  # no validation


def test_examples_without_finite_logits_are_left_out_and_told(tmp_path):
    context = context_of(tmp_path)
    context.split("test").inputs[:3, 0] = float("nan")
    found = measure(context, "uncertainty")
    assert one(found, "ece", scaling="none").n == 497
    assert "Of 3 of 500 examples" in codes(tmp_path)["nonfinite-outputs"].sentence
    flag = codes(tmp_path)["nonfinite-outputs"].flag
    assert all(
        named(found, name)[0].where["flag"] == flag for name in ("nll", "aurc", "set_coverage")
    )


def test_means_over_a_severity_are_marked_where_its_examples_are_left_out(tmp_path):
    def copies(shift, severity):
        data = inverted(shift, severity)
        if severity == 3:
            data.inputs[:3, 0] = float("nan")
        return data

    context = context_of(tmp_path, copies=copies, shifts=("fog",), severities=(1, 3))
    found = named(measure(context, "uncertainty"), "severity_ece")
    marked = {metric.where["severity"] for metric in found if "flag" in metric.where}
    assert marked == {3} and {metric.where["severity"] for metric in found} == {0, 1, 3}


def test_sets_alone_are_refused_before_anything_is_trained():
    task = replace(table_task(), counts={"train": 20, "validation": 6, "test": 6})
    alone = {"parts": ("conformal",), "alphas": (0.01, 0.05)}
    with pytest.raises(
        NotApplicable, match=r"take 19 validation examples or more .* and here are 6"
    ):
        check(task, UncertaintyOptions(**alone))
    for options, words in (
        (alone | {"alphas": (0.01, 0.2)}, ["conformal sets at alpha 0.01 take 99 validation"]),
        ({"alphas": (0.01, 0.2)}, ["temperature scaling takes 10", "sets at alpha 0.01 take 99"]),
        ({"parts": ("selective",)}, []),
    ):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", LeftOut)
            check(task, UncertaintyOptions(**options))
        assert len(told) == len(words)
        assert all(one in str(said.message) for one, said in zip(words, told, strict=True))
