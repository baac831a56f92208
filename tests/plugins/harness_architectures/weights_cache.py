"""Weights as huggingface_hub keeps them, so that no test needs a connection."""

from __future__ import annotations

from pathlib import Path

from torch import nn


def write_timm_cache(folder: Path, hub: str, model: nn.Module) -> None:
    """Write the weights of a model under its id on the hub."""
    from safetensors.torch import save_file

    commit = "0" * 40
    repository = folder / ("models--" + hub.replace("/", "--"))
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    save_file(model.state_dict(), snapshot / "model.safetensors")
