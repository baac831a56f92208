#!/usr/bin/env bash
# timm 1.0.31 (torch 2.13.0, Python 3.11, Linux x86-64): a learning rate of 0 does not stop rmsproptf, madgrad and
# cadafactor. All three keep a momentum into which past learning rates have gone, so after `group["lr"] = 0` the weights
# go on in its direction, some 10 % less each step: 1 / (1 - 0.9) = 10 steps' worth in all. What is frozen by a learning rate of
# 0 half-way (a schedule's pause, a group of a fine-tuning), and compared before and after, has moved. timm's sgd, adamw,
# lamb and lion stand still from that step on, as torch's do.
#
# Seen: two steps at 0.1, then four at 0. rmsproptf moves by 0.149, 0.134, 0.120, 0.108, madgrad by 0.071, 0.064, 0.057, 0.052,
# cadafactor by 0.067, 0.065, 0.057, 0.053; the others by 0.
# Fails (exit 1) where that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 torchvision==0.28.0 timm==1.0.31 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import torch

try:
    import torchvision  # noqa: F401 - timm needs it
except RuntimeError:  # a torch for CPUs alone beside a torchvision for CUDA: its compiled operators are missing, and are not used here
    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]

from timm.optim import create_optimizer_v2

print({name: version(name) for name in ("torch", "timm")})


def moves(name, rates):
    """Return how far each step at such a learning rate moves the weights of a small regression."""
    torch.manual_seed(0)
    model, inputs = torch.nn.Linear(3, 4), torch.randn(8, 3)
    optimizer = create_optimizer_v2(model, opt=name, lr=rates[0], weight_decay=0.0)
    found = []
    for rate in rates:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        before = torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()
        optimizer.step()
        after = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
        found.append(round(float((after - before).norm()), 3))
    return found


paused = {name: moves(name, [0.1, 0.1, 0.0, 0.0, 0.0, 0.0])[2:] for name in (
    "rmsproptf", "madgrad", "cadafactor", "sgd", "adamw", "lamb", "lion")}
print("after two steps, at 0:", paused)
go_on = {name for name, steps in paused.items() if min(steps) > 0.01}
stand = {name for name, steps in paused.items() if max(steps) == 0}
as_seen = go_on == {"rmsproptf", "madgrad", "cadafactor"} and go_on | stand == set(paused)
print("as seen" if as_seen else "changed")
sys.exit(not as_seen)
PYTHON
