"""Examples that are proved to stand: they are not attacked, and the verdicts are the same."""

import dataclasses

import numpy as np
import pytest
from measure_cases import ATTACKS, named, one

from harness.api import Attack, NotApplicable
from harness_certified import harness_register_certificates


def darken(inputs, budget):
    return (inputs - budget.epsilon).clamp(0, 1)


def test_what_is_proved_is_not_attacked(measure_images, monkeypatch, tmp_path):
    seen = []

    def attack(inputs, budget):
        seen.append(len(inputs))
        return darken(inputs, budget)

    monkeypatch.setitem(
        ATTACKS, "counted", Attack(name="counted", takes=("image",), perturb=attack)
    )
    for item in harness_register_certificates():
        monkeypatch.setitem(ATTACKS, item.name, item)
    asked = {"attacks": ("counted",), "epsilons": (0.25, 0.1, 0)}
    plain = measure_images("adversarial", **asked)
    everyone, kept = seen.copy(), dict(np.load(tmp_path / "examples.npz"))
    seen.clear()
    with pytest.warns(UserWarning, match="lipschitz-bound is left out: it proves nothing in linf"):
        found = measure_images("adversarial", skip_certified=("crown", "lipschitz-bound"), **asked)
    proofs = dict(np.load(tmp_path / "examples.npz"))
    for k, epsilon in enumerate(asked["epsilons"]):
        share = one(found, "proved_accuracy", epsilon=epsilon)
        assert share.value == proofs[f"proved_{k}"].mean() and share.n == 120
        assert np.array_equal(proofs[f"robust_{k}_0"], kept[f"robust_{k}_0"])
        assert not (proofs[f"proved_{k}"] & ~kept["clean_correct"]).any()
    assert np.array_equal(proofs["proved_2"], kept["clean_correct"])
    assert seen[0] == everyone[0] - proofs["proved_1"].sum() < everyone[0]
    assert not named(plain, "proved_accuracy")


def test_a_certificate_without_bounds_is_left_out(measure_images, monkeypatch):
    def refuse():
        raise NotApplicable("no bound goes through it")

    (item, *_) = harness_register_certificates()
    monkeypatch.setitem(ATTACKS, "refusing", dataclasses.replace(item, certify=refuse))
    with pytest.warns(UserWarning, match="refusing is left out: no bound goes through it"):
        found = measure_images(
            "adversarial", attacks=("sign",), epsilons=(0.1,), skip_certified=("refusing",)
        )
    assert not named(found, "proved_accuracy")
    assert one(found, "robust_accuracy", attack="sign").value < 1
