"""An item as a suite names it: with its member and options settled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.catalogue.item import Item

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class Chosen:
    """An item with a member and options settled: what a name such as ``mlp:depth=8`` means.

    options: the validated options in full, as JSON values.
    label: what it is called: what a suite says after `as`, else the shortest name that tells it from the item's defaults.
    behind: that name where the label is a suite's own word.
    """

    item: Item
    label: str
    member: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    behind: str = ""

    @property
    def spelled(self) -> str:
        """The shortest name that tells it from the item's defaults, whatever it is called."""
        return self.behind or self.label

    def model(self) -> BaseModel | None:
        """Return the options as the item's own pydantic model; None where it has none."""
        return None if self.item.options is None else self.item.options.model_validate(self.options)

    @property
    def name(self) -> str:
        """The name with its member, without options."""
        return self.item.name + self.member
