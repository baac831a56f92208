"""A curve over ten radii against ten runs, one at each of them: at most 0.95 of their cost.

PGD at ten evenly spaced radii up to the one that some 2 % withstand, as the measure `adversarial` takes them, in
evaluations (examples that pass the model forward, and back) and in seconds of CPU, by turns with the same attack at each
radius on all examples. The curve reads no higher anywhere.
"""

import statistics
import time

import pytest
import torch
from attack_models import Cnn, Counting, Vit, correct_examples, trained
from test_pgd_cost import epsilon_at

from harness.api.measuring import Chosen
from harness_attacked.attack_space import Space
from harness_attacked.attacked_model import AttackedModel
from harness_attacked.under_attack import attack_examples
from harness_attacks import harness_register_attacks

RADII, ROUNDS, LIMIT = 10, 5, 0.95


@pytest.mark.parametrize("make", [Cnn, pytest.param(Vit, marks=pytest.mark.slow)])
def test_curve_cost(benchmark, make):
    measuring = benchmark.enabled
    model = trained(make, 12 if measuring else 1)
    points, targets = correct_examples(model, 400 if measuring else 10)
    largest = epsilon_at(model, points[:100], targets[:100], 0.02) if measuring else 0.1
    radii = RADII if measuring else 3
    curve = [largest * (k + 1) / radii for k in range(radii)]
    (pgd,) = (item for item in harness_register_attacks() if item.name == "pgd")
    attack, ids = Chosen(item=pgd, label="pgd"), torch.arange(len(points))
    costs: list[tuple[float, float]] = []

    def spend(epsilons: list[float]) -> tuple[float, int, torch.Tensor]:
        counting = Counting(model)
        attacked = AttackedModel(counting, counting, False, Space(0.0, 1.0), batch_size=100, seed=0)
        start = time.process_time()
        given = (points, targets, ids, lambda outcome: None)
        found = attack_examples(attacked, attack, "linf", epsilons, *given)
        seconds = time.process_time() - start
        return seconds, counting.evaluations, found.robust

    def compare() -> None:
        together, apart = spend(curve), [spend([epsilon]) for epsilon in curve]
        seconds, evaluations, separate = zip(*apart, strict=True)
        costs.append((together[0] / sum(seconds), together[1] / sum(evaluations)))
        assert (together[2] <= torch.cat(separate)).all()

    benchmark.pedantic(compare, rounds=ROUNDS if measuring else 1)
    evaluations = costs[0][1]
    assert evaluations <= 1.0
    if not measuring:
        return
    ratio = statistics.median(seconds for seconds, _ in costs)
    benchmark.extra_info |= {
        "stands": [round(share, 4) for share in spend(curve)[2].float().mean(1).tolist()],
        "ratio_of_evaluations": evaluations,
        "ratio_of_seconds": ratio,
    }
    print(f"\n{make.__name__}: {benchmark.extra_info}")
    assert ratio <= LIMIT
