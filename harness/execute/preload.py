"""What the warm server imports once, for all jobs of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.item import Item
from harness.catalogue.kinds import KINDS
from harness.catalogue.references import module_name
from harness.catalogue.roots import Roots
from harness.plan.jobs import Job, named_items


def modules_of(jobs: Iterable[Job], catalogue: Catalogue) -> list[str]:
    """Return the modules of the items that jobs name; those of a person's own classes are not."""
    named: dict[tuple[str, str], None] = {}
    for spec in {id(job.spec): job.spec for job in jobs}.values():
        for kind, item in named_items(spec):
            named[kind, item["name"]] = None
    found: dict[str, None] = {}
    for kind, name in named:
        if KINDS[kind].preloaded and ":" not in name:
            found |= dict.fromkeys(_modules_behind(catalogue.find(kind, name)[0].item))
    return list(found)


def _modules_behind(item: Item) -> Iterator[str]:
    """Return the modules of an item's callables, then those that its fields name, as a modality what its data can be read as."""
    yield from map(module_name, item.callables())
    behind = {module for module, _ in Roots(replace(item, options=None)).definitions}
    yield from sorted(one for one in behind if one.partition(".")[0] != "harness")
