#!/usr/bin/env bash
# torchao 0.18.0 with torch 2.13.0 (CPU build, Python 3.11, Linux x86-64): dynamic int8 (activations and weights) is a
# way to run a model with less memory and, so one would think, faster. On a CPU, in eager mode, its linear layers take tens of
# times as long as the fp32 layers that they replace, while torch's own older dynamic int8 (torch.ao.quantization), which
# torchao is to replace, takes one to two times. Answers are about right in both, so a check of accuracy does not tell.
#
# Seen: of three layers of 512, 64 examples, one thread, by turns: torchao 20 times fp32, torch.ao 1.9 times (both cores had other
# work). Fails (exit 1) where torchao takes less than 5 times, or torch.ao more than 5 times, the time of fp32.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/pip" install -q --disable-pip-version-check --no-deps torchao==0.18.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import copy
import statistics
import sys
import time

import torch
from torch import nn
from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

torch.manual_seed(0)
torch.set_num_threads(1)
plain = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)).eval()
ours = copy.deepcopy(plain)
quantize_(ours, Int8DynamicActivationInt8WeightConfig())
older = torch.ao.quantization.quantize_dynamic(copy.deepcopy(plain), {nn.Linear}, dtype=torch.qint8)
models = {"fp32": plain, "torchao": ours, "torch.ao": older}
inputs = torch.randn(64, 512)
times = {name: [] for name in models}
with torch.inference_mode():
    answers = {name: model(inputs) for name, model in models.items()}
    for _ in range(15):  # by turns
        for name, model in models.items():
            start = time.perf_counter()
            for _ in range(5):
                model(inputs)
            times[name].append((time.perf_counter() - start) / 5)
medians = {name: statistics.median(found) for name, found in times.items()}
ratios = {name: medians[name] / medians["fp32"] for name in models}
errors = {name: float((answers[name] - answers["fp32"]).abs().max()) for name in models}
print("milliseconds a call of 64 examples:", {name: round(1e3 * value, 3) for name, value in medians.items()})
print("times fp32:", {name: round(value, 1) for name, value in ratios.items()})
print("largest difference of an answer:", {name: round(value, 4) for name, value in errors.items()})
sys.exit(0 if ratios["torchao"] >= 5.0 and ratios["torch.ao"] <= 5.0 else 1)
PYTHON
