"""How large data sets are, as far as they can say so before they are read: by that a plan foretells how long fits take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Dataset
from harness.catalogue.references import call
from harness.errors import DataError, UsageError

Extent = tuple[int, int]  # examples, and numbers that each is made of


@dataclass(frozen=True)
class Extents:
    """The extents of data sets by their labels, each asked for when it is needed, once."""

    datasets: dict[str, Chosen] = field(default_factory=dict)
    found: dict[str, Extent | None] = field(default_factory=dict)

    @classmethod
    def of(cls, datasets: Iterable[Chosen]) -> Extents:
        """Return those of the data sets of a suite."""
        return cls({dataset.label: dataset for dataset in datasets})

    def __call__(self, label: str) -> Extent | None:
        """Return what is known of a data set; None where that is nothing."""
        if label not in self.found:
            dataset = self.datasets.get(label)
            self.found[label] = None if dataset is None else _read(dataset)
        return self.found[label]


def _read(dataset: Chosen) -> Extent | None:
    assert isinstance(dataset.item, Dataset)
    extent = dataset.item.extent
    if extent is None or isinstance(extent, tuple):
        return extent
    try:
        found: Extent | None = call(extent, options=dataset.model())
    except (DataError, UsageError, OSError):  # the job that prepares the data says so
        return None
    return found
