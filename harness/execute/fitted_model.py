"""A model as a fit has left it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from harness.data.model import DataSpaceModel, build_model
from harness.data.task import Task
from harness.execute.request import Items
from harness.train import checkpoint

FOUND = "architecture.json"
"""In the folder of a fit: its architecture with the options that a search has found; left out where it searched none."""


def fitted_model(
    items: Items,
    said: Mapping[str, Any],
    task: Task,
    device: torch.device,
    folder: str | Path | None,
) -> DataSpaceModel:
    """Return a model in evaluation mode.

    said: what a job's spec says of it, `architecture` and `published`. folder: of the fit; None: with random weights.
    """
    architecture = said["architecture"]
    if folder is not None and (found := Path(folder) / FOUND).exists():
        architecture = json.loads(found.read_text(encoding="utf-8"))
    model = build_model(
        items("architecture", architecture), task, published=said["published"], load=False
    )
    if folder is not None:
        checkpoint.load(model, Path(folder))
    return model.to(device).eval()
