#!/usr/bin/env bash
# torch 2.13.0 (Python 3.11, Linux x86-64), safetensors 0.8.0: on a CPU the fused optimizers (`fused=True`) go through weights,
# gradients and their own state as they lie in memory, whatever the strides say, and say nothing where these differ. Weights
# in channels_last have a state of the same strides while a training goes on. A state that was saved with safetensors, which
# takes contiguous tensors alone, comes back in other strides; `load_state_dict` keeps them as they are; and from the next
# step on each weight is moved by another weight's momentum. Nothing is raised, and training goes on from wrong weights. A
# guess by CUDA, where such strides raise "params, grads, exp_avgs, and exp_avg_sqs must have same dtype, device, and layout"
# (pytorch issue 106951), is wrong. Unfused (foreach or one by one) the resumed weights have the bits of those that never
# stopped. So is fused, where each tensor of the state is first laid out as its weight
# (`torch.empty_like(weight).copy_(state)`).
#
# Seen: three steps, stopped and resumed, three more, against six at one go; the largest difference of a weight.
#   AdamW: fused 0.0462, laid out anew 0.0, unfused 0.0. SGD with momentum: fused 0.0325, laid out anew 0.0, unfused 0.0.
# Fails (exit 1) where that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 safetensors==0.8.0 numpy==2.4.6 packaging
"$folder/venv/bin/python" - "$folder/state.safetensors" <<'PYTHON'
import sys
from importlib.metadata import version

import torch
from safetensors.torch import load_file, save_file
from torch import nn

print({name: version(name) for name in ("torch", "safetensors")})
torch.set_num_threads(1)


def resumed(kind, *, stops, again=False, **options):
    """Return a convolution's weights after six steps. stops: after three, through a file; again: its state is laid out anew."""
    torch.manual_seed(0)
    model = nn.Conv2d(8, 16, 3).to(memory_format=torch.channels_last)
    inputs = torch.randn(4, 8, 6, 6).to(memory_format=torch.channels_last)

    def steps(optimizer):
        for _ in range(3):
            optimizer.zero_grad()
            model(inputs).square().mean().backward()
            optimizer.step()

    optimizer = kind(model.parameters(), **options)
    steps(optimizer)
    if stops:
        whole = optimizer.state_dict()
        tensors = {
            f"{number}.{name}": value.contiguous()
            for number, state in whole["state"].items()
            for name, value in state.items()
            if value is not None
        }
        save_file(tensors, sys.argv[1])
        whole["state"] = {number: {} for number in whole["state"]}
        for key, value in load_file(sys.argv[1]).items():
            number, _, name = key.partition(".")
            whole["state"][int(number)][name] = value
        optimizer = kind(model.parameters(), **options)
        optimizer.load_state_dict(whole)
        if again:
            for weight, state in optimizer.state.items():
                for name, value in state.items():
                    if value.shape == weight.shape:
                        state[name] = torch.empty_like(weight).copy_(value)
    steps(optimizer)
    return model.weight.detach().clone()


as_seen = True
for kind, options in ((torch.optim.AdamW, {"lr": 0.01}), (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9})):
    apart = {}
    for name, how in (
        ("fused", {"fused": True}),
        ("laid out anew", {"fused": True, "again": True}),
        ("unfused", {"fused": False}),
    ):
        again = how.pop("again", False)
        at_one_go = resumed(kind, stops=False, **options, **how)
        after = resumed(kind, stops=True, again=again, **options, **how)
        apart[name] = round(float((after - at_one_go).abs().max()), 4)
    print(kind.__name__, apart)
    as_seen &= apart["fused"] > 1e-3 and apart["laid out anew"] == apart["unfused"] == 0
print("as seen" if as_seen else "changed")
sys.exit(not as_seen)
PYTHON
