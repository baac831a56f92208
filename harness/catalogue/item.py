"""What the items of all kinds share, and how an option says that it names another item."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from harness.catalogue.references import Reference

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class Refers:
    """Marks an option (``Annotated[str, Refers("attack")]``) whose text names another item.

    The plan checks the name, and the fingerprint covers the item that is meant. The option may be
    one name or a sequence of names.

    examples: of data sets that a measure names: "inputs" has their examples made ready for it as examples of the data
        (`MeasureContext.other`); "classes" asks besides that their classes are classes of the data. What does not
        fit is refused, where the data sets' `outline` tells it while a plan is made.
    spared: the measure is taken where none of the items is for the data, which it does without.
    """

    kind: str
    examples: str = ""
    spared: bool = False


@dataclass(frozen=True, kw_only=True)
class Item:
    """What all kinds share.

    name: the base name; a family's ends in "/" ("timm/") and `members` lists what follows it.
    summary: one line for listings.
    source: the paper, library or person that it comes from.
    options: a pydantic model; None means that the item has no options.
    members: "package.module:function" that returns {member name: {facts}}; it runs in a process of
        its own, and its answer is cached by the versions of `distributions`.
    distributions: installed distributions whose versions change what the item does.
    files(options) -> the files that it reads, which are checked before anything runs; their contents are
        part of the fingerprint. A folder stands for all files in it, links followed. What Python opens
        while a job runs is noticed and need not be named; what native code opens is not.
    """

    kind: ClassVar[str]
    plural: ClassVar[str] = ""  # where an "s" at the end does not do
    uses_torch: ClassVar[bool] = True
    preloaded: ClassVar[bool] = True  # imported once, before a plan's jobs are forked

    name: str
    summary: str = ""
    source: str = ""
    options: type[BaseModel] | None = None
    members: str | None = None
    distributions: tuple[str, ...] = ()
    files: Reference | None = None

    @property
    def is_family(self) -> bool:
        """Whether the item stands for all the members that it lists late."""
        return self.name.endswith("/")

    @classmethod
    def words(cls) -> str:
        """Return in a sentence what items of the kind are."""
        return (cls.__doc__ or cls.__name__).partition("\n")[0]

    def callables(self) -> tuple[Reference, ...]:
        """Return every callable of the item; their sources are part of a job's fingerprint."""
        values = (getattr(self, name) for name in self._callable_fields)
        return tuple(value for value in values if value is not None)

    def facts(self) -> dict[str, Any]:
        """Return the other fields that can change an outcome, by name, where they are not the default."""
        apart = {"name", "summary", "source", "options", "members", "distributions", "files"}
        apart.update(self._callable_fields, self._planning_fields)
        return {
            field.name: value
            for field in fields(self)
            if field.name not in apart and (value := getattr(self, field.name)) != field.default
        }

    _callable_fields: ClassVar[tuple[str, ...]] = ()
    _planning_fields: ClassVar[tuple[str, ...]] = ()  # for people and for plans: no job reads them
