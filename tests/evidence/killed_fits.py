"""A fit that is killed at random moments, again and again, ends with the weights of one that was not.

Each attempt is a process of its own that is ended by SIGKILL after a random time, whatever it does then: a step, the
writing of a checkpoint, an evaluation. Dropout, batch norm, momentum, a schedule, augmentations by draws, the best of all
epochs. Usage: python tests/evidence/killed_fits.py [KILLS]
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHILD = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import torch
from torch import nn
from train_cases import small_net, split, training
from harness.train.fit import fit
from harness.train.resume import Keeper
torch.set_num_threads(1)
net = nn.Sequential(small_net(dropout=0.3), nn.BatchNorm1d(3))
print("begins", flush=True)
how = training(epochs=60, patience=50, batch_size=8, make_schedule=lambda steps, curves: lambda step: 1 - step / steps)
fit(net, how, split(400), split(200, seed=1), keeper=Keeper(Path(sys.argv[2]), float(sys.argv[3])))
weights = b"".join(value.numpy().tobytes() for value in net.state_dict().values())
print("digest", hashlib.sha256(weights).hexdigest(), flush=True)
"""
CASES = Path(__file__).parents[1] / "train"


def attempt(kept: Path, seconds: float | None) -> str:
    """Run one attempt; return the digest of its weights, "" where it was killed before its end."""
    command = [sys.executable, "-c", CHILD, str(CASES), str(kept), "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "begins\n"
        if seconds is not None:
            time.sleep(seconds)
            process.kill()
        said = process.stdout.read().split()
    return said[1] if said else ""


def main(kills: int) -> None:
    """Print how often it was killed, and whether the weights are the same."""
    generator = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        expected = attempt(Path(folder, "whole.safetensors"), None)
        took = time.monotonic() - started
        kept, killed, rounds = Path(folder, "kept.safetensors"), 0, []
        while killed < kills:
            this = 0
            while not (found := attempt(kept, generator.uniform(1.0, 4.0))):
                this += 1
            killed += this
            rounds.append(this)
            assert found == expected, (rounds, found, expected)
    print(f"a fit of {took:.1f} s with its imports; kills until its end, fit by fit: {rounds}")
    print(
        f"{killed} kills at random moments, {len(rounds)} fits: all end with the digest {expected[:12]}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
