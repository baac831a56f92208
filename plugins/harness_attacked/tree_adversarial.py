"""How boosted trees stand under attacks that see answers alone: a yardstick for networks on tables under the same attacks."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.api import Attack, Finding, MeasureContext, Metric, NotApplicable
from harness.api.measuring import BOOSTED_TREES, LeftOut, grow_trees, tree_threads
from harness_attacked import adversarial
from harness_attacked.options import AdversarialOptions, TreeAdversarialOptions
from harness_attacked.shown import WORST_CASE

Array = np.ndarray[Any, Any]


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield what `adversarial` does of a network, of the trees of the floor "boosted trees": in the same space, box and ball.

    Trees have no gradient, and of what they say only the class is looked at: attacks that see more are left out with a warning. Then
    no worst case is told either, as it would stand beside that of networks under more attacks.

    Raises:
        NotApplicable: There are no training examples, or no attack of the list is one by answers alone.
    """
    options = context.options
    assert isinstance(options, TreeAdversarialOptions)
    blind: list[str] = []
    others: list[str] = []
    for name in options.attacks:
        item = context.choose("attack", name).item
        assert isinstance(item, Attack)
        (blind if item.access == "decisions" else others).append(name)
    if others:
        reason = f"boosted trees only answer, and {', '.join(others)} would see more than answers"
        if not blind:
            raise NotApplicable(f"{reason}; hopskipjump does with answers")
        warnings.warn(f"left out: {reason}", LeftOut, stacklevel=1)
    model = AnsweringTrees(grow_trees(context), context.task.outputs)
    # The audit asks what networks have: gradients, modules, scales of logits.
    instead = {"attacks": blind, "audit": False, "gallery": 0}
    asked = AdversarialOptions.model_validate(options.model_dump() | instead)
    alone = Finding(
        code="answers-alone",
        sentence=f"Boosted trees met {' and '.join(blind)}, which {'sees' if len(blind) == 1 else 'see'} answers alone.",
        advice="Hold them against networks under the same attacks, not against the worst case of a network that met others, too.",
    )
    with tree_threads():
        for metric in adversarial.run(replace(context, model=model, options=asked)):
            if not others or metric.where.get("attack") != WORST_CASE:
                yield replace(metric, where={"architecture": BOOSTED_TREES, **metric.where})
    context.save_findings([alone])


class AnsweringTrees(nn.Module):
    """Trees as a model that tells its answer and nothing else: 1 for the class, 0 for all others."""

    def __init__(self, answers: Callable[[Array], Array], classes: int) -> None:
        """Take what answers rows ``(batch, features)`` float64 with classes ``(batch,)``."""
        super().__init__()
        self.answers, self.classes = answers, classes
        self.eval()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return ``(batch, classes)`` for a table's rows ``(batch, features)``."""
        found = torch.from_numpy(self.answers(inputs.detach().cpu().double().numpy())).long()
        return functional.one_hot(found, self.classes).to(inputs.device, torch.float32)
