"""Processes that a measure starts, one on each device, and what they come to."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import NotApplicable, OutOfMemory, PluginError
from harness.execute.rank_processes import Answer, in_ranks
from harness.measure.execution import is_out_of_memory
from harness.train.ranks import Ranks

if TYPE_CHECKING:
    import torch

    Work = Callable[[Ranks, torch.device], Any]


def ranks_of(
    folder: Path, device: str, start: Callable[[int], torch.device]
) -> Callable[[int, Work], Any]:
    """Return what a measure does a piece of work with in several processes: `MeasureContext.in_ranks`.

    start(rank) sets up the device of one of the processes. What one of them raises is raised here, in words.
    """

    def do(count: int, work: Work) -> Any:
        def answer(ranks: Ranks) -> Answer:
            try:
                return Answer({"found": work(ranks, start(ranks.rank))})
            except Exception as error:
                raised = {
                    "words": f"{type(error).__name__}: {error}",
                    "trace": traceback.format_exc(),
                    "kind": "skip" if isinstance(error, NotApplicable) else "",
                }
                if is_out_of_memory(error):
                    raised["kind"] = "memory"
                return Answer({"raised": raised}, time.monotonic())

        answered = in_ranks(count, folder, device, answer)
        if "found" in answered:
            return answered["found"]
        raised = answered["raised"]
        kinds = {"skip": NotApplicable, "memory": OutOfMemory}
        error = kinds.get(raised["kind"], PluginError)(raised["words"])
        error.add_note(raised["trace"])
        raise error

    return do
