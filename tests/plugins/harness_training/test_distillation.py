"""Distillation: its loss by hand, its two ends, and that a trial learns from another one's answers alone."""

from __future__ import annotations

import pytest
import torch
from objective_cases import batch, draws
from small_run import run_here
from torch import nn

from harness_training.distillation import build
from harness_training.options import DistillationOptions


def test_the_loss_is_its_formula() -> None:
    model, inputs, targets = batch()
    teacher = nn.Linear(6, 3)
    with torch.no_grad():
        options = DistillationOptions(temperature=3.0, weight=0.7)
        loss, logits = build(teacher, options)(model, inputs, targets, draws(8))
        expected = 0.0
        for x, y in zip(inputs, targets, strict=True):
            q, p = (one(x).div(3.0).softmax(0) for one in (teacher, model))
            apart = (q * (q / p).log()).sum()
            expected += float(0.7 * 9 * apart - 0.3 * model(x).log_softmax(0)[y]) / 8
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert torch.equal(logits, model(inputs))


def test_with_no_weight_it_is_cross_entropy_and_with_all_labels_do_not_count() -> None:
    model, inputs, targets = batch()
    teacher = nn.Linear(6, 3)
    with torch.no_grad():
        plain = build(teacher, DistillationOptions(weight=0.0))(model, inputs, targets, draws(8))
        expected = nn.functional.cross_entropy(model(inputs), targets)
        assert plain[0].item() == pytest.approx(expected.item(), rel=1e-6)
        whole = build(teacher, DistillationOptions(weight=1.0))
        one, other = (
            whole(model, inputs, labels, draws(8))[0] for labels in (targets, targets.flip(0))
        )
        assert torch.equal(one, other)
        same = build(model, DistillationOptions(weight=1.0))(model, inputs, targets, draws(8))
        assert same[0].item() == pytest.approx(0.0, abs=1e-6)


def test_a_trial_learns_from_the_answers_of_another(tmp_path) -> None:
    """Labels do not count for it; where its teacher has learnt nothing, it knows nothing either."""
    pupil = {"epochs": 6, "objective": "distillation:weight=1"}
    suite = {
        "suite": {"name": "taught"},
        "matrix": {"architectures": ["mlp"], "datasets": ["digits"], "floors": False},
        "recipes": {
            "pupil": pupil | {"teacher": {"architecture": "mlp", "recipe": "teacher"}},
            "teacher": {"epochs": 6},
            "fool": {"epochs": 1, "optimizer": "sgd:learning_rate=1e-6"},
            "astray": pupil | {"teacher": {"architecture": "mlp", "recipe": "fool"}},
        },
        "measure": [{"name": "accuracy"}],
    }
    run = run_here(suite, store=tmp_path)
    figures = run.metrics[run.metrics["name"] == "accuracy"]
    found = dict(zip(figures["recipe"], figures["value"], strict=True))
    assert min(found["pupil"], found["teacher"]) > 0.85
    assert found["astray"] < found["fool"] + 0.2 < 0.6
    facts = [dict(one.facts).get("teacher", "") for one in run.summary.provenance.trainings]
    assert sorted(facts) == ["", "", "mlp fool", "mlp teacher"]
