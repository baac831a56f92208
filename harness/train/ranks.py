"""The processes that train one model together: which one this is, and what they tell one another.

Each holds the whole model and takes its share of every batch. What they agree on goes through `torch.distributed`, on
gloo for what lies in memory and nccl for what lies on a GPU.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from harness.train.data_parallel import Together

# Who waits for one that is lost is ended; see `execute.rank_processes`.
_PATIENCE = timedelta(days=30)
_NEVER = -1


class Notice:
    """A step of which the first rank tells all others before they come to it, in memory that they share.

    A rank can begin step n + 1 only when all have given their gradients of step n, so what the first rank writes before it
    begins step n is known to all that begin step n + 1.
    """

    def __init__(self) -> None:
        """Take memory; processes that are forked after this share it."""
        self._memory = mmap.mmap(-1, 8)
        self.write(_NEVER)

    def write(self, step: int) -> None:
        """Name a step."""
        self._memory[:] = step.to_bytes(8, "little", signed=True)

    def read(self) -> int:
        """Return the step that was named last; -1 where none was."""
        return int.from_bytes(self._memory[:], "little", signed=True)


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is: `rank` of 0 to `count` - 1.

    notice: shared by all of one start.
    """

    rank: int = 0
    count: int = 1
    notice: Notice = field(default_factory=Notice, compare=False)

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes files and speaks for all."""
        return self.rank == 0

    def sums(self, values: Sequence[float]) -> list[float]:
        """Return the sums of each rank's values: the same bits on all ranks."""
        return [sum(column) for column in zip(*self.everybodys(values), strict=True)]

    def everybodys(self, values: Sequence[float]) -> list[list[float]]:
        """Return the values of each rank, in their order."""
        if self.count == 1:
            return [[float(value) for value in values]]
        import torch
        import torch.distributed as dist

        mine = torch.tensor(values, dtype=torch.float64)
        found = [torch.empty_like(mine) for _ in range(self.count)]
        dist.all_gather(found, mine)
        return [one.tolist() for one in found]

    def gathered(self, value: Any) -> list[Any]:
        """Return what each rank has, on the first; nothing on the others. They are processes of one job."""
        import torch.distributed as dist

        if self.count == 1:
            return [value]
        found: list[Any] | None = [None] * self.count if self.is_first else None
        dist.gather_object(value, found)
        return found or []

    def training(
        self, model: nn.Module, loss: Callable[[nn.Module], Tensor]
    ) -> AbstractContextManager[Together]:
        """Return a context in which the gradients of a model are averaged over all; see `train.data_parallel`.

        loss(model) -> that of a few examples, of a copy of the model.
        """
        from harness.train.data_parallel import trained_together

        return trained_together(model, self, loss)


ALONE = Ranks()
"""A process that trains by itself."""


@contextmanager
def together(ranks: Ranks, meeting: Path, device: str) -> Iterator[None]:
    """Join the processes of a fit, and part from them.

    meeting: a file that is not there yet, in which they find one another. device: "cpu" or "cuda"; of the GPUs that are
    visible each rank has its own.
    """
    import torch
    import torch.distributed as dist

    # The processes are of one machine, so no other one need reach their ports.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    os.environ.setdefault("NCCL_SOCKET_IFNAME", "lo")
    backend, own = "gloo", None
    if device == "cuda":
        backend, own = "cpu:gloo,cuda:nccl", torch.device("cuda", ranks.rank)
        torch.cuda.set_device(own)
    store = dist.FileStore(str(meeting), ranks.count)  # type: ignore[attr-defined]
    dist.init_process_group(
        backend,
        store=store,
        rank=ranks.rank,
        world_size=ranks.count,
        timeout=_PATIENCE,
        device_id=own,
    )
    yield
    # Without it some processes abort as they end (torch 2.13). Not where something was raised: the others may be in the
    # middle of a step then, and who is in trouble does not wait for them.
    dist.destroy_process_group()
