"""Why a training makes no sense on a data set or a device."""

from __future__ import annotations

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.chosen import Chosen
from harness.catalogue.counts import several
from harness.catalogue.in_use import problem_in
from harness.catalogue.kinds import Optimizer
from harness.plan.cell import Cell
from harness.plan.suite import TrainingSettings


def training_skip(catalogue: Catalogue, cell: Cell, training: TrainingSettings) -> str:
    """Say why a training makes no sense on a cell; empty where it does."""
    skip = optimizer_skip(catalogue, training.optimizer, cell.device)
    objective = training.objective
    if objective and cell.problem not in getattr(objective.item, "problems", ()):
        skip = skip or f"objective {objective.label!r} is not for {cell.problem}"
    if objective and cell.modality not in getattr(objective.item, "takes", ()):
        skip = skip or f"objective {objective.label!r} is not for {several(cell.modality)}"
    for augmentation in training.augmentations:
        if cell.modality not in getattr(augmentation.item, "takes", ()):
            skip = (
                skip or f"augmentation {augmentation.label!r} is not for {several(cell.modality)}"
            )
        item = augmentation.item
        known = getattr(item, "keeps_places", False) or getattr(item, "moves", None) is not None
        if not known and problem_in(catalogue, cell.problem).move is not None:
            skip = skip or (
                f"augmentation {augmentation.label!r} may move what an image shows, and targets of {cell.problem} would not follow; "
                "leave it out, or give it moves=..."
            )
    return skip


def optimizer_skip(catalogue: Catalogue, optimizer: Chosen, device: str) -> str:
    """Say why an optimizer cannot step on a device; empty where it can."""
    item = optimizer.item
    assert isinstance(item, Optimizer)
    facts = catalogue.members(item)[optimizer.member] if item.is_family else {}
    if facts.get("unusable"):
        return f"optimizer {optimizer.label} cannot be used: {facts['unusable']}"
    requires = (*item.requires, *facts.get("requires", ()))
    if "cuda" in requires and device != "cuda":
        return f"optimizer {optimizer.label} needs CUDA"
    return ""
