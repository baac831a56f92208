"""What the warm server imports once, for all jobs of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.references import module_name
from harness.plan.jobs import Job


def modules_of(jobs: Iterable[Job], catalogue: Catalogue) -> list[str]:
    """Return the modules of the items that jobs name; those of a person's own classes are not."""
    found: dict[str, None] = {}

    def collect(kind: str, spec: Any) -> None:
        if isinstance(spec, Mapping) and "name" in spec and ":" not in spec["name"]:
            for reference in catalogue.find(kind, spec["name"])[0].item.callables():
                found.setdefault(module_name(reference))

    for spec in {id(job.spec): job.spec for job in jobs}.values():
        for kind in ("architecture", "measure", "shift"):
            collect(kind, spec.get(kind))
        for compared in spec.get("fits", ()):
            collect("architecture", compared["architecture"])
        for kind, inner in spec.get("training", {}).items():
            collect(kind, inner)
    return list(found)
