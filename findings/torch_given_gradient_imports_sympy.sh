#!/usr/bin/env bash
# torch 2.13.0 (Python 3.11, Linux x86-64, CPU): the first pass back that is given a gradient (`grad_outputs` of
# `torch.autograd.grad`, an argument of `backward`) imports sympy and torch's symbolic shapes, although nothing is compiled or
# symbolic: the shapes of the gradient and of the output are compared by a function that lives there. A loss without an
# argument does not. It costs a third of a second and some 35 MiB once in every process, so in each worker of a pool, each
# rank and each forked job of an attack or a Jacobian; a guess by "`import torch` has imported what eager mode needs" is
# wrong. Whoever forks does one such pass before, and shares both.
#
# Seen: after `loss.backward()` none of sympy, mpmath and torch.fx.experimental.symbolic_shapes; after `backward(gradient)`
#   all three, 0.31 s of CPU and 33 MiB; the second such pass 0.0001 s.
# Fails (exit 1) where that has changed.
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

LATE = ("sympy", "mpmath", "torch.fx.experimental.symbolic_shapes")
print({"torch": torch.__version__})


def resident():
    """Return the process's own memory in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def look(what, back):
    """Go back once; return what is imported then, the seconds of CPU and the MiB that it took."""
    output = (torch.ones(3, requires_grad=True) * 2).sum()
    memory, began = resident(), time.process_time()
    back(output)
    seconds, memory = time.process_time() - began, resident() - memory
    there = [name for name in LATE if name in sys.modules]
    print(f"{what}: {there}, {seconds:.4f} s, {memory:.0f} MiB")
    return there, seconds, memory


bare = look("no gradient given", lambda output: output.backward())
given = look("a gradient given", lambda output: output.backward(torch.ones(())))
again = look("once more", lambda output: output.backward(torch.ones(())))
as_seen = not bare[0] and given[0] == list(LATE) and given[1] > 20 * again[1] and given[2] > 10 and again[2] < 5
print("as seen" if as_seen else "changed")
sys.exit(not as_seen)
PYTHON
"$folder/venv/bin/python" -m compileall -q "$folder/venv/lib" >/dev/null || true # what is timed is no compiling of Python
"$folder/venv/bin/python" "$folder/look.py"
