"""Overlaps by hand and as torchvision has them; which boxes are kept of many."""

import pytest
import torch
from torchvision import ops

from harness_problems.boxes import area, generalized_overlap, overlap, suppress


def random_boxes(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.randint(0, 40, (count, 2, 2), generator=generator).double()
    low, high = corners.amin(1), corners.amax(1) + 1
    return torch.cat([low, high], 1)


def test_overlaps_by_hand():
    one = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 4], [0, 0, 2, 2]])
    other = torch.tensor([[2.0, 0, 6, 4], [5, 0, 9, 4], [0, 0, 2, 2]])
    assert area(one).tolist() == [16, 16, 4]
    assert overlap(one, other).tolist() == pytest.approx([8 / 24, 0, 1])
    assert generalized_overlap(one, other).tolist() == pytest.approx([8 / 24, -4 / 36, 1])


def test_overlaps_are_those_of_torchvision():
    one, other = random_boxes(30), random_boxes(40, 1)
    found = overlap(one[:, None], other)
    assert torch.allclose(found, ops.box_iou(one, other), atol=1e-12)
    wide = generalized_overlap(one[:, None], other)
    assert torch.allclose(wide, ops.generalized_box_iou(one, other), atol=1e-12)


def one_by_one(boxes: torch.Tensor, scores: torch.Tensor, classes: torch.Tensor) -> list[int]:
    """Greedy suppression of an image, as it is written down."""
    kept: list[int] = []
    for place in scores.argsort(descending=True).tolist():
        like = [other for other in kept if classes[other] == classes[place]]
        if all(float(overlap(boxes[place], boxes[other])) <= 0.4 for other in like):
            kept.append(place)
    return kept


def test_those_are_kept_that_no_better_one_overlaps():
    boxes = torch.stack([random_boxes(40, seed) for seed in (2, 3)]).float()
    generator = torch.Generator().manual_seed(4)
    scores = torch.rand(2, 40, generator=generator)
    classes = torch.randint(0, 3, (2, 40), generator=generator)
    kept = suppress(boxes, scores, classes, 40, 0.4)
    for image in range(2):
        wanted = one_by_one(boxes[image], scores[image], classes[image])
        assert kept[image][kept[image] >= 0].tolist() == wanted and len(wanted) < 38
    assert suppress(boxes, scores, classes, 7, 0.4).tolist() == kept[:, :7].tolist()


def test_nothing_is_kept_of_scores_of_nought():
    boxes, classes = random_boxes(3)[None], torch.zeros(1, 3, dtype=torch.int64)
    assert suppress(boxes, torch.tensor([[0.0, torch.nan, 0.0]]), classes, 2, 0.5).tolist() == [
        [-1, -1]
    ]
