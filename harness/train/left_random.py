"""Whether training leaves a network mostly as it was drawn at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.catalogue.finding import Finding
from harness.catalogue.item import Item


def left_random(
    settings: Mapping[str, Any], techniques: Sequence[Item], started: bool = False
) -> Finding | None:
    """Return a finding where no weights are loaded, and what trains is for weights that were trained before; else None.

    settings: of the training, as a fit has them. started: whether it starts from the weights of another fit.
    """
    ways = [f"the technique {one.name}" for one in techniques if getattr(one, "of_trained", False)]
    if settings["freeze"] == "trunk":
        ways.insert(0, 'freeze = "trunk"')
    if settings["weights"] != "random" or started or not ways:
        return None
    return Finding(
        code="left-random",
        sentence=f"By {' and '.join(ways)} most of the network stays as it was, and no weights were loaded: unless the architecture "
        "loads some itself, that is at random.",
        advice='Load weights (weights = "pretrained", or a file of weights), or train all of the network.',
    )
