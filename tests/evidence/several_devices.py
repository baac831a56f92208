"""Fits by several processes: as near to one process as sums allow, and one that dies never leaves the others waiting.

Losses: 50 steps of two and of three processes on gloo against those of one. Kills: a process of a fit that keeps how far it is
is ended by SIGKILL at a random moment, the first or the second, again and again; how long the fit takes to end then,
whether a process is left, and whether it ends with the weights of one that was not disturbed.
Usage: python tests/evidence/several_devices.py [KILLS]
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path += [str(Path(__file__).parents[1] / "train")]

import torch
from rank_cases import fitted, plain_net, together
from torch import nn
from train_cases import sgd, small_net, split, training

from harness.execute.rank_processes import Answer, RankLost, in_ranks
from harness.machine.processes import children_of
from harness.train.fit import fit
from harness.train.ranks import Ranks
from harness.train.resume import Keeper

TWO = 2


def losses(folder: Path) -> None:
    """Print the largest difference of the losses of 50 steps."""
    how = training(epochs=50, batch_size=99, make_optimizer=sgd(0.1, momentum=0.9))
    given = plain_net(), how, split(99)
    alone = fitted(*given)
    for count in (TWO, 3):
        found = together(count, folder, lambda ranks: fitted(*given, ranks=ranks))
        apart = [abs(a - b) for a, b in zip(found["losses"], alone["losses"], strict=True)]
        print(
            f"{count} processes, 99 examples in each of {len(apart)} steps: losses from "
            f"{alone['losses'][0]:.3f} to {alone['losses'][-1]:.3f}, apart by {max(apart):.1e} at most"
        )


def work(kept: Path) -> Callable[[Ranks], Answer]:
    """Return a fit of some seconds, which keeps how far it is all the time, and the digest of its weights."""
    how = training(
        epochs=12,
        patience=11,
        batch_size=16,
        make_schedule=lambda steps, curves: lambda step: 1 - step / steps,
    )

    def do(ranks: Ranks) -> Answer:
        torch.set_num_threads(1)
        net = nn.Sequential(small_net(dropout=0.3), nn.BatchNorm1d(3))
        keeper = Keeper(kept, 0.01, ranks=ranks)
        fit(net, how, split(400), split(200, seed=1), keeper=keeper, ranks=ranks)
        weights = b"".join(value.numpy().tobytes() for value in net.state_dict().values())
        return Answer(hashlib.sha256(weights).hexdigest())

    return do


def kills(folder: Path, wanted: int) -> None:
    """Print what became of so many kills."""
    generator, me = random.Random(0), os.getpid()
    began = time.monotonic()
    expected = in_ranks(TWO, folder, "cpu", work(folder / "whole.safetensors"))
    took = time.monotonic() - began
    kept, done, fits, waits = folder / "kept.safetensors", 0, 0, list[float]()
    while done < wanted:
        killed: list[float] = []
        late = threading.Timer(generator.uniform(0.1, took), _kill_one, (me, generator, killed))
        late.start()
        try:
            found: Any = in_ranks(TWO, folder, "cpu", work(kept))
        except RankLost as lost:
            waits.append(time.monotonic() - killed[0])
            print(f"kill {len(waits)}: ended {waits[-1]:.2f} s later: {lost}", flush=True)
            assert "SIGKILL" in str(lost)
            done += 1
            assert not children_of(me), "a process is left"
            continue
        finally:
            late.cancel()
            late.join()
        fits += 1
        assert found == expected, (found, expected)
        kept.unlink(missing_ok=True)
    assert in_ranks(TWO, folder, "cpu", work(kept)) == expected
    print(
        f"a fit of {took:.1f} s on two processes; {done} kills of one of them, in {fits + 1} fits: the fit has ended "
        f"{max(waits):.2f} s after a kill at the latest, no process was left, and each ended with the digest {expected[:12]}"
    )


def _kill_one(parent: int, generator: random.Random, killed: list[float]) -> None:
    processes = children_of(parent)
    if processes:
        killed.append(time.monotonic())
        os.kill(generator.choice(processes), signal.SIGKILL)


def main(wanted: int) -> None:
    """Print the figures."""
    warnings.simplefilter(
        "ignore", DeprecationWarning
    )  # the thread that kills is no part of the fits
    with tempfile.TemporaryDirectory() as folder:
        losses(Path(folder))
        kills(Path(folder), wanted)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
