"""Attacks on boxes: an image is fooled once the average precision of its boxes is below a half, and not before."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from harness.api import Budget, Draws
from harness.api.measuring import call, derive
from harness.catalogue.in_use import problem_named
from harness_attacks import harness_register_attacks
from harness_problems import detection

ATTACKS = {attack.name: attack for attack in harness_register_attacks() if attack.problems}
BOXES = ((0, 0, 8, 8), (8, 8, 16, 16))


class Bright(nn.Module):
    """Each quarter of an image ``(batch, 1, 16, 16)`` that is brighter than a half is a thing of the only class."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        level = functional.interpolate(functional.avg_pool2d(inputs, 8), scale_factor=2)
        near = torch.tensor([1.0, 3.0, 1.0, 3.0])
        left, right = near.expand(4, 4), (4 - near).expand(4, 4)
        far = torch.stack([left, left.T, right, right.T]).mul(0.5).log()
        shape = far.expand(len(inputs), -1, -1, -1)
        return torch.cat([shape, torch.full_like(level, 5.0), 40 * (level - 0.5)], 1)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name != "fgsm")) for name in sorted(ATTACKS)],
)
def test_an_image_is_fooled_when_most_of_its_boxes_are_lost(name):
    images = torch.full((2, 1, 16, 16), 0.1)
    targets = torch.tensor(detection.EMPTY).repeat(2, detection.MOST, 1)
    for row, (left, top, right, bottom) in enumerate(BOXES):
        images[:, :, top:bottom, left:right] = 0.75
        targets[:, row] = torch.tensor([left, top, right, bottom, 0.0, 1.0])
    assert not detection.fooled(Bright()(images), targets).any()
    item = ATTACKS[name]
    for epsilon, lost in ((0.05, False), (0.4, True)):
        found = call(
            item.perturb,
            model=Bright(),
            inputs=images,
            targets=targets,
            budget=Budget("linf", epsilon, 0.0, 1.0),
            draws=Draws(derive("boxes"), torch.arange(2)),
            options=None if item.options is None else item.options(),
            problem=problem_named("detection"),
        )
        assert detection.fooled(Bright()(found), targets).tolist() == [lost] * 2
