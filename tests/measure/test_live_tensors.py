"""What is alive in a pass, against sizes that are known and against torch's own tracker."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from harness.measure.live_tensors import PARTS, LiveTensors
from harness.measure.training_step import adamw_with_state, training_step


class Recomputes(nn.Module):
    """Keeps nothing of its wide layer, and computes it again for the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Sequential(nn.Linear(10, 4000), nn.ReLU(), nn.Linear(4000, 10))
        self.last = nn.Linear(10, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.last(checkpoint(self.wide, inputs, use_reentrant=False))


class Tied(nn.Module):
    """Has one weight in two layers, and a buffer of which it uses a part."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(20, 20), nn.Linear(20, 20)
        self.other.weight = self.one.weight
        self.register_buffer("shift", torch.zeros(300)[:20])

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.other(torch.relu_(self.one(inputs) + self.shift))


def test_a_storage_counts_once_and_whole() -> None:
    inputs = torch.zeros(5, 20)[:2]
    assert LiveTensors(Tied(), None, inputs).now() == dict.fromkeys(PARTS, 0) | {
        "parameters": 4 * (20 * 20 + 2 * 20),
        "buffers": 4 * 300,
        "inputs": 4 * 5 * 20,
    }


def test_what_is_gone_counts_no_more() -> None:
    live = LiveTensors(nn.Identity(), None, torch.zeros(3))
    with live.following():
        for _ in range(3):
            block = torch.ones(1000)
            block.resize_(2000)
            del block
    assert live.most()["activations"] == 8000
    assert live.now()["activations"] == 0


def test_what_is_computed_again_is_an_activation_not_a_gradient() -> None:
    model, inputs = Recomputes(), torch.zeros(50, 10)
    optimizer = adamw_with_state(model)
    live = LiveTensors(model, optimizer, inputs)
    with live.following():
        training_step(model, optimizer, inputs)
    block = (
        4 * 50 * 4000
    )  # of the wide layer: its output behind the ReLU; then its gradient on both sides of that
    assert block <= live.most()["activations"] < 1.1 * block
    assert 2 * block <= live.most()["temporary"] < 2.1 * block


def of_torch(model: nn.Module, optimizer: Any, inputs: torch.Tensor) -> dict[str, int]:
    """Return what torch's MemTracker says of a step of training; it calls all that the optimizer makes state."""
    from torch.distributed._tools.mem_tracker import MemTracker
    from torch.utils.hooks import RemovableHandle

    names = ("Parameter", "Buffer", "Gradient", "Optstate", "Activation", "Temp", "Other")
    tracker = MemTracker()
    tracker.track_external(model, inputs, optimizer)
    for parameter in model.parameters():
        if not parameter.requires_grad:  # it would hook it all the same, and raise
            unhooked = (RemovableHandle(OrderedDict()), RemovableHandle(OrderedDict()))
            tracker._param_to_grad_hook_handles[parameter] = unhooked
    with tracker:
        training_step(model, optimizer, inputs)
    (snapshot,) = tracker.get_tracker_snapshot("peak").values()
    sizes = {kind.value: size for kind, size in snapshot.items() if hasattr(kind, "value")}
    return dict(zip(PARTS, (sizes[name] for name in names), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (Recomputes(), (50, 10)),
        (Tied(), (7, 20)),
        (nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), (4, 9, 16)),
        (
            nn.Sequential(
                nn.Conv2d(3, 8, 3).requires_grad_(False),
                nn.BatchNorm2d(8),
                nn.Flatten(),
                nn.Linear(800, 4),
            ),
            (6, 3, 12, 12),
        ),
    ],
    ids=["recomputes", "tied", "transformer", "frozen"],
)
def test_it_says_what_torch_says(model: nn.Module, shape: tuple[int, ...]) -> None:
    inputs, optimizer = torch.zeros(shape), adamw_with_state(model)
    live = LiveTensors(model, optimizer, inputs)
    state = live.now()["optimizer_state"]
    with live.following():
        training_step(model, optimizer, inputs)
    theirs = of_torch(model, optimizer, inputs)
    theirs["temporary"] += theirs["optimizer_state"] - state
    assert live.most() == theirs | {"optimizer_state": state}
