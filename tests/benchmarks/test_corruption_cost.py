"""The 19 corruptions against imagecorruptions, kornia and albumentations, wherever these have the same one and it runs.

Pictures of 8 bits in, pictures of 8 bits out, all five severities, in one process on one thread by turns, in seconds of CPU: ours
as a corrupted copy is stored, checks included. All are given channel by channel, as networks take pictures; the others want and
give pixel by pixel, and one of the two conversions is counted. Beside kornia, whose transforms take and give tensors of 32 bits, ours do the same. Ours and kornia's take a batch, as many
as a corrupted copy is made of at once; the others one picture. The figure of a corruption is the median over the rounds
of their time over ours.

The C library keeps memory that is freed for both. It would give some back to the system, now and then, by what has run before:
where pages that come anew are dear, as on a virtual machine, one side or the other took three times as long by chance. In a
process that makes corrupted copies that costs 4 %.
"""

import math
import statistics
import time
import warnings

import numpy as np
import pytest
import torch
from corruption_peers import IN_32_BITS, NAMES, PEERS, Peer, load, ours
from shift_cases import photographs

from harness.data.corruption import rows_at_once

ROUNDS = 5
OURS = "harness"
SIDES = (32, 224)
FEW = {32: 20, 224: 2}  # of those that take one picture after the other
# What is held: the geometric mean, and the least of any corruption. Below what was measured (tests/evidence).
LEAST = {
    ("imagecorruptions", 32): (10.0, 1.5),
    ("imagecorruptions", 224): (4.0, 0.9),
    ("albumentations", 32): (2.5, 1.0),
    ("albumentations", 224): (1.3, 0.7),
    ("kornia", 32): (1.2, 0.8),
    ("kornia", 224): (1.5, 0.8),
}


def keep_freed_memory() -> None:
    """Have glibc trim the heap at twice 32 MiB: it does so at twice the largest block, up to that, that was given back."""
    np.empty(2**25 - 2**16, np.uint8)  # given back at once, and never touched


def seconds(peer: Peer, name: str, images: torch.Tensor) -> float:
    """Return the time of a picture, over all severities."""
    start = time.process_time()
    for apply in peer[name]:
        apply(images)
    return (time.process_time() - start) / (len(images) * len(peer[name]))


def runs(peer: Peer, name: str, images: torch.Tensor) -> bool:
    try:
        for apply in peer[name]:
            apply(images)
    except Exception as error:
        print(f"{name} is left out: {type(error).__name__}: {error}")
        return False
    return True


@pytest.mark.slow
@pytest.mark.exclusive
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("which", PEERS)
def test_corruption_cost(benchmark, which, side):
    if not benchmark.enabled:
        pytest.skip("what it runs is tested elsewhere; it only times")
    theirs = load(which, side)
    if theirs is None:
        pytest.skip(f"{which} is not installed (the extra `corruptions`)")
    in_32_bits = which in IN_32_BITS
    both = {OURS: ours(side, in_32_bits), which: theirs}
    torch.set_num_threads(1)
    keep_freed_memory()
    batch = photographs(rows_at_once((3, side, side)), side)
    if not in_32_bits:
        batch = (batch * 255).round().to(torch.uint8)
    images = {OURS: batch, which: batch if in_32_bits else batch[: FEW[side]]}
    taken: dict[str, list[float]] = {}

    def compare() -> None:
        for name in names:
            times = {one: seconds(both[one], name, images[one]) for one in both}
            taken.setdefault(name, []).append(times[which] / times[OURS])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of theirs
        names = [one for one in NAMES if one in theirs and runs(theirs, one, batch[:1])]
        benchmark.pedantic(compare, rounds=ROUNDS, warmup_rounds=1)
    ratios = {name: statistics.median(one[1:]) for name, one in taken.items()}
    mean = math.exp(statistics.mean(map(math.log, ratios.values())))
    benchmark.extra_info |= {"geometric_mean": mean, **ratios}
    told = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
    print(f"\n{which} at {side} px: {mean:.2f} over {len(ratios)}: {told}")
    least_mean, least = LEAST[which, side]
    assert mean >= least_mean
    assert min(ratios.values()) >= least, min(ratios, key=ratios.__getitem__)
