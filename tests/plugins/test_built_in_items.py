"""The measures with the built-in attacks and shifts, as a suite would name them."""

from dataclasses import replace

import built_in
import pytest
import torch
from measure_cases import image_examples, measure, named, one

from harness.api import Draws
from harness.api.measuring import Chosen, call, derive

ATTACKS, SHIFTS = built_in.items("attack"), built_in.items("shift")


def choose(kind: str, text: str) -> Chosen:
    name, _, options = text.partition(":")
    item = ATTACKS[name]
    given = dict(pair.split("=") for pair in options.split(",")) if options else {}
    settled = item.options(**given).model_dump(mode="json") if item.options else {}
    return Chosen(item=item, label=text, options=settled)


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.15), ("l2", 0.6)])
def test_stronger_attacks_leave_less(images, norm, epsilon):
    context = images(
        "adversarial",
        attacks=("fgsm", "pgd:steps=10"),
        norm=norm,
        epsilons=(0, epsilon / 2, epsilon),
    )
    found = measure(replace(context, choose=choose), "adversarial")
    weak, strong, worst = (
        [m.value for m in named(found, "robust_accuracy", attack=label)]
        for label in ("fgsm", "pgd:steps=10", "worst case")
    )
    assert weak[0] == strong[0] == one(found, "clean_accuracy").value
    assert strong[0] > strong[1] > strong[2] and strong[2] < 0.5
    assert all(w <= min(a, b) for a, b, w in zip(weak, strong, worst, strict=True))


def test_accuracy_falls_under_built_in_shifts(images):
    context = images("shift", severities=(1, 5))
    examples = image_examples()

    def corrupted(name: str, severity: int):
        inputs = call(
            SHIFTS[name].apply,
            inputs=examples.inputs,
            severity=severity,
            draws=Draws(derive(0, name), examples.ids),
            task=context.task,
        )
        return replace(examples, inputs=inputs)

    found = measure(replace(context, corrupted=corrupted), "shift")
    assert len(named(found, "shifted_accuracy")) == 8
    assert torch.tensor([m.value for m in named(found, "shifted_accuracy", severity=5)]).min() < 1
    assert 0.3 < one(found, "mean_shifted_accuracy").value < 1
