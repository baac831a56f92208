"""Of boxes the best outputs that know no image, by the loss of detection."""

import torch
from box_cases import OBJECTS, TASK

from harness_problems import detection
from harness_problems.box_baseline import baseline


def test_the_baseline_costs_less_than_no_boxes():
    targets = OBJECTS.numpy()
    constant = torch.as_tensor(baseline(targets, 3)).float().expand(2, *TASK.output_shape)
    nothing = torch.zeros(2, *TASK.output_shape)
    nothing[:, 5:] = -4.0
    assert detection.loss(constant, OBJECTS) < detection.loss(nothing, OBJECTS)
