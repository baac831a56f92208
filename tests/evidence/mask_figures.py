"""mIoU against torchmetrics, how often its interval holds the true one, and false alarms of pairs of equal models.

    python tests/evidence/mask_figures.py [draws]

Images have areas of five classes that differ by a factor of a hundred, and two models answer them with errors of their own
and of the image's difficulty; a million images stand for the population.
"""

from __future__ import annotations

import sys

import numpy as np
import torch

from harness.api import Task
from harness.catalogue.host import Host
from harness.catalogue.in_use import use
from harness.statistics.inference import paired_p_value
from harness_problems import segmentation
from harness_quality.grades import headline_of

CLASSES = 5
TASK = Task(
    modality="image", problem="segmentation", input_shape=(1, 8, 8), outputs=CLASSES, low=0, high=1
)


def compare_with_torchmetrics(cases: int = 50) -> float:
    """Return the largest difference to torchmetrics over random masks with ignored pixels."""
    from torchmetrics.classification import MulticlassJaccardIndex

    generator = torch.Generator().manual_seed(0)
    most = 0.0
    for _ in range(cases):
        masks = torch.randint(0, CLASSES, (6, 9, 7), generator=generator)
        answers = torch.randint(0, CLASSES, (6, 9, 7), generator=generator)
        answers = torch.where(torch.rand(6, 9, 7, generator=generator) < 0.6, masks, answers)
        masks[torch.rand(6, 9, 7, generator=generator) < 0.1] = segmentation.IGNORE
        theirs = MulticlassJaccardIndex(CLASSES, average="macro", ignore_index=segmentation.IGNORE)
        outputs = torch.nn.functional.one_hot(answers, CLASSES).movedim(3, 1)
        tallies = segmentation.tally(outputs, masks.to(torch.uint8)).numpy()
        ours = float(segmentation.sum_up(tallies, np.ones((1, 6)))[0])
        most = max(most, abs(ours - float(theirs(answers, masks))))
    return most


def draw(n: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Return tallies ``(n, classes, 2)`` of two models of one true mIoU on the same images."""
    there = generator.random((n, CLASSES)) < np.array([1.0, 0.8, 0.5, 0.3, 0.2])
    area = np.round(10 ** generator.uniform(1, 3, (n, CLASSES))) * there
    ease = generator.beta(4, 1.5, (n, 1))
    found = []
    for _ in range(2):
        both = generator.binomial(
            area.astype(int), (0.6 * ease + 0.4 * generator.beta(4, 1.5, (n, CLASSES)))
        )
        wrong = generator.poisson(0.1 * area)
        found.append(np.stack([both, area + wrong], 2))
    return found


def main(draws: int) -> None:
    """Print the figures."""
    use(Host().catalogue)
    print(f"largest difference to torchmetrics in 50 cases: {compare_with_torchmetrics():.1e}")
    population = [draw(100_000, np.random.default_rng(k))[0].sum(0) for k in range(10)]
    total = np.sum(population, axis=0)
    truth = float((total[:, 0] / total[:, 1]).mean())
    for n in (25, 100, 400):
        held = alarms = 0
        for k in range(draws):
            pair = draw(n, np.random.default_rng([n, k]))
            one, other = (headline_of(TASK, tallies) for tallies in pair)
            assert one.low is not None and one.high is not None
            held += one.low <= truth <= one.high
            alarms += paired_p_value(one.grades, other.grades, seed_sd=0.0) < 0.05
        print(
            f"{n} images: interval holds {held / draws:.1%}, equal models told apart {alarms / draws:.1%}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
