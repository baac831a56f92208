"""What engines and observers are given: jobs and their places, events, outcomes."""

from harness.catalogue.events import (
    Event,
    JobFinished,
    JobGoesOn,
    JobStarted,
    RunFinished,
    RunStarted,
    RunWaits,
)
from harness.catalogue.host import PluginChoice
from harness.execute.engines import (
    Busy,
    Displaced,
    Ended,
    EngineSetting,
    Place,
    RunningEngine,
    Work,
)
from harness.execute.job import run_request
from harness.execute.request import Request
from harness.machine.devices import Gpu
from harness.machine.machines import Machine, this_machine
from harness.plan.jobs import Job
from harness.store.records import Outcome

__all__ = [
    "Busy",
    "Displaced",
    "Ended",
    "EngineSetting",
    "Event",
    "Gpu",
    "Job",
    "JobFinished",
    "JobGoesOn",
    "JobStarted",
    "Machine",
    "Outcome",
    "Place",
    "PluginChoice",
    "Request",
    "RunFinished",
    "RunStarted",
    "RunWaits",
    "RunningEngine",
    "Work",
    "run_request",
    "this_machine",
]
