"""The audit leaves no trace, looks at the lowest ids, and can be switched off."""

import copy
import json
import random

import numpy as np
import pytest
import torch
from audit_cases import Before, audited, chosen, flags
from measure_cases import image_examples, image_task, make_context, measure
from torch import nn
from torch.nn import functional

from harness.api import Budget, Finding, Metric
from harness_attacked.audit import flag
from harness_attacked.audit_attacks import _round, find_black_box_lead
from harness_attacked.audit_setting import Extent, find_chance, find_epsilon_unit, find_misfit
from harness_attacked.audit_state import evaluate_all, untouched


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class Drawing(nn.Module):
    """Draws from every generator, counts its calls, and has a batch norm in training mode."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.norm = nn.BatchNorm2d(1).train()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.calls = self.calls + 1
        noise = torch.rand(()) + random.random() + float(np.random.rand())
        return self.model(self.norm(inputs) * 0 + inputs + 1e-3 * noise)


def test_nothing_of_the_model_is_changed(classifier):
    model = Drawing(copy.deepcopy(classifier))
    before = copy.deepcopy(model.state_dict())
    modes = [module.training for module in model.modules()]
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    inputs = image_examples().inputs
    with untouched(model, torch.device("cpu")):
        model(inputs)
        assert evaluate_all(model) == ["BatchNorm2d"] and not model.norm.training
        assert not torch.equal(model.norm.running_mean, before["norm.running_mean"])
        assert model.calls == 1
    assert [module.training for module in model.modules()] == modes and model.norm.training
    after = model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), states[0]) and random.getstate() == states[1]
    assert np.random.get_state()[1].tolist() == states[2]


def test_the_measure_leaves_modes_and_generators_too(classifier, tmp_path):
    model = nn.Sequential(nn.Dropout(0.2), copy.deepcopy(classifier)).eval()
    model[0].train()
    state = torch.get_rng_state()
    plain = make_context(
        "adversarial", model, image_examples(), image_task(), tmp_path, audit=False, gallery=0
    )
    measure(plain, "adversarial")
    without = torch.get_rng_state()
    torch.set_rng_state(state)
    audited(model, tmp_path, epsilons=("8/255",), gallery=0)
    assert torch.equal(torch.get_rng_state(), without)
    assert model[0].training and not model[1].training


def test_switched_off_there_are_no_findings_and_no_flags(classifier, tmp_path):
    model = Before(classifier, outputs=lambda z: z.softmax(1))
    context = make_context(
        "adversarial", model, image_examples(), image_task(), tmp_path, audit=False
    )
    assert flags(measure(context, "adversarial")) == {""}
    assert not (tmp_path / "findings.json").exists()
    context = make_context("adversarial", model, image_examples(), image_task(), tmp_path)
    assert flags(measure(context, "adversarial")) == {"outputs are probabilities"}
    (found,) = json.loads((tmp_path / "findings.json").read_text())
    assert found["code"] == "probabilities" and found["advice"].startswith("Remove the softmax")


def test_verdicts_are_the_same_with_and_without(classifier, tmp_path):
    kept = []
    for audit in (True, False):
        context = make_context(
            "adversarial",
            classifier,
            image_examples(),
            image_task(),
            tmp_path,
            audit=audit,
            epsilons=(0.1, 0.2),
        )
        measure(context, "adversarial")
        kept.append(dict(np.load(tmp_path / "examples.npz")))
    assert all(np.array_equal(kept[0][name], kept[1][name]) for name in kept[1])


def test_what_the_sample_is_does_not_depend_on_the_batches(classifier, tmp_path):
    """Rounded inputs of the 20 lowest ids alone: 20 of the first 64 correct ones."""
    examples = image_examples()
    lowest = examples.inputs[examples.ids.argsort()[:20]]

    def rounded(inputs: torch.Tensor) -> torch.Tensor:
        near = (inputs[:, None] - lowest[None]).flatten(2).abs().amax(2).amin(1) < 1e-6
        return torch.where(near[:, None, None, None], inputs.detach(), inputs)

    model = Before(classifier, inputs=rounded)
    found = [audited(model, tmp_path, batch_size=size)[0] for size in (120, 7)]
    assert found[0] == found[1]
    assert found[0][0].numbers == {"examples": 64, "zero": 20}


def test_flags_are_on_the_figures_that_are_concerned():
    def finding(words: str, **where: object) -> Finding:
        return Finding(code="x", sentence="x", advice="x", flag=words, where=where)

    metrics = [
        Metric(name=name, value=0.5, where={"attack": attack, "epsilon": 0.1})
        for name in ("robust_accuracy", "clean_accuracy")
        for attack in ("pgd", "fgsm", "worst case")
    ]
    found = [
        finding("a"),
        finding("b", attack=["pgd", "worst case"]),
        finding("c", epsilon=0.2),
        finding("", epsilon=0.1),
        finding("a", epsilon=0.1),
    ]
    words = [metric.where.get("flag") for metric in flag(metrics, found)]
    assert words == ["a; b", "a", "a; b", None, None, None]
    assert list(flag(metrics, [])) == metrics


def test_the_lead_of_a_black_box_attack_must_be_beyond_chance(classifier):
    attacks = [chosen("sign"), chosen("random-search")]
    robust = np.ones((1, 2, 1000), dtype=bool)
    robust[0, 1, :6] = False
    radii = [("0.1", 0.1)]
    assert find_black_box_lead(attacks, radii, "linf", robust) == []
    robust[0, 1, :7] = False
    (found,) = find_black_box_lead(attacks, radii, "linf", robust)
    assert found.numbers == {"ahead": 7, "behind": 0, "examples": 1000}
    robust[0, 0, 500:503] = False  # what gradients alone break weighs against it
    assert find_black_box_lead(attacks, radii, "linf", robust) == []
    assert find_black_box_lead(attacks[1:], radii, "linf", robust[:, 1:]) == []
    many = np.ones((1, 2, 10_000), dtype=bool)
    many[0, 1, :20] = False  # 0.2 points are the limit
    assert find_black_box_lead(attacks, radii, "linf", many) == []


def test_where_data_lie_is_gathered_over_batches():
    box = (0.0, 1.0)
    extent = Extent()
    for low, high in ((0.2, 0.9), (0.1, 1.0), (-0.5, 0.5)):
        extent = extent.including(torch.tensor([[low, high], [0.5, 0.5]]), box)
    assert (extent.count, extent.outside) == (6, 1)
    assert (extent.low, extent.high) == (-0.5, 1.0)
    assert find_misfit(Extent(10, 0, 0.0, 0.06), box) == []
    assert len(find_misfit(Extent(10, 0, 0.0, 0.04), box)) == 1


@pytest.mark.parametrize(
    ("norm", "epsilons", "is_image", "alarms"),
    [
        ("linf", (0.99,), True, False),
        ("linf", (1.0,), True, True),
        ("linf", (1.0, 0.1), True, False),
        ("linf", (0.05 / 255,), True, True),
        ("linf", (0.2 / 255,), True, False),
        ("linf", (8,), False, True),
        ("linf", (1e-6,), False, False),
        ("l2", (0.1,), True, False),
        ("l2", (55.0,), True, False),
        ("l2", (56.0,), True, True),
        ("l1", (12.0,), True, False),
        ("l1", (8 / 255,), True, True),
        ("l0", (8 / 255,), True, True),
        ("l0", (3072.0,), True, True),
        ("l0", (10.0,), True, False),
        ("linf", (0.0,), True, False),
    ],
)
def test_units_of_epsilon(norm, epsilons, is_image, alarms):
    found = find_epsilon_unit(norm, epsilons, (0.0, 1.0), (3, 32, 32), is_image)
    assert bool(found) == alarms


def test_chance_is_told_from_little_accuracy():
    targets = np.arange(100) % 10

    def first(count: int) -> np.ndarray:
        return np.arange(100) < count

    assert find_chance(first(15), targets, 10)[0].numbers["accuracy"] == 0.15
    assert find_chance(first(19), targets, 10) == []
    assert find_chance(np.ones(2, dtype=bool), np.array([0, 1]), 2)  # two say nothing
    assert find_chance(np.ones(30, dtype=bool), np.zeros(30, dtype=int), 2) == []


def test_a_model_without_gradients_is_found_where_no_attack_needs_them(classifier, tmp_path):
    class Closed(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                return functional.softplus(classifier(inputs))

    attacks = {"random-search": chosen("random-search")}
    found, _ = audited(Closed().eval(), tmp_path, attacks=attacks)
    assert [finding.code for finding in found] == ["zero-gradients"]


def test_rounded_images_use_the_ball_up():
    levels = torch.tensor([[100.0, 100.0, 100.0, 0.0]])
    moved = torch.tensor([[100.3, 99.6, 100.0, 1.0]])

    def rounded(epsilon: float, norm: str = "linf") -> list[list[float]]:
        budget = Budget(norm, epsilon / 255, 0.0, 1.0)
        found = _round(levels / 255, moved / 255, 1 / 255, budget)
        return [[round(value, 3) for value in (image * 255)[0].tolist()] for image in found]

    nearest = [100.0, 100.0, 100.0, 1.0]
    assert rounded(1.0) == [nearest, nearest, [101.0, 99.0, 100.0, 1.0]]
    assert rounded(0.4) == [nearest, [100.0, 100.0, 100.0, 0.0], nearest]
    assert rounded(3.0)[1] == [101.0, 99.0, 100.0, 3.0]  # of a smaller ball
    # 0.3, -0.4 and 1 have the L2 norm 1.118: stretched fourfold they are 1.2, -1.6 and 4
    assert rounded(4 * 1.25**0.5, "l2") == [nearest, [101.0, 98.0, 100.0, 4.0]]
    assert rounded(2.0, "l0") == [nearest]
