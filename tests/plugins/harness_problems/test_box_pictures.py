"""Pictures of boxes: where their edges are, in which colours, and what is left out."""

import torch
from box_cases import TASK, filled

from harness_problems import box_pictures
from harness_problems.segmentation import COLOURS


def test_the_edges_of_boxes_are_painted():
    pictures = torch.full((1, 16, 24, 3), 100, dtype=torch.uint8)
    rows = filled([[2, 2, 12, 10, 1, 0.9], [14, 4, 22, 16, 0, 0.2], [16, 0, 24, 4, 2, 0]])
    (found,) = box_pictures.paint(pictures, rows[None], TASK)
    green = list(COLOURS["green"])
    assert found[2, 2].tolist() == green and found[9, 11].tolist() == green
    assert found[3, 3].tolist() == found[10, 12].tolist() == found[12, 14].tolist() == [100] * 3
    assert found[0, 16].tolist() == [255] * 3 and (pictures == 100).all()
    (large,) = box_pictures.paint(torch.zeros(1, 32, 48, 3, dtype=torch.uint8), rows[None], TASK)
    assert large[4, 4].tolist() == green and large[2, 2].tolist() == [0] * 3
    words = box_pictures.paint_words(TASK)
    assert words.startswith("Boxes: class 0 red, class 1 green, class 2 yellow.")
