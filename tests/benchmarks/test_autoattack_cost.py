"""AutoAttack standard against its authors' code (pyautoattack): time, and evaluations on examples that fall.

Both attack the same examples of one model in one process on one thread, ours before and after theirs; seconds are of
CPU. Evaluations are examples that pass the model forward, and back. What is spent on examples that fall is counted in a run
on these alone. Radii are those at which some 40 % or some 2 % withstand PGD. Minutes for each case.
"""

import statistics
import time

import pyautoattack
import pytest
import torch
from attack_models import Cnn, Counting, Vit, correct_examples, trained
from test_pgd_cost import epsilon_at
from torch import Tensor, nn

from harness.api import Budget, Draws
from harness_attacks import autoattack
from harness_attacks.options import AutoAttackOptions

LIMITS = {0.4: (0.7, 0.25), 0.02: (0.1, 0.05)}  # of the time, of the evaluations on who falls


def ours(model: nn.Module, inputs: Tensor, targets: Tensor, epsilon: float) -> Tensor:
    ball, draws = Budget("linf", epsilon, 0.0, 1.0), Draws(0, torch.arange(len(inputs)))
    return autoattack.perturb(model, inputs, targets, ball, draws, AutoAttackOptions())


def theirs(model: nn.Module, inputs: Tensor, targets: Tensor, epsilon: float) -> Tensor:
    attack = pyautoattack.AutoAttack(model, norm="Linf", eps=epsilon, seed=0, version="standard")
    found, _ = attack.run_standard_evaluation(inputs, targets, batch_size=len(inputs))
    return found


def spend(run, model: nn.Module, *given) -> tuple[float, Counting, Tensor]:
    """Return the seconds of CPU, the count of evaluations, and who stands."""
    counting = Counting(model)
    start = time.process_time()
    found = run(counting, *given)
    seconds = time.process_time() - start
    with torch.no_grad():
        stands = model(found).argmax(1) == given[1]
    return seconds, counting, stands


@pytest.mark.parametrize("make", [Cnn, Vit])
@pytest.mark.parametrize("share", list(LIMITS))
@pytest.mark.filterwarnings("ignore")  # the peer's own
def test_autoattack_cost(benchmark, one_thread, make, share):
    measuring = benchmark.enabled
    model = trained(make, 12 if measuring else 1)
    inputs, targets = correct_examples(model, 100 if measuring else 8)
    epsilon = epsilon_at(model, inputs, targets, share) if measuring else 0.5
    seconds: list[tuple[float, float]] = []
    last = {}

    def compare() -> None:
        given = (inputs, targets, epsilon)
        before, last["ours"], last["stands"] = spend(ours, model, *given)
        peer, last["theirs"], last["peer stands"] = spend(theirs, model, *given)
        after, _, _ = spend(ours, model, *given)
        seconds.append(((before + after) / 2, peer))

    benchmark.pedantic(compare, rounds=1)
    stands = last["stands"]
    falls = (inputs[~stands], targets[~stands], epsilon)
    counts = [spend(run, model, *falls)[1].evaluations for run in (ours, theirs)]
    assert counts[0] < counts[1]
    if not measuring:
        return
    ratio = statistics.median(mine / peer for mine, peer in seconds)
    benchmark.extra_info |= {
        "epsilon": epsilon,
        "robust": float(stands.float().mean()),
        "robust_by_theirs": float(last["peer stands"].float().mean()),
        "seconds": seconds[0],
        "ratio_of_seconds": ratio,
        "evaluations": (last["ours"].evaluations, last["theirs"].evaluations),
        "ratio_on_who_falls": counts[0] / counts[1],
    }
    print(f"\n{make.__name__}: {benchmark.extra_info}")
    limit, limit_on_who_falls = LIMITS[share]
    assert ratio <= limit
    assert counts[0] / counts[1] <= limit_on_who_falls
