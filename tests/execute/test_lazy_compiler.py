"""torch's compiler stays away while nothing is compiled, and compiles what it would have compiled."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
import torch
from harness.execute.lazy_compiler import put_off_compiler
from torch._subclasses.fake_tensor import FakeTensorMode

def loaded():
    return "torch._dynamo.eval_frame" in sys.modules

if sys.argv[1] == "put_off":
    put_off_compiler()
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
optimizer = torch.optim.AdamW(net.parameters())

def step(model):
    optimizer.zero_grad()
    model(torch.ones(3, 4)).square().sum().backward()
    optimizer.step()

step(net)
with FakeTensorMode() as mode:
    shape = mode.from_tensor(torch.ones(2, 3)).sum(1).shape
if "torch._dynamo" in sys.modules:  # as torch.distributed has it
    torch._dynamo.trace_rules.clear_lru_cache()
before = loaded()
from torch._dynamo.testing import CompileCounter
layers, steps = CompileCounter(), CompileCounter()
step(torch.compile(net, backend=layers))
torch.compile(optimizer.step, backend=steps)()
import torch._dynamo.testing
print(before, loaded(), tuple(shape), layers.frame_count, layers.op_count, steps.frame_count, steps.op_count,
      torch._dynamo.testing.CompileCounter is CompileCounter, [float(p.sum()) for p in net.parameters()])
"""


@pytest.mark.slow
def test_a_process_that_trains_loads_no_compiler_and_compiles_as_others_do() -> None:
    said = {
        how: subprocess.run(
            [sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True
        ).stdout
        for how in ("put_off", "as torch has it")
    }
    (before, after, same), (loaded, _, alone) = (one.split(maxsplit=2) for one in said.values())
    assert (before, loaded, after) == ("False", "True", "True")
    assert same == alone
    assert same.startswith("(2,) 1 3 1 ")


def test_where_torch_cannot_be_imported_nothing_is_done() -> None:
    code = """
import sys
from harness.execute.lazy_compiler import put_off_compiler
before = list(sys.meta_path)
put_off_compiler()
sys.modules["torch"] = None
put_off_compiler()
print(sys.meta_path == before, "torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
