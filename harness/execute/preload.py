"""What the warm server imports once, for all jobs of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.kinds import KINDS
from harness.catalogue.references import module_name
from harness.plan.jobs import Job


def modules_of(jobs: Iterable[Job], catalogue: Catalogue) -> list[str]:
    """Return the modules of the items that jobs name; those of a person's own classes are not."""
    found: dict[str, None] = {}

    def collect(kind: str, name: str) -> None:
        if KINDS[kind].preloaded and ":" not in name:
            for reference in catalogue.find(kind, name)[0].item.callables():
                found.setdefault(module_name(reference))

    def walk(spec: Mapping[str, Any]) -> None:
        for key, inner in spec.items():
            several = (
                inner if isinstance(inner, Sequence) and not isinstance(inner, str) else [inner]
            )
            for one in several:
                if isinstance(one, Mapping):
                    kind = key if key in KINDS else key.removesuffix("s")
                    if kind in KINDS and "name" in one:
                        collect(kind, one["name"])
                    else:
                        walk(one)

    for spec in {id(job.spec): job.spec for job in jobs}.values():
        walk(spec)
    return list(found)
