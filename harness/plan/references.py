"""Names of other items among an item's options, as `Refers` marks them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from pydantic import BaseModel

from harness.catalogue.chosen import Chosen
from harness.catalogue.item import Item, Refers


def references(chosen: Chosen) -> Iterator[tuple[str, str, str]]:
    """Yield (option, kind, name) for each name of another item among an item's options."""
    for key, kind in marked(chosen.item).items():
        value = chosen.options.get(key)
        for name in [value] if isinstance(value, str) else value or ():
            yield key, kind, name


def example_sets(chosen: Chosen) -> Iterator[tuple[str, str, str]]:
    """Yield (option, name, "inputs" or "classes") of the data sets whose examples a measure takes for the data's."""
    marks = _marks(chosen.item)
    for key, kind, name in references(chosen):
        if kind == "dataset" and marks[key].examples:
            yield key, name, marks[key].examples


def is_spared(item: Item, option: str) -> bool:
    """Whether an item does without what an option names, where none of it is for the data."""
    return _marks(item)[option].spared


def marked(item: Item) -> dict[str, str]:
    """Return {option: kind} of the options that name other items."""
    return {key: mark.kind for key, mark in _marks(item).items()}


def _marks(item: Item) -> dict[str, Refers]:
    return {} if item.options is None else _marks_of(item.options)


@cache  # a plan asks for each measure and model
def _marks_of(options: type[BaseModel]) -> dict[str, Refers]:
    return {
        key: mark
        for key, info in options.model_fields.items()
        for mark in info.metadata
        if isinstance(mark, Refers)
    }
