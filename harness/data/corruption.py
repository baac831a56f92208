"""What a shift at a severity makes of test examples, block by block: the same where it is written and where it is not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from pydantic import BaseModel

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Shift
from harness.catalogue.references import call
from harness.data.draws import Draws, derive
from harness.data.outline import window_misfit
from harness.data.prepared import PreparedData
from harness.data.task import Task
from harness.errors import DataError, NotApplicable

BLOCK_BYTES = 2**21  # of inputs that are changed at once


def rows_at_once(shape: tuple[int, ...]) -> int:
    """Return how many examples a shift is given: few enough for a core's cache."""
    return max(1, BLOCK_BYTES // max(1, 4 * math.prod(shape)))


def is_eight_bit(data: PreparedData) -> bool:
    """Whether the inputs are images of 8 bits, which stay that."""
    return data.array("inputs").dtype == np.uint8 and data.task.scale == 1.0 / 255.0


def in_eight_bits(images: torch.Tensor) -> torch.Tensor:
    """Return images of 0 to 1 rounded to levels of 8 bits, uint8."""
    levels = images.mul(255).round_()
    if levels.device.type == "cpu":  # numpy takes a fifth of torch's time
        return torch.from_numpy(levels.numpy().astype(np.uint8))
    return levels.to(torch.uint8)


@dataclass(frozen=True)
class Corruption:
    """A shift at a severity, for the examples of a data set.

    Images stored in 8 bits are rounded to 8 bits, as the published corrupted sets are; all else is
    kept in float32.
    """

    shift: Chosen
    severity: int
    seed: int
    task: Task
    eight_bit: bool

    @cached_property
    def options(self) -> BaseModel | None:
        """The shift's options, which are checked once and not for each block."""
        return self.shift.model()

    def draws(self, ids: torch.Tensor) -> Draws:
        """Return the draws of examples, which do not depend on the severity."""
        return Draws(derive(self.seed, "shift", self.shift.name), ids)

    def stored(self, inputs: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Return what is stored of examples: uint8 of images of 8 bits, else float32.

        inputs: images of 8 bits as uint8, all else in data space.

        Raises:
            NotApplicable: Images are smaller than what the shift looks at.
            DataError: The shift made NaN or infinity.
        """
        item = self.shift.item
        assert isinstance(item, Shift)
        if words := window_misfit(item.window, tuple(inputs.shape[1:])):
            raise NotApplicable(f"{item.name}: {words}")
        as_kept = self.eight_bit and item.eight_bit
        changed: torch.Tensor = call(
            item.apply,
            inputs=self.in_data_space(inputs) if self.eight_bit and not as_kept else inputs,
            severity=self.severity,
            draws=draws,
            task=self.task,
            options=self.options,
        )
        inside = not as_kept and self._is_inside(changed)
        if item.saved is not None:
            before = changed
            changed = call(item.saved, inputs=changed, task=self.task, options=self.options)
            inside = inside and changed is before
        if as_kept:
            return changed
        if not inside:
            changed = changed.clamp(self.task.low, self.task.high)
        return in_eight_bits(changed) if self.eight_bit else changed.to(torch.float32)

    def _is_inside(self, changed: torch.Tensor) -> bool:
        """Whether values are in the range of the task.

        Raises:
            DataError: One is NaN or infinite.
        """
        low, high = map(float, changed.aminmax())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise DataError(
                f"shift {self.shift.label!r} at severity {self.severity} made NaN or infinity"
            )
        return self.task.low <= low and high <= self.task.high

    def targets(self, targets: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Return the targets of changed examples: those that say where things are move along.

        Raises:
            NotApplicable: The shift does not say how it moves them.
        """
        item, move = self.shift.item, self.task.problem_item.move
        assert isinstance(item, Shift)
        if move is None or item.keeps_places:
            return targets
        if item.moves is None:
            raise NotApplicable(
                f"{item.name} may move what an image shows and does not say whither, so that targets of {self.task.problem} cannot "
                f"follow; take one that leaves all at its place, such as noise, or give {item.name} moves=..."
            )
        maps = call(
            item.moves,
            severity=self.severity,
            draws=draws,
            task=self.task,
            options=self.options,
        )
        moved: torch.Tensor = call(move, targets=targets, maps=maps, task=self.task)
        return moved

    def in_data_space(self, stored: torch.Tensor) -> torch.Tensor:
        """Return stored examples as a model takes them."""
        inputs = stored.to(getattr(torch, self.task.modality_item.input_type))
        return inputs * self.task.scale if self.eight_bit else inputs
