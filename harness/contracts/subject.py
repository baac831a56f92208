"""What a contract is given, and what it may raise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.chosen import Chosen
from harness.catalogue.item import Item
from harness.plan.names import settle

Kept = TypeVar("Kept")


class Broken(Exception):
    """An item does not keep a contract; the message says how."""


class NotChecked(Exception):
    """A contract cannot be checked here; the message says why."""


@dataclass(frozen=True, eq=False)
class Subject:
    """The item that is checked.

    given: options that a person wants it checked with; None where nothing was said. kept: what one contract made and
    another one reads.
    """

    item: Item
    catalogue: Catalogue
    given: Mapping[str, Any] | None = None
    kept: dict[str, Any] = field(default_factory=dict)

    def at(self, where: str) -> None:
        """Say on what data the contract is being checked, for the reason of a failure."""
        self.kept["where"] = where

    @property
    def where(self) -> str:
        """What `at` was told last; "" before."""
        return str(self.kept.get("where", ""))

    def required(self) -> list[str]:
        """Return the options that have no default."""
        if self.item.options is None:
            return []
        return [name for name, info in self.item.options.model_fields.items() if info.is_required()]

    def choose(self, options: Mapping[str, Any] | None = None) -> Chosen:
        """Return the item with its default options but for those given; of a family, one member.

        Raises:
            NotChecked: It needs an option, or the family has no member that can be used here.
        """
        missing = self.required()
        if missing:
            words = "the option " if len(missing) == 1 else "the options "
            raise NotChecked(f"it needs {words}{', '.join(missing)}")
        return settle(self.item, self.member(), dict(options or {}))

    def member(self) -> str:
        """Return the member of a family that stands for the others; "" where the item is no family.

        It is the one whose stated input is smallest, of those the one with the fewest stated parameters
        (AlexNet has 61 million and would be built a dozen times), or else the first by name.
        """
        if not self.item.is_family:
            return ""
        members = self.catalogue.members(self.item)
        usable = [
            name
            for name, facts in members.items()
            if not facts.get("unusable") and not facts.get("requires")
        ]
        if not usable:
            raise NotChecked("none of its members can be used on this machine")
        return min(usable, key=lambda name: (*_size(members[name]), name))

    def keep(self, name: str, make: Callable[[], Kept]) -> Kept:
        """Return what is kept under a name; make it first where nothing is."""
        if name not in self.kept:
            self.kept[name] = make()
        found: Kept = self.kept[name]
        return found


Contract = Callable[[Subject], None]


def require(condition: object, words: str) -> None:
    """Raise unless a condition holds.

    Raises:
        Broken: It does not.
    """
    if not condition:
        raise Broken(words)


def _size(facts: Mapping[str, Any]) -> tuple[float, float]:
    shape = facts.get("input")
    values = float(math.prod(shape)) if isinstance(shape, list) else math.inf
    return values, float(facts.get("parameters", math.inf))
