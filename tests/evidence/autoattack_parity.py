"""Whether AutoAttack standard is as strong as its authors' code: robust accuracy of both on the same models.

For each of five seeds a small CNN is trained on digits (797 of them; the other 1,000 are attacked), plainly and on
adversarial examples; both programs attack it in Linf at several radii, with that seed. Per radius: mean difference
in robust accuracy (ours less theirs, in points) and the upper bound of its one-sided 95 % interval by Student's t over
the seeds; wanted: at most 0.3. Run by hand, for an hour on one core:

    python tests/evidence/autoattack_parity.py [NORM [SEEDS [EXAMPLES]]]
"""

from __future__ import annotations

import math
import statistics
import sys
import time

import pyautoattack
import torch
from scipy import stats
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from harness.api import Budget, Draws
from harness_attacks import autoattack
from harness_attacks.options import AutoAttackOptions

RADII = {
    "linf": {"plain": (0.05, 0.1, 0.15), "adversarial": (0.15, 0.25, 0.35)},
    "l2": {"plain": (0.25, 0.5, 0.75), "adversarial": (0.5, 1.0, 1.5)},
    "l1": {"plain": (1.0, 2.0, 3.0), "adversarial": (2.0, 4.0, 6.0)},
}
PEER = {"linf": "Linf", "l2": "L2", "l1": "L1"}
TRAINED = 797


def data() -> tuple[Tensor, Tensor]:
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(0))
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    return images[order], torch.tensor(digits.target)[order]


def train(images: Tensor, targets: Tensor, seed: int, epsilon: float) -> nn.Module:
    """A CNN of two convolutions; with an epsilon on examples from one FGSM step, from a random start."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, 1, 1),
        nn.ReLU(),
        nn.Conv2d(12, 24, 3, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 16, 10),
    )
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(30):
        for batch in torch.randperm(len(images)).split(64):
            x, y = images[batch], targets[batch]
            if epsilon:
                leaf = (x + epsilon * (2 * torch.rand_like(x) - 1)).clamp(0, 1).requires_grad_()
                (slope,) = torch.autograd.grad(functional.cross_entropy(model(leaf), y), leaf)
                moved = leaf.detach() + 1.25 * epsilon * slope.sign()
                x = moved.clamp(x - epsilon, x + epsilon).clamp(0, 1)
            optimizer.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    return model.eval().requires_grad_(False)


def main() -> None:
    """Print a row for each radius."""
    norm = sys.argv[1] if len(sys.argv) > 1 else "linf"
    seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    torch.set_num_threads(1)
    images, targets = data()
    training = (images[:TRAINED], targets[:TRAINED])
    x, y = images[TRAINED:][:count], targets[TRAINED:][:count]
    ids = torch.arange(len(x))
    for kind, radii in RADII[norm].items():
        models = [
            train(*training, seed, 0.2 if kind == "adversarial" else 0.0) for seed in range(seeds)
        ]
        for epsilon in radii:
            rows: list[tuple[float, float, float, float]] = []
            for seed, model in enumerate(models):
                right = model(x).argmax(1) == y
                given = (x[right], y[right])
                start = time.process_time()
                found = autoattack.perturb(
                    model,
                    *given,
                    Budget(norm, epsilon, 0.0, 1.0),
                    Draws(seed, ids[right]),
                    AutoAttackOptions(),
                )
                middle = time.process_time()
                peer = pyautoattack.AutoAttack(
                    model, norm=PEER[norm], eps=epsilon, seed=seed, version="standard"
                )
                theirs, _ = peer.run_standard_evaluation(*given, batch_size=len(given[0]))
                end = time.process_time()
                robust = [
                    100 * float((model(points).argmax(1) == given[1]).sum()) / len(x)
                    for points in (found, theirs)
                ]
                rows.append((*robust, middle - start, end - middle))
            ours, peers, mine, other = (list(column) for column in zip(*rows, strict=True))
            gaps = [a - b for a, b in zip(ours, peers, strict=True)]
            spread = statistics.stdev(gaps) / math.sqrt(seeds) if seeds > 1 else math.nan
            upper = statistics.fmean(gaps) + float(stats.t.ppf(0.95, seeds - 1)) * spread
            print(
                f"{norm} {kind} epsilon {epsilon}: robust {statistics.fmean(ours):.2f} % by ours, "
                f"{statistics.fmean(peers):.2f} % by theirs; mean difference "
                f"{statistics.fmean(gaps):+.3f} points, upper bound {upper:+.3f}, by seed "
                f"{[round(gap, 2) for gap in gaps]}; {sum(mine):.0f} s and {sum(other):.0f} s of CPU",
                flush=True,
            )


if __name__ == "__main__":
    main()
