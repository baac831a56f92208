"""Whether examples of one data set can be taken for examples of another, as far as a plan can tell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.catalogue.chosen import Chosen
from harness.catalogue.kinds import Dataset, Shift
from harness.catalogue.references import call
from harness.data.class_match import match_classes
from harness.data.outline import Outline, shape_misfit, window_misfit
from harness.errors import DataError, UsageError, nearest
from harness.plan.source import Source


@dataclass(frozen=True)
class Misfits:
    """What data sets say of themselves in their outlines, each read once, and what does not fit together."""

    outlines: dict[str, Outline | str] = field(default_factory=dict)

    def of(self, dataset: Chosen, other: Chosen, examples: str) -> str:
        """Say why examples of `other` are none of the data; "" where they are, or where it is not known yet.

        examples: "inputs", or "classes" where classes must be classes of the data, too.
        """
        ours, theirs = self._outline(dataset), self._outline(other)
        if isinstance(theirs, str):
            return theirs
        if isinstance(ours, str):  # the job that prepares the data says so
            return ""
        if ours.shape and theirs.shape and (words := shape_misfit(theirs.shape, ours.shape)):
            return words
        if examples == "classes" and ours.class_names and theirs.class_names:
            try:
                match_classes(
                    theirs.class_names, theirs.means, ours.class_names, len(ours.class_names)
                )
            except DataError as error:
                return str(error)
        return ""

    def window(self, dataset: Chosen, shift: Chosen) -> str:
        """Say that images are smaller than a shift's window; "" where they are not, or where it is not known yet."""
        assert isinstance(shift.item, Shift)
        found = self._outline(dataset)
        if isinstance(found, str) or not found.shape:
            return ""
        return window_misfit(shift.item.window, found.shape)

    def column(self, dataset: Chosen, name: str) -> str:
        """Say that a data set has no column of a name; "" where it has, or where it is not known yet."""
        found = self._outline(dataset)
        if isinstance(found, str) or found.columns is None or name in found.columns:
            return ""
        return f"{dataset.label} has no column {name!r}{nearest(name, found.columns)}"

    def class_(self, dataset: Chosen, name: str) -> str:
        """Say that a data set has no class of a name; "" where it has, or where it is not known yet."""
        found = self._outline(dataset)
        if isinstance(found, str) or not found.class_names or name in found.class_names:
            return ""
        return f"{dataset.label} has no class {name!r}{nearest(name, found.class_names)}"

    def classes(self, dataset: Chosen) -> int | None:
        """Return the number of classes of a data set; None where it is not known yet."""
        found = self._outline(dataset)
        return None if isinstance(found, str) else len(found.class_names) or None

    def _outline(self, dataset: Chosen) -> Outline | str:
        if dataset.label not in self.outlines:
            self.outlines[dataset.label] = _read(dataset)
        return self.outlines[dataset.label]


def _read(dataset: Chosen) -> Outline | str:
    assert isinstance(dataset.item, Dataset)
    if dataset.item.outline is None:
        return Outline()
    try:
        found: Outline = call(dataset.item.outline, options=dataset.model())
    except (DataError, UsageError) as error:
        return str(error)
    return found


def places_of(
    source: Source, measure: str, option: str, name: str
) -> Iterator[tuple[str | int, ...]]:
    """Yield where a suite names a data set in an option of a measure."""
    for position, table in enumerate(source.tables.get("measure", [])):
        if isinstance(table, dict) and str(table.get("name", "")).partition(":")[0] == measure:
            written = table.get(option, [])
            if name in written:
                yield ("measure", position, option, list(written).index(name))
            else:
                yield ("measure", position)
