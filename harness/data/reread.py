"""The test examples of a data set of pictures, read from their files in another way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Dataset
from harness.catalogue.references import call
from harness.data.prepared import PreparedData, SplitExamples
from harness.data.preprocessing import Preprocessing
from harness.data.splits import TEST
from harness.data.task import LoadedData
from harness.errors import DataError, NotApplicable


class RereadExamples:
    """Test examples in the order of their ids, each read from its file when it is asked for."""

    def __init__(self, loaded: LoadedData, prepared: SplitExamples, rows: Any) -> None:
        """Take the data set as it was read otherwise, its prepared test split, and the rows of that in it."""
        self.loaded, self.prepared, self.rows = loaded, prepared, rows

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield (inputs, targets, ids) in the order of the ids."""
        inputs, device = self.loaded.inputs, self.prepared.device
        assert inputs is not None
        for start in range(0, len(self), batch_size):
            some = slice(start, start + batch_size)
            pixels = np.concatenate([inputs[row : row + 1] for row in self.rows[some]])
            values = torch.from_numpy(pixels).to(device).float() * self.loaded.scale
            yield values, self.prepared.targets[some], self.prepared.ids[some]


def reread(
    dataset: Chosen,
    preprocessing: Preprocessing | None,
    reading: Mapping[str, Any],
    data: PreparedData,
    device: torch.device,
) -> RereadExamples:
    """Return the test examples, read as `preprocessing` says but for the fields of it in `reading`.

    Raises:
        NotApplicable: The data set does not read pictures of any size, or reads them so already.
        DataError: It has not as many examples as when it was made ready.
    """
    item = dataset.item
    assert isinstance(item, Dataset)
    if item.preprocesses is None:
        raise NotApplicable(f"{dataset.label} reads no pictures of any size from files")
    loaded: LoadedData = call(
        item.load, options=dataset.model(), preprocessing=preprocessing, reading=reading
    )
    if loaded.preprocessing == data.task.preprocessing:
        raise NotApplicable(f"pictures are read so already: {loaded.preprocessing}")
    split = data.array("split")
    if loaded.inputs is None or loaded.inputs.shape[0] != len(split):
        raise DataError(f"{dataset.label} has changed since it was made ready; run again")
    rows = np.flatnonzero(split == TEST)
    rows = rows[np.argsort(data.array("ids")[rows])]
    return RereadExamples(loaded, data.split("test", device), rows)
