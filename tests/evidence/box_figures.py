"""mAP beside pycocotools and torchmetrics, how often its interval holds the true one, and false alarms of pairs of equal models.

    python tests/evidence/box_figures.py [draws]

Images have up to eight objects of five classes, the rarest a twentieth of them, some images harder than others for both of two models
of equal skill. What is true is the mAP of 40,000 images, and besides the mean mAP of test sets as large as the one at hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins" / "harness_problems"))

from box_cases import by_coco, random_case

from harness.api import Task
from harness.catalogue.host import Host
from harness.catalogue.in_use import use
from harness.catalogue.torchvision_import import import_torchvision
from harness.statistics.inference import paired_p_value
from harness_problems import average_precision, detection
from harness_quality.grades import headline_of

SHARES = [0.4, 0.25, 0.2, 0.1, 0.05]
OBJECTS = 8
TASK = Task(
    modality="image", problem="detection", input_shape=(1, 32, 32), outputs=5, low=0, high=1
)
FIGURES = (
    detection.sum_up,
    detection.at_half,
    detection.at_three_quarters,
    detection.of_small,
    detection.of_medium,
    detection.of_large,
)
KEYS = ("map", "map_50", "map_75", "map_small", "map_medium", "map_large")


def by_torchmetrics(objects: torch.Tensor, answers: torch.Tensor) -> list[float]:
    """Return the six figures by torchmetrics, at thresholds in float64; its own are those of float32, so that a recall of 3 / 5
    misses 0.6.
    """
    from torchmetrics.detection import MeanAveragePrecision

    said, asked = [], []
    for rows, found in zip(objects, answers, strict=True):
        rows, found = rows[rows[:, 4] >= 0], found[found[:, 4] >= 0]
        said.append({"boxes": found[:, :4], "scores": found[:, 5], "labels": found[:, 4].int()})
        crowd = (rows[:, 5] == 0).int()
        asked.append({"boxes": rows[:, :4], "labels": rows[:, 4].int(), "iscrowd": crowd})
    thresholds = list(average_precision.OVERLAPS), average_precision.RECALLS.tolist()
    metric = MeanAveragePrecision(iou_thresholds=thresholds[0], rec_thresholds=thresholds[1])
    metric.warn_on_many_detections = False
    metric.update(said, asked)
    table = metric.compute()
    return [float(table[key]) for key in KEYS]


def largest_differences(cases: int = 100) -> tuple[float, float]:
    """Return the largest difference of the six figures to pycocotools and to torchmetrics, over random cases."""
    most = [0.0, 0.0]
    for seed in range(cases):
        objects, answers = random_case(seed)
        tallies = average_precision.tally(answers, objects).numpy()
        ones = np.ones((1, len(objects)))
        mine = [np.nan_to_num(float(figure(tallies, ones)[0]), nan=-1.0) for figure in FIGURES]
        for place, peer in enumerate((by_coco, by_torchmetrics)):
            theirs = peer(objects, answers)
            most[place] = max(most[place], float(np.abs(np.subtract(mine, theirs)).max()))
    return most[0], most[1]


def draw(n: int, generator: np.random.Generator, models: int = 2) -> list[np.ndarray]:
    """Return tallies ``(n, 100 + 8, 6)`` of models of one skill on the same images."""
    number = np.minimum(generator.poisson(1.6, n) + (generator.random(n) < 0.7), OBJECTS)
    ease = generator.normal(0, 1, n)
    labels = [generator.choice(len(SHARES), k, p=SHARES) for k in number]
    found = []
    for _ in range(models):
        tallies = np.zeros((n, detection.MOST + OBJECTS, 6))
        tallies[..., 1] = -1
        for image in range(n):
            rows = []
            for label in labels[image]:
                if generator.random() < 1 / (1 + np.exp(-(1.5 + ease[image]))):
                    overlap = 0.8 + 0.05 * ease[image] + 0.1 * generator.normal()
                    right = int(np.clip((overlap - 0.45) // 0.05, 0, 10))
                    sure = 1 + 0.7 * ease[image] + generator.normal()
                    rows.append((sure, label, 2**right - 1))
            for _ in range(generator.poisson(0.8)):
                rows.append((generator.normal() - 1, generator.choice(len(SHARES)), 0))
            rows.sort(key=lambda row: -row[0])
            for row, (sure, label, bits) in enumerate(rows):
                tallies[image, row] = (sure + 20, label, *[bits] * 4)
            for row, label in enumerate(labels[image]):
                tallies[image, detection.MOST + row] = (0, label, *[1] * 4)
        found.append(tallies)
    return found


def main(draws: int) -> None:
    """Print the figures."""
    use(Host().catalogue)
    import_torchvision()
    coco, metrics = largest_differences()
    print(
        f"largest difference in 100 cases: {coco:.1e} to pycocotools, {metrics:.1e} to torchmetrics"
    )
    (many,) = draw(40_000, np.random.default_rng(0), models=1)
    truth = float(detection.sum_up(many, np.ones((1, len(many))))[0])
    for n in (50, 100, 400):
        held = alarms = 0
        values, ends = [], []
        for k in range(draws):
            one, other = (
                headline_of(TASK, tallies) for tallies in draw(n, np.random.default_rng([n, k]))
            )
            held += one.low <= truth <= one.high
            alarms += paired_p_value(one.grades, other.grades, seed_sd=0.0) < 0.05
            values += [one.value, other.value]
            ends.append((one.low, one.high))
        alike = float(np.mean(values))
        of_size = np.mean([low <= alike <= high for low, high in ends])
        print(
            f"{n} images: mean mAP {alike:.3f} (of 40,000: {truth:.3f}); interval holds {held / draws:.1%} and {of_size:.1%}, equal "
            f"models told apart {alarms / draws:.1%}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
