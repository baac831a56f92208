"""What the warm server imports once, for all jobs of a plan."""

from __future__ import annotations

from collections.abc import Iterable

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.kinds import KINDS
from harness.catalogue.references import module_name
from harness.plan.jobs import Job, named_items


def modules_of(jobs: Iterable[Job], catalogue: Catalogue) -> list[str]:
    """Return the modules of the items that jobs name; those of a person's own classes are not."""
    found: dict[str, None] = {}
    for spec in {id(job.spec): job.spec for job in jobs}.values():
        for kind, item in named_items(spec):
            if KINDS[kind].preloaded and ":" not in item["name"]:
                for reference in catalogue.find(kind, item["name"])[0].item.callables():
                    found.setdefault(module_name(reference))
    return list(found)
