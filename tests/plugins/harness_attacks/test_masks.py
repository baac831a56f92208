"""Attacks on masks: an image is fooled once the mean IoU of its classes is below a half, and not before."""

import pytest
import torch
from torch import nn

from harness.api import Budget, Draws
from harness.api.measuring import call, derive
from harness.catalogue.in_use import problem_named
from harness_attacks import harness_register_attacks
from harness_attacks.losses import of_problem
from harness_problems import segmentation


class Threshold(nn.Module):
    """Class 1 where a pixel is brighter than a half."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.cat([0.5 - inputs, inputs - 0.5], 1)


MASKS = torch.tensor([[[1, 1, 1, 0]], [[1, 1, 0, 0]], [[1, 255, 255, 255]]], dtype=torch.uint8)
IMAGES = torch.tensor([[0.7, 0.7, 0.7, 0.1], [0.7, 0.7, 0.1, 0.1], [0.7, 0.1, 0.1, 0.1]])
ATTACKS = {attack.name: attack for attack in harness_register_attacks() if attack.problems}


def attacked(name: str, epsilon: float) -> torch.Tensor:
    item = ATTACKS[name]
    images = IMAGES.view(3, 1, 1, 4)
    found = call(
        item.perturb,
        model=Threshold(),
        inputs=images,
        targets=MASKS,
        budget=Budget("linf", epsilon, 0.0, 1.0),
        draws=Draws(derive("masks"), torch.arange(3)),
        options=None if item.options is None else item.options(),
        problem=problem_named("segmentation"),
    )
    assert float((found - images).abs().max()) <= epsilon + 1e-6
    return found


def test_those_that_climb_a_loss_are_for_masks():
    assert set(ATTACKS) == {"fgsm", "bim", "mi-fgsm", "pgd"}


@pytest.mark.parametrize("name", ["fgsm", "bim", "mi-fgsm", "pgd"])
def test_an_image_is_fooled_when_its_classes_are_lost(name):
    near, far = attacked(name, 0.15), attacked(name, 0.25)
    assert segmentation.fooled(Threshold()(near), MASKS).tolist() == [False, False, False]
    # bright pixels go below a half: class 1 loses them, and class 0 shares its place with them
    assert segmentation.fooled(Threshold()(far), MASKS).tolist() == [True, True, True]
    assert (far[0, 0, 0, :3] < 0.5).sum() >= 2  # no further than that


def test_the_slope_is_that_of_the_loss():
    outputs = torch.randn(3, 2, 1, 4, dtype=torch.float64)
    value, slope = of_problem(problem_named("segmentation"))(outputs, MASKS)
    step = 1e-6 * torch.randn_like(outputs)
    risen = segmentation.loss(outputs + step, MASKS) - segmentation.loss(outputs - step, MASKS)
    assert value.isnan().all()
    assert float((slope * 2 * step).sum()) == pytest.approx(float(risen), abs=1e-6)
