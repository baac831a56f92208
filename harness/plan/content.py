"""What a job reads from files, as a digest: when the plan is made, and again once it is read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from harness.catalogue.chosen import Chosen
from harness.catalogue.references import call
from harness.errors import DataError
from harness.plan.file_digests import file_digests, walk


def item_files(chosen: Chosen) -> list[Path]:
    """Return the files and folders that an item says it reads."""
    if chosen.item.files is None:
        return []
    return [Path(path) for path in call(chosen.item.files, options=chosen.model())]


def files_digest(chosen: Chosen) -> str:
    """Digest the contents of the files that an item says it reads, and their names where it has several."""
    parts: list[Any] = []
    single: list[Path] = []
    for path in item_files(chosen):
        if path.is_dir():
            parts.append(file_digests(walk(path)))
        else:
            single.append(path)
    if single:
        found = file_digests(single)
        parts.append(found if len(found) > 1 else list(found.values()))
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def is_word(weights: str) -> bool:
    """Whether weights are named by a word, not by the path of a file."""
    return weights in ("random", "pretrained")


def weights_digest(weights: str) -> str:
    """Digest the weights that a fit starts from: a word, or the contents of a file."""
    if is_word(weights):
        return weights
    (found,) = file_digests([Path(weights).expanduser()]).values()
    return found


def check_unchanged(what: str, planned: str, found: str) -> None:
    """Check that files are still those of the plan: the outcome is kept under their digest.

    Raises:
        DataError: They are others.
    """
    if planned != found:
        raise DataError(
            f"{what} changed after the run was planned; run again, to plan with it anew"
        )
