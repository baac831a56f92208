"""Objects and answers of random images: ties, images of nothing, crowds, more than a hundred answers; and COCO's own figures."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import torch

from harness.api import Task
from harness_problems import detection

CLASSES = 3
SIZE = 120


def a_box(generator: np.random.Generator) -> list[float]:
    sides = generator.integers(3, 100, 2)
    left, top = (int(generator.integers(0, SIZE - side)) for side in sides)
    return [left, top, left + sides[0], top + sides[1]]


def filled(rows: list[list[float]]) -> torch.Tensor:
    """Return an image's rows, best first, filled up with empty ones."""
    ordered = sorted(rows, key=lambda row: -row[5])[: detection.MOST]
    empty = [list(detection.EMPTY)] * (detection.MOST - len(ordered))
    return torch.tensor(np.array([*ordered, *empty], dtype="float32"))


TASK = Task(
    modality="image", problem="detection", input_shape=(1, 16, 24), outputs=3, low=0, high=1
)
OBJECTS = torch.stack(
    [
        filled([[2, 2, 12, 10, 1, 1], [14, 4, 22, 16, 0, 1], [16, 0, 24, 4, 2, 0]]),
        filled([]),
    ]
)


def random_case(seed: int, images: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Return objects and answers ``(images, 100, 6)``; scores are eighths, so that there are ties."""
    generator = np.random.default_rng(seed)
    objects, answers = [], []
    for image in range(images):
        there = [
            [*a_box(generator), int(generator.integers(CLASSES)), float(generator.random() > 0.15)]
            for _ in range(generator.integers(0, 6) if image else 0)
        ]
        said = []
        for row in there:
            for _ in range(generator.integers(0, 4)):
                box = np.array(row[:4]) + generator.integers(-6, 7, 4)
                label = row[4] if generator.random() < 0.8 else int(generator.integers(CLASSES))
                if (box[2:] > box[:2]).all():
                    said.append([*box, label, generator.integers(1, 8) / 8])
        more = 130 if image == 2 and seed % 5 == 0 else int(generator.integers(0, 4))
        for _ in range(more):
            label = int(generator.integers(CLASSES))
            said.append([*a_box(generator), label, generator.integers(1, 8) / 8])
        objects.append(filled(there))
        answers.append(filled(said))
    return torch.stack(objects), torch.stack(answers)


def _entries(images: torch.Tensor) -> list[dict[str, object]]:
    return [
        {
            "image_id": image,
            "category_id": int(label) + 1,
            "bbox": [left, top, right - left, bottom - top],
            "area": (right - left) * (bottom - top),
            "iscrowd": int(weight == 0),
            "score": weight,
        }
        for image, rows in enumerate(images.double().tolist(), 1)
        for left, top, right, bottom, label, weight in rows
        if label >= 0
    ]


def by_coco(objects: torch.Tensor, answers: torch.Tensor) -> list[float]:
    """Return mAP, AP50, AP75 and mAP of small, medium and large objects by pycocotools; -1 where there are none."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    marks, found = _entries(objects), _entries(answers)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": image + 1} for image in range(len(objects))],
            "annotations": [mark | {"id": at} for at, mark in enumerate(marks, 1)],
            "categories": [{"id": label + 1} for label in range(CLASSES)],
        }
        truth.createIndex()
        judged = COCOeval(truth, truth.loadRes(found), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    return [float(one) for one in judged.stats[:6]]
