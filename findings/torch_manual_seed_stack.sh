#!/usr/bin/env bash
# torch 2.13.0 (CPU build, Python 3.11, Linux x86-64): `torch.manual_seed` takes hundreds of times as long as seeding
# the CPU's generator, and the longer the deeper the call stack is. For each library of devices that is not in use
# (cuda, xpu, mtia) it queues a call, and beside it the formatted stack of where it was asked for: three stacks,
# source lines and all, thrown away at the next call. In a loop that seeds for each batch, under a test runner or a
# framework of two hundred frames, that is milliseconds a batch; `torch.default_generator.manual_seed` takes none of it.
#
# Seen: 274 us at the top, 1,355 us under 50 frames and 4,649 us under 200, against 1.7 us at any depth.
# Fails (exit 1) where that has changed. PyPI's build for CUDA does the same until CUDA is used, but is gigabytes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time

import torch


def seconds(seed, depth, calls=100):
    if depth:
        return seconds(seed, depth - 1, calls)
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(calls):
            seed(1)
        best = min(best, (time.perf_counter() - begun) / calls)
    return best


whole = {depth: seconds(torch.manual_seed, depth) for depth in (0, 50, 200)}
alone = {depth: seconds(torch.default_generator.manual_seed, depth) for depth in (0, 50, 200)}
torch.manual_seed(5)
first = torch.rand(3)
torch.default_generator.manual_seed(5)
same = torch.equal(first, torch.rand(3))
for depth in whole:
    print(f"{depth} frames: {whole[depth] * 1e6:,.0f} us, the generator alone {alone[depth] * 1e6:.1f} us")
print("the same draws:", same)
sys.exit(0 if same and whole[200] > 5 * whole[0] > 50 * alone[0] and alone[200] < 5 * alone[0] else 1)
PYTHON
