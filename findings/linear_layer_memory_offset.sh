#!/usr/bin/env bash
# torch 2.13.0 (CPU build, Python 3.11, Linux x86-64, AMD EPYC): the last bits of a linear layer's answers depend on where its
# input lies in memory. The same float32 numbers, contiguous in both cases, copied to an address that is a few floats
# further, give other sums. One thread, no randomness, use_deterministic_algorithms(True). Fresh tensors are aligned, so it
# stays hidden until a batch is a slice of a larger tensor: the same examples then get other logits than as a batch of
# their own, of the same size. Products `a @ b` of row-major matrices were the same at all offsets, but where b has a single column.
#
# Seen: with layers of 65 to 128, 224 to 128, 33 to 8, 8 to 3 and 224 to 3, 12 of 15 offsets (all but multiples of 16 bytes)
# differ from offset 0, by at most 2.7e-7. Fails (exit 1) where no offset does.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
generator = torch.Generator().manual_seed(0)
differing = {}
for examples, inner, outer in ((2, 65, 128), (2, 224, 128), (128, 33, 8), (3, 8, 3), (63, 224, 3)):
    inputs = torch.randn(examples, inner, generator=generator)
    layer = torch.nn.Linear(inner, outer)
    room = torch.empty(inputs.numel() + 16)

    def answers(offset):
        place = room[offset : offset + inputs.numel()].view(inputs.shape)
        place.copy_(inputs)
        with torch.inference_mode():
            return layer(place)

    first = answers(0)
    others = {offset: answers(offset) for offset in range(1, 16)}
    differing[examples, inner, outer] = [offset for offset, other in others.items() if not torch.equal(first, other)]
    largest = max(float((first - other).abs().max()) for other in others.values())
    print(f"{examples} examples, {inner} to {outer}: offsets that differ: {differing[examples, inner, outer]}, by at most {largest:.2g}")
sys.exit(0 if any(differing.values()) else 1)
PYTHON
