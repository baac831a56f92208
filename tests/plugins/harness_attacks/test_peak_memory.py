"""How much memory an attack holds at once does not depend on its number of steps."""

import weakref
from typing import Any

import pytest
import torch
from attack_cases import budget, draws, matrix, radius
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.api.measuring import call
from harness_attacks import directions, harness_register_attacks

FEW, MANY, EXAMPLES = 5, 20, 20
LENGTH = {"square": "queries"}  # the option; of the others it is steps
CASES = matrix(
    (
        item
        for item in harness_register_attacks()
        if item.options and {"steps", "queries"} & set(item.options.model_fields)
    ),
    slow={"hopskipjump"},
)


class PeakBytes(TorchDispatchMode):
    """Adds up the storages that operations return while they live, in the forward and backward passes."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        returned = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(returned):
            if isinstance(leaf, torch.Tensor):
                self.add(leaf.untyped_storage())
        return returned

    def add(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self.known:
            return
        self.known.add(key)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self.drop, key, storage.nbytes())

    def drop(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


def test_the_peak_counts_what_lives_at_once():
    with PeakBytes() as memory:
        kept = torch.zeros(1000)
        for _ in range(3):
            torch.ones(500) + kept[0]
    assert memory.peak in (4 * 2000, 4 * 2001) and memory.now == 4000
    with PeakBytes() as memory:
        kept = [torch.zeros(1000) for _ in range(3)]
    assert memory.peak == 12_000


@pytest.mark.parametrize(("item", "norm"), CASES)
def test_more_steps_hold_no_more_memory(net, examples, monkeypatch, item, norm):
    """But for a schedule's numbers: for each step less than one example of the twenty."""
    # hopskipjump asks about more points in later steps; here as many at once as it does of large images
    monkeypatch.setattr(directions, "FRESH_NUMBERS", 0)
    inputs, targets = (part[:EXAMPLES] for part in examples)
    option = LENGTH.get(item.name, "steps")

    def peak(steps: int) -> int:
        options = item.options(**{**item.checked_with, option: steps})
        with PeakBytes() as memory:
            call(
                item.perturb,
                model=net,
                inputs=inputs,
                targets=targets,
                budget=budget(norm, radius(norm) / 8),
                draws=draws(EXAMPLES),
                options=options,
            )
        return memory.peak

    few, many = peak(FEW), peak(MANY)
    assert few > 5 * inputs.nbytes
    assert many - few < (MANY - FEW) * inputs[0].nbytes
