"""What attacks learn of a model from training examples, before they meet the examples to attack."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from harness.api import Attack, AttackContext, Budget, Examples, MeasureContext
from harness.api.measuring import Chosen, call, derive
from harness_attacked.attack_space import Space
from harness_attacked.options import BallOptions


@dataclass(frozen=True)
class TrainPoints:
    """Training examples as points of the space in which attacks take place."""

    examples: Examples
    space: Space

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.examples)

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield points ``(batch, *shape)``, targets and ids."""
        for inputs, targets, ids in self.examples.batches(batch_size):
            yield self.space.encode(inputs), targets, ids


@dataclass(frozen=True)
class Preparations:
    """What each attack prepared for one model under a measure's options, each made once.

    kept: {(name of the attack, its options as text): what it prepared}.
    """

    context: MeasureContext
    space: Space
    options: BallOptions
    kept: dict[tuple[str, str], Any] = field(default_factory=dict)

    def of(self, attack: Chosen, model: nn.Module) -> Any:
        """Return what an attack that prepares has prepared for the model, which takes points to logits."""
        item = attack.item
        assert isinstance(item, Attack) and item.prepare is not None
        key = attack.name, json.dumps(attack.options, sort_keys=True, default=str)
        if key not in self.kept:
            train = TrainPoints(self.context.split("train"), self.space)
            print(f"{attack.label} prepares on {len(train)} training examples", flush=True)
            largest = math.inf if item.minimum_norm else max(e for _, e in self.options.radii)
            self.kept[key] = call(
                item.prepare,
                context=AttackContext(
                    model=model,
                    task=self.context.task,
                    train=train,
                    budget=Budget(
                        self.options.norm, largest, self.space.low, self.space.high, self.space.text
                    ),
                    batch_size=self.options.batch_size,
                    device=self.context.device,
                    seed=derive(self.context.seed, "attack", attack.name, "prepare"),
                    options=attack.model(),
                ),
            )
        return self.kept[key]
