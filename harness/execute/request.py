"""What a job's process is told, and how it finds the items that are meant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from harness.catalogue.catalogue import Catalogue
from harness.catalogue.chosen import Chosen
from harness.plan.jobs import Job
from harness.plan.names import find_item, settle


@dataclass(frozen=True)
class Request:
    """All that a job's process is told, as JSON.

    folder: where it writes. needs: {fingerprint: folder} of the jobs that it needs. trying: take one
    batch through, then stop. turns: the named pipes of a side, where two processes time in turns
    (`harness.measure.alternation`). keep: the file that keeps how far a long job has come, which an attempt that was
    killed may have left; "" for none. keep_every: seconds from one writing of it to the next. also: what the
    same process does beside it (`harness.execute.together`), each in a folder of its own; one that leaves no
    `outcome.json` there is asked for again alone. streamed: a corrupted copy is not written, but made where it is read.
    lost: {fingerprint: why} of what is needed and not there, where a measure does without some of its models, or a search without
    some of its trials.
    """

    job: Job
    folder: str
    needs: Mapping[str, str] = field(default_factory=dict)
    trying: bool = False
    turns: Mapping[str, str] = field(default_factory=dict)
    keep: str = ""
    keep_every: float = 0.0
    also: tuple[Request, ...] = ()
    streamed: bool = False
    lost: Mapping[str, str] = field(default_factory=dict)

    def to_text(self) -> str:
        """Return the request as JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Request:
        """Read what `to_text` wrote."""
        return cls._from_json(json.loads(text))

    @classmethod
    def _from_json(cls, values: Mapping[str, Any]) -> Request:
        job = values["job"]
        return cls(
            Job(**{**job, "needs": tuple(job["needs"])}),
            values["folder"],
            values["needs"],
            values["trying"],
            values["turns"],
            values["keep"],
            values["keep_every"],
            tuple(map(cls._from_json, values["also"])),
            values["streamed"],
            values["lost"],
        )


@dataclass(frozen=True)
class Items:
    """Finds the items that a job's spec names."""

    catalogue: Catalogue

    def __call__(self, kind: str, spec: Mapping[str, Any]) -> Chosen:
        """Return the item of a spec {"name": ..., "options": ...}."""
        item, member = find_item(self.catalogue, kind, spec["name"])
        return settle(item, member, spec["options"])
