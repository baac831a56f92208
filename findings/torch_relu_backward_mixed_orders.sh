#!/usr/bin/env bash
# torch 2.13.0 (Python 3.11, Linux x86-64, CPU): the gradient of relu takes thirty times as long where the gradient that it is
# given lies in another order of memory than relu's output, although no value differs. A network in channels_last whose maps
# end in `mean((2, 3))` (most residual networks) or in `flatten` meets it on every way back, as these give a gradient in the
# usual order: one call can take all that channels_last gains in a small network. A guess by other operators of two orders
# is wrong: a product of such tensors takes three to six times as long, a copy into the other order twice, so that
# `gradient.contiguous(memory_format=torch.channels_last)` before relu's (a hook on its output) saves most of it.
#
# Seen, microseconds, the least of 15 turns: 64 x 64 x 4 x 4: one order 9, two 276, a copy 21; a product 7
#   and 24. 64 x 64 x 8 x 8: 35, 1,173, 79; 33 and 92. Through relu and mean with autograd, 64 x 64 x 8 x 8: maps in the usual
#   order 416, channels_last 1,704, with a hook that lays the gradient out anew 774 (beside other work).
# Fails (exit 1) where that has changed: a ratio below 8, or a hook that does not help.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time

import torch

torch.set_num_threads(1)
torch.manual_seed(0)
last = torch.channels_last
print({"torch": torch.__version__})


def least(*calls, rounds=15, times=40):
    """Return the least microseconds of CPU of each call, taken by turns."""
    found = [float("inf")] * len(calls)
    for _ in range(rounds):
        for place, call in enumerate(calls):
            began = time.process_time()
            for _ in range(times):
                call()
            found[place] = min(found[place], (time.process_time() - began) / times * 1e6)
    return found


as_seen = True
for shape in ((64, 64, 4, 4), (64, 64, 8, 8)):
    output, gradient = torch.randn(shape).relu(), torch.randn(shape)
    turned = output.to(memory_format=last)
    back = torch.ops.aten.threshold_backward
    assert torch.equal(back(gradient, output, 0), back(gradient, turned, 0))
    one, two, copy, product, mixed = least(
        lambda: back(gradient, output, 0),
        lambda: back(gradient, turned, 0),
        lambda: gradient.contiguous(memory_format=last),
        lambda: gradient * output,
        lambda: gradient * turned,
    )
    print(f"{shape}: one order {one:.0f} us, two {two:.0f}, a copy {copy:.0f}; a product {product:.0f} and {mixed:.0f}")
    as_seen &= two / one > 8 and two > 2 * (copy + one) and mixed / product < 0.6 * two / one


def through(maps, *, lay_out=False):
    """Return the gradient of what the mean over relu's maps is given, with respect to the maps."""
    active = maps.relu()
    if lay_out:
        active.register_hook(lambda found: found.contiguous(memory_format=last))
    (found,) = torch.autograd.grad(active.mean((2, 3)), maps, weights)
    return found


weights = torch.randn(64, 64)
usual = torch.randn(64, 64, 8, 8).requires_grad_()
turned = usual.detach().to(memory_format=last).requires_grad_()
assert torch.equal(through(usual), through(turned))
plain, channels, laid_out = least(lambda: through(usual), lambda: through(turned), lambda: through(turned, lay_out=True))
print(f"relu and mean: the usual order {plain:.0f} us, channels_last {channels:.0f}, with a hook {laid_out:.0f}")
as_seen &= channels / plain > 4 and laid_out < 0.5 * channels
print("as seen" if as_seen else "changed")
sys.exit(not as_seen)
PYTHON
