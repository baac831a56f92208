"""What training took: CPU time, memory, energy where the machine tells it, and money at the user's price."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from harness.api import MeasureContext, Metric
from harness.api.measuring import LeftOut
from harness_training.measures.options import CostOptions

HOUR = 3600.0
KILOWATT_HOUR = 3.6e6  # joules


def run(context: MeasureContext) -> Iterator[Metric]:
    """Yield `training_core_seconds` of the fit and of the search for its learning rate, `training_memory`, `training_energy` and
    `training_cost`.

    The cost is core hours times their price, hours of the device times theirs, and kilowatt hours times theirs: of what has
    a price. A search is done once for all seeds, and of it no energy is known.

    Raises:
        NotApplicable: Nothing was trained.
    """
    options = context.options
    assert isinstance(options, CostOptions)
    history = context.history()
    parts = {"fit": (history.rows[-1]["core_seconds"], history.rows[-1]["training_seconds"])}
    if history.searched:
        parts["search"] = (history.searched["core_seconds"], history.searched["seconds"])
    priced = {options.core_hour, options.device_hour, options.kilowatt_hour} != {None}
    if options.kilowatt_hour is not None and history.joules is None:
        warnings.warn("the price of energy: this machine does not tell it", LeftOut, stacklevel=1)
    for part, (cores, seconds) in parts.items():
        assert cores is not None and seconds is not None
        where = {"part": part}
        yield Metric(name="training_core_seconds", value=cores, unit="CPU s", n=1, where=where)
        cost = cores / HOUR * (options.core_hour or 0.0)
        cost += seconds / HOUR * (options.device_hour or 0.0)
        if part == "fit" and history.bytes is not None:
            value = history.bytes
            yield Metric(name="training_memory", value=value, unit="bytes", n=1, where=where)
        if part == "fit" and history.joules is not None:
            joules = history.joules
            yield Metric(name="training_energy", value=joules, unit="J", n=1, where=where)
            cost += joules / KILOWATT_HOUR * (options.kilowatt_hour or 0.0)
        if priced:
            yield Metric(name="training_cost", value=cost, unit=options.currency, n=1, where=where)
