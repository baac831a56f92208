"""How many verdicts depend on the batch size in float32, where kernels of other sizes round differently.

Every attack in every norm attacks 500 digits on a small CNN, with 500, 100, 25 and (the first 50 digits) 1 of them
in flight, and all draws belong to the example. Each verdict that differs from the one at 500 is listed with its
margin, the lead of the true class in logits at the two points. Wanted: at most 0.2 %. Run by hand:

    python tests/evidence/batch_flips.py [ATTACK ...]
"""

from __future__ import annotations

import sys

import torch
from autoattack_parity import data, train

from harness.api import Budget, Draws
from harness.api.measuring import call
from harness_attacks import harness_register_attacks

RADII = {"linf": 0.1, "l2": 0.5, "l1": 2.0, "l0": 4.0}
COUNT = 500


def main() -> None:
    """Print a row for each attack and norm, and the total."""
    torch.set_num_threads(1)
    images, targets = data()
    model = train(images[:797], targets[:797], 0, 0.0)
    x, y = images[797:], targets[797:]
    right = model(x).argmax(1) == y
    x, y = x[right][:COUNT], y[right][:COUNT]
    flips = verdicts = 0

    def margins(points: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        logits = model(points)
        true = logits.gather(1, classes[:, None])[:, 0]
        return true - logits.scatter(1, classes[:, None], -torch.inf).amax(1)

    for item in harness_register_attacks():
        if "real-valued" not in item.takes:
            continue
        if len(sys.argv) > 1 and item.name not in sys.argv[1:]:
            continue
        options = item.options(**item.checked_with) if item.options else None
        for norm in item.norms:
            ball, found = Budget(norm, RADII[norm], 0.0, 1.0), {}
            for size in (COUNT, 100, 25, 1):
                count = 50 if size == 1 else COUNT
                points = call(
                    item.perturb,
                    model=model,
                    inputs=x[:count],
                    targets=y[:count],
                    budget=ball,
                    draws=Draws(1, torch.arange(count)),
                    options=options,
                    batch_size=size,
                )
                found[size] = margins(points, y[:count])
            here = []
            for size, margin in found.items():
                whole = found[COUNT][: len(margin)]
                different = (margin > 0) != (whole > 0)
                verdicts += len(margin)
                pairs = zip(margin[different].tolist(), whole[different].tolist(), strict=True)
                here += [f"{a:+.2g}/{b:+.2g} at {size}" for a, b in pairs]
            flips += len(here)
            robust = float((found[COUNT] > 0).float().mean())
            print(f"{item.name} {norm}: robust {robust:.1%}; flips {here or 'none'}", flush=True)
    print(f"{flips} of {verdicts} verdicts ({flips / verdicts:.3%})")


if __name__ == "__main__":
    main()
