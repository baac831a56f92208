"""Robust accuracy of masks: which images count, which attacks are left out, and what the pictures show."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from measure_cases import InMemory, make_context, measure, one
from torch import nn

from harness.api import Task
from harness.api.measuring import Chosen, LeftOut
from harness.catalogue.gallery_file import parse_gallery
from harness.catalogue.host import Host

TASK = Task(
    modality="image", problem="segmentation", input_shape=(1, 2, 2), outputs=2, low=0.0, high=1.0
)


class Threshold(nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.cat([0.5 - inputs, inputs - 0.5], 1)


def test_an_image_is_robust_while_the_mean_iou_of_its_classes_is_a_half_or_more(tmp_path):
    bright = torch.tensor([0.55, 0.65, 0.75, 0.85])[:, None, None, None].expand(4, 1, 2, 2)
    masks = torch.ones(4, 2, 2, dtype=torch.uint8)
    masks[3, 0] = 0  # half of it is right, and one class has nothing: broken before any attack
    data = InMemory(bright.contiguous(), masks, torch.tensor([3, 1, 0, 2]))
    context = make_context(
        "adversarial",
        Threshold(),
        data,
        TASK,
        tmp_path,
        attacks=("fgsm", "square"),
        epsilons=(0.1, 0.2),
    )
    known = Host().catalogue.entries("attack")
    context = replace(context, choose=lambda kind, name: Chosen(item=known[name].item, label=name))
    with pytest.warns(LeftOut) as left_out:
        found = measure(context, "adversarial")
    said = " ".join(str(one.message) for one in left_out)
    assert "attack square is for classification, not segmentation" in said
    assert "mean_iou under attack is left out: an attack stops at an example as soon as" in said
    assert one(found, "clean_accuracy").value == 0.75
    robust = [one(found, "robust_accuracy", attack="fgsm", epsilon=e).value for e in (0.1, 0.2)]
    assert robust == [0.5, 0.25]
    with np.load(tmp_path / "examples.npz") as kept:
        assert kept["ids"].tolist() == [0, 1, 2, 3]
        assert kept["robust_1"].tolist() == [True, False, False, False]
    (sheet,) = parse_gallery(json.loads((tmp_path / "gallery.json").read_text()), tmp_path)
    (example,) = sheet.examples
    assert [pane.title for pane in example.panes] == ["clean", "perturbation", "adversarial"]
    assert sheet.picture.columns == 3
