"""The kinds of items that a run is done and shown with: engines and reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.catalogue.item import Item
from harness.catalogue.references import Reference


@dataclass(frozen=True, kw_only=True)
class Report(Item):
    """A way to show a finished run.

    render(report) -> str or bytes, from a `ReportData`; `suffix` names its files.
    """

    kind = "report"
    uses_torch = False
    render: Reference
    suffix: str = ".txt"
    _callable_fields: ClassVar[tuple[str, ...]] = ("render",)


@dataclass(frozen=True, kw_only=True)
class Engine(Item):
    """What runs the jobs of a plan, and owns the places where they run.

    start(setting) -> an object with the methods of `harness.api.running.RunningEngine`.
    machines() -> the `harness.api.running.Machine`s that its jobs will run on, which a plan is made for, before
        anything is started. None: the one that the run is on.
    """

    kind = "engine"
    uses_torch = False
    start: Reference
    machines: Reference | None = None
    _callable_fields: ClassVar[tuple[str, ...]] = ("start", "machines")
