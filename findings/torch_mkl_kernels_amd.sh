#!/usr/bin/env bash
# torch 2.13.0 (Linux x86-64, CPU wheel, MKL 2024.2 and oneDNN 3.12 within), Python 3.11, an AMD EPYC with AVX-512 (family 26):
# torch says that its CPU capability is AVX512, and yet its products of float32 matrices run at half of what a core can, as
# MKL gives CPUs that are not Intel's its kernels for AVX2. oneDNN, in the same wheel, asks for instructions and not for the
# maker: `torch.ops.mkldnn._linear_pointwise` takes half of the time of `torch.nn.functional.linear`, and of up to 192 inputs
# its answer has the same bits, which a guess by "another library, another order of sums" does not expect. Neither
# MKL_ENABLE_INSTRUCTIONS nor MKL_CBWR changes MKL's choice. A ceiling measured by `torch.mm` is therefore one that convolutions
# (oneDNN) go beyond on such CPUs. `torch.tanh`, which MKL's vector functions compute, takes several times what
# `torch.sigmoid` takes, though one is the other scaled.
#
# Seen: 1,088 x 64 by 64 x 192: 255 us and 125, the same bits; 1,024 x 1,024 by 1,024 x 1,024: 106 and 232 GFLOP/s.
#   8,192 numbers: tanh 2.1 ns each, sigmoid 0.3.
# Fails (exit 1) where that has changed: a ratio below 1.4 (products), below 2 (tanh), or other bits. On a CPU that is
# Intel's, or has no AVX-512, there is nothing to see, and it says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat >"$folder/look.py" <<'PYTHON'
import sys
import time
from pathlib import Path

import torch
from torch.nn import functional

torch.set_num_threads(1)
vendor = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("vendor_id")), "")
print({"torch": torch.__version__, "vendor": vendor, "capability": torch.backends.cpu.get_cpu_capability()})
if vendor in ("", "GenuineIntel") or not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
    print("not such a CPU: nothing to see")
    sys.exit(0)


def least(*calls, rounds=15, times):
    """Return the least seconds of CPU of each call, taken by turns."""
    found = [float("inf")] * len(calls)
    for _ in range(rounds):
        for place, call in enumerate(calls):
            began = time.process_time()
            for _ in range(times):
                call()
            found[place] = min(found[place], (time.process_time() - began) / times)
    return found


as_seen = True
with torch.inference_mode():
    for rows, inputs, outputs, times in ((1088, 64, 192, 200), (1024, 1024, 1024, 3)):
        x, w, b = torch.randn(rows, inputs), torch.randn(outputs, inputs), torch.randn(outputs)
        by_mkl = lambda: functional.linear(x, w, b)
        by_onednn = lambda: torch.ops.mkldnn._linear_pointwise(x, w, b, "none", [], "")
        one, other = least(by_mkl, by_onednn, times=times)
        same = torch.equal(by_mkl(), by_onednn())
        flops = 2 * rows * inputs * outputs
        print(f"{rows} x {inputs} x {outputs}: {flops / one / 1e9:.0f} and {flops / other / 1e9:.0f} GFLOP/s, same bits: {same}")
        as_seen &= one / other > 1.4 and (same or inputs > 192)
    x = torch.randn(8192)
    one, other = least(lambda: torch.tanh(x), lambda: torch.sigmoid(x), times=300)
    print(f"tanh {one / 8192 * 1e9:.2f} ns, sigmoid {other / 8192 * 1e9:.2f}")
    as_seen &= one / other > 2
print("as seen" if as_seen else "changed")
sys.exit(not as_seen)
PYTHON
for setting in "" MKL_ENABLE_INSTRUCTIONS=AVX512 MKL_CBWR=AVX512; do
  echo "with ${setting:-no setting}"
  env $setting "$folder/venv/bin/python" "$folder/look.py"
done
