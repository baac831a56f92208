"""What the plugins provide, by kind and name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from harness.catalogue.families import members
from harness.catalogue.item import Item
from harness.catalogue.kinds import KINDS
from harness.errors import UnknownNameError

WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class Entry:
    """An item, and the name of the plugin that provides it."""

    item: Item
    plugin: str


def is_glob(name: str) -> bool:
    """Whether a name is a pattern, such as "timm/vit_*"."""
    return not WILDCARDS.isdisjoint(name)


class Catalogue:
    """The items of all plugins; immutable once it is made."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Take the entries; their names are unique within a kind."""
        self._by_kind: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
        for entry in entries:
            self._by_kind[entry.item.kind][entry.item.name] = entry
        for known in self._by_kind.values():
            for name, entry in known.items():
                known[name] = replace(entry, item=self._spelt_out(entry.item))

    def _spelt_out(self, item: Item) -> Item:
        """Return an item with the names of the problems and modalities that its words for them mean."""
        said: dict[str, Any] = {
            field: self._names(kind, getattr(item, field))
            for field, kind in (("takes", "modality"), ("problems", "problem"))
            if isinstance(getattr(item, field, None), tuple)
        }
        for kind in ("modality", "problem"):
            if getattr(item, kind, None) == "":
                said[kind] = next(iter(self._names(kind, ())), "")
        changed = {field: value for field, value in said.items() if value != getattr(item, field)}
        return replace(item, **changed) if changed else item

    def _names(self, kind: str, words: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names that words mean, by name, by glob or by group; without one, the default's."""
        known = self._by_kind[kind]
        if not words:
            return tuple(name for name, entry in known.items() if entry.item.default)  # type: ignore[attr-defined]
        found: list[str] = []
        for word in words:
            meant = (
                [word] if word in known else [*self.match(kind, word), *self.in_groups(kind, word)]
            )
            found += meant or [word]
        return tuple(dict.fromkeys(found))

    def entries(self, kind: str) -> Mapping[str, Entry]:
        """Return {name: entry} of a kind, families by their prefix."""
        return self._by_kind[kind]

    def find(self, kind: str, name: str) -> tuple[Entry, str]:
        """Return the entry that a name means, and the member where it is a family's.

        Raises:
            UnknownNameError: Nothing has that name; the message says what is near.
        """
        entries = self._by_kind[kind]
        if name in entries and not entries[name].item.is_family:
            return entries[name], ""
        prefix, slash, member = name.partition("/")
        family = entries.get(prefix + slash)
        if not slash or family is None or not family.item.is_family:
            raise UnknownNameError(kind, name, entries)
        known = self.members(family.item)
        if member not in known:
            raise UnknownNameError(kind, name, [prefix + slash + word for word in known])
        return family, member

    def members(self, item: Item) -> Mapping[str, Mapping[str, Any]]:
        """Return {member: facts} of a family."""
        return members(item.members or "", item.distributions)

    def match(self, kind: str, pattern: str) -> list[str]:
        """Return the names that a glob means, in order; a family is opened only by its prefix."""
        names: list[str] = []
        for name, entry in self._by_kind[kind].items():
            if not entry.item.is_family:
                if fnmatchcase(name, pattern):
                    names.append(name)
            elif pattern.startswith(name):
                names += [
                    name + member
                    for member in self.members(entry.item)
                    if fnmatchcase(name + member, pattern)
                ]
        return names

    def in_groups(self, kind: str, pattern: str) -> list[str]:
        """Return the names of the items that have a group which a word or glob means, in order."""
        return [
            name
            for name, entry in self._by_kind[kind].items()
            if any(fnmatchcase(group, pattern) for group in getattr(entry.item, "groups", ()))
        ]
